/** What becomes of an operator when a real API server, its etcd, its certificates, tokens and rights come and go. */
import { readFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { Handler, OnEvent, Reconcile, type ReconcileContext } from '../../../src/framework';
import { ConfigMap } from '../../../src/framework/kinds/core-kinds';
import { poll } from '../../harness/poll';
import { aPart, Part } from '../../unit/framework/faults/world';
import { call, type Json, type ServerUnderTest } from '../../unit/framework/testing/http-client';
import { installParts, PARTS } from './parts';
import { Stage } from './stage';

const OUTAGE_MS = 60_000;
const RECOVERY_MS = 40_000;
const MAPS = '/api/v1/namespaces/default/configmaps';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

/** A child and a status for every part: whoever writes without need is noticed. */
@Handler({ rbac: [{ kind: ConfigMap, verbs: ['create', 'patch'], why: 'a map for each part' }] })
class Sample {
  @Reconcile(Part, { owns: [ConfigMap] })
  async reconcile(part: Part, ctx: ReconcileContext<Part>): Promise<void> {
    const { name, namespace } = part.metadata!;
    await ctx.client.applyChild(part, ConfigMap, {
      metadata: { name: `of-${name}`, namespace: namespace! },
      data: { size: String(part.spec?.size) },
    });
    ctx.status.set({ size: part.spec?.size });
  }
}

describe('an operator while a real API server is away, or refuses it', function () {
  // Each step of the clock asks the API server: hundreds of questions a test.
  this.timeout(900_000);
  let controlPlane: ControlPlane;
  let stage: Stage | undefined;

  const direct = (): ServerUnderTest => ({ baseUrl: controlPlane.server, token: controlPlane.adminToken, ca: controlPlane.ca });
  const get = async (path: string): Promise<Json> => (await call(direct(), 'GET', path)).body;
  const post = async (path: string, body: object): Promise<void> => {
    expect((await call(direct(), 'POST', path, { body })).status).to.equal(201);
  };
  const create = (name: string, size = 1): Promise<void> =>
    post(PARTS, { apiVersion: Part.apiVersion, kind: Part.kind, ...aPart(name, size) });
  const versions = async (): Promise<Record<string, string>> => {
    const found: Record<string, string> = {};
    for (const path of [PARTS, MAPS]) {
      for (const { metadata } of (await get(path))['items'] as { metadata: { name: string; resourceVersion: string } }[])
        found[`${path}/${metadata.name}`] = metadata.resourceVersion;
    }
    return found;
  };
  const isDone = async (name: string): Promise<boolean> => ((await get(`${PARTS}/${name}`))['status'] as Json | undefined)?.['size'] === 1;

  before(async function () {
    this.timeout(600_000);
    controlPlane = await startControlPlane({ controllerManager: false });
    await installParts(direct());
  });

  beforeEach(async () => {
    for (const name of ['a', 'b', 'c']) await create(name);
  });

  afterEach(async () => {
    await stage?.end();
    stage = undefined;
    for (const path of [PARTS, MAPS]) await call(direct(), 'DELETE', path);
  });

  after(() => controlPlane?.stop());

  for (const { what, stop, start } of [
    { what: 'the API server', stop: () => controlPlane.stopApiServer(), start: () => controlPlane.startApiServer() },
    { what: 'etcd', stop: () => controlPlane.stopEtcd(), start: () => controlPlane.startEtcd() },
  ]) {
    it(`follows again within 40 s when ${what} was killed and is back after a minute, and writes nothing for it`, async () => {
      stage = await Stage.set(controlPlane, { handlers: [Sample] });
      for (const name of ['a', 'b', 'c']) await stage.until(`${name} is done`, () => isDone(name));
      await stage.pass(5_000);
      const before = await versions();
      const writesBefore = stage.writes.length;
      stage.heard.length = 0;

      await stop();
      await stage.pass(OUTAGE_MS);
      expect([...stage.operator.cluster.store(Part).list()]).to.have.length(3);
      await start();
      await create('d');
      // Slowly, so that a busy server has time to answer before the clock says that it is late.
      await stage.until('the new object is heard', () => stage!.heard.includes('ADDED d'), 20, RECOVERY_MS);
      await stage.until('it is done', () => isDone('d'));
      await stage.pass(RECOVERY_MS);

      expect(await versions()).to.include(before);
      expect(stage.writes.slice(writesBefore).filter((write) => !/ (of-)?d$/.test(write))).to.deep.equal([]);
      expect(stage.heard.filter((line) => !line.endsWith(' d'))).to.deep.equal([]);
    });
  }

  it('trusts a new authority as soon as its file has it, and follows again', async () => {
    const file = controlPlane.writeFile('trusted-ca.crt', controlPlane.ca);
    stage = await Stage.set(controlPlane, {
      direct: true,
      kubeConfig: (server) => {
        const config = new KubeConfig();
        config.loadFromClusterAndUser(
          { name: 'c', server, caFile: file, skipTLSVerify: false },
          { name: 'u', token: controlPlane.adminToken },
        );
        return config;
      },
    });
    await controlPlane.stopApiServer();
    controlPlane.rotateAuthority();
    await controlPlane.startApiServer();
    const told = (): string => stage!.operator.cluster.informers.list()[0]!.status().detail;
    await stage.until('the certificate is refused', () => /certificate|signature/i.test(told()));
    expect(readFileSync(file, 'utf8')).not.to.equal(controlPlane.ca);

    controlPlane.writeFile('trusted-ca.crt', controlPlane.ca);
    await create('d');
    await stage.until('the new object is heard', () => stage!.heard.length > 0);

    expect(stage.heard).to.deep.equal(['ADDED d']);
  });

  it('asks for a new token once when the one of twenty parallel calls counts no more, and all of them succeed', async () => {
    const accounts = '/api/v1/namespaces/default/serviceaccounts';
    await post(accounts, { metadata: { name: 'steward' } });
    await post(`${RBAC}/clusterrolebindings`, {
      metadata: { name: 'steward' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'steward', namespace: 'default' }],
    });
    const old = await controlPlane.serviceAccountToken('default', 'steward');
    const token = controlPlane.writeFile('token', old);
    const asked = controlPlane.writeFile('asked', '');
    const plugin = `const fs = require('fs'); fs.appendFileSync(${JSON.stringify(asked)}, 'x');
      process.stdout.write(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential',
        status: { token: fs.readFileSync(${JSON.stringify(token)}, 'utf8') } }));`;
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', plugin],
      interactiveMode: 'Never',
    };
    stage = await Stage.set(controlPlane, {
      kubeConfig: (server, ca) => {
        const config = new KubeConfig();
        const cluster = { name: 'c', server, caData: Buffer.from(ca).toString('base64'), skipTLSVerify: false };
        config.loadFromClusterAndUser(cluster, { name: 'u', exec });
        return config;
      },
    });
    const { client } = stage.operator.cluster;
    // Not by its time, which would have to be longer than everything until here takes.
    expect((await call(direct(), 'DELETE', `${accounts}/steward`)).status).to.equal(200);
    await post(accounts, { metadata: { name: 'steward' } });
    // For ten seconds the API server remembers whom it has let in.
    const refused = async (): Promise<boolean> => (await call({ ...direct(), token: old }, 'GET', PARTS)).status === 401;
    await poll('the old token is refused', refused, { intervalMs: 200 });
    controlPlane.writeFile('token', await controlPlane.serviceAccountToken('default', 'steward'));
    const before = readFileSync(asked, 'utf8').length;
    const requests = stage.requestsOf('get', 'parts').length;
    const found = await Promise.all(Array.from({ length: 20 }, () => client.find(Part, 'default/a')));

    expect(found.map((part) => part?.metadata?.name)).to.deep.equal(Array(20).fill('a'));
    expect(readFileSync(asked, 'utf8').length - before).to.equal(1);
    expect(stage.requestsOf('get', 'parts').length - requests).to.equal(40);
    await create('d');
    await stage.until('the watch goes on', () => stage!.heard.includes('ADDED d'));
  });

  it('lets only the kind wait that it may not list, and starts it when the right is granted', async () => {
    await post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'limited' } });
    const rule = (apiGroups: string[], resources: string[]): object => ({ apiGroups, resources, verbs: ['get', 'list', 'watch', 'patch'] });
    const grant = async (name: string, rules: object[]): Promise<void> => {
      await post(`${RBAC}/clusterroles`, { metadata: { name }, rules });
      await post(`${RBAC}/clusterrolebindings`, {
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
        subjects: [{ kind: 'ServiceAccount', name: 'limited', namespace: 'default' }],
      });
    };
    await grant('parts', [rule(['example.org'], ['parts', 'parts/status'])]);
    const runs: string[] = [];
    @Handler()
    class OfParts {
      @Reconcile(Part, { failure: { condition: false, event: false } })
      async reconcile(part: Part): Promise<void> {
        runs.push(part.metadata!.name!);
      }
    }
    @Handler()
    class OfMaps {
      @OnEvent(ConfigMap)
      seen({ object }: { object: ConfigMap }): void {
        runs.push(`map ${object.metadata!.name}`);
      }
    }
    await post(MAPS, { metadata: { name: 'm' } });
    const kubeconfig = await controlPlane.serviceAccountToken('default', 'limited');
    stage = await Stage.set(controlPlane, {
      handlers: [OfParts, OfMaps],
      kubeConfig: (server, ca) => {
        const config = new KubeConfig();
        const cluster = { name: 'c', server, caData: Buffer.from(ca).toString('base64'), skipTLSVerify: false };
        config.loadFromClusterAndUser(cluster, { name: 'u', token: kubeconfig });
        return config;
      },
    });
    await stage.until('parts are handled', () => runs.length === 3);
    expect(runs.sort()).to.deep.equal(['a', 'b', 'c']);
    const denial = () => stage!.log.lines.find(({ fields }) => fields['to'] === 'Denied' && fields['kind'] === 'configmaps');
    await stage.until('the denial is logged', () => denial() !== undefined);
    expect(denial()?.fields).to.include({ kind: 'configmaps', verb: 'list', resource: 'configmaps' });

    await grant('maps', [rule([''], ['configmaps'])]);
    await stage.until('maps are seen', () => runs.includes('map m'), 1_000);
    await create('d');
    await stage.until('parts go on', () => runs.includes('d'));
  });
});
