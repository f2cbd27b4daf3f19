import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import type { KubernetesObject } from '../../../src/framework/kinds/object';
import { HttpFaultProxy, loseResponse, stall } from '../../../src/framework/testing';
import { TestProcess } from '../../harness/child-process';
import { poll } from '../../harness/poll';
import { ROOT } from '../../harness/steward-cluster';
import { aPart, Part } from '../../unit/framework/faults/world';
import { call, type Json, type ServerUnderTest } from '../../unit/framework/testing/http-client';
import { installParts, PARTS } from './parts';

const PROGRAM = join(ROOT, 'build', 'test', 'harness', 'crash-process.js');
const MAPS = '/api/v1/namespaces/default/configmaps';
const WRITES = 5;

interface State {
  readonly finalizers: string[] | undefined;
  readonly annotations: string[];
  readonly status: unknown;
  readonly maps: unknown[];
}

describe('an operator process that is killed at any write to a real API server', () => {
  let controlPlane: ControlPlane;
  let direct: ServerUnderTest;
  let proxy: HttpFaultProxy;
  let kubeconfig: string;
  let process: TestProcess | undefined;

  before(async function () {
    this.timeout(600_000);
    controlPlane = await startControlPlane({ controllerManager: false });
    direct = { baseUrl: controlPlane.server, token: controlPlane.adminToken, ca: controlPlane.ca };
    await installParts(direct);
    proxy = await HttpFaultProxy.start({ target: controlPlane.server, targetCa: controlPlane.ca });
    kubeconfig = controlPlane.writeFile('proxied.kubeconfig', proxy.kubeconfig(controlPlane.adminToken));
  });

  afterEach(async () => {
    await process?.kill();
    proxy.faults.clear();
  });

  after(async () => {
    await proxy?.stop();
    await controlPlane?.stop();
  });

  const launch = (): TestProcess => new TestProcess('crash-test', [PROGRAM], { KUBECONFIG: kubeconfig });

  /** What is left of a part and its maps, without names, identities and times. */
  async function endState(name: string): Promise<State> {
    const part = (await call(direct, 'GET', `${PARTS}/${name}`)).body as unknown as Part;
    const maps = ((await call(direct, 'GET', MAPS)).body as unknown as { items: KubernetesObject[] }).items
      .filter(({ metadata }) => metadata?.name?.startsWith(`${name}-`))
      .map(({ metadata, ...map }) => ({
        data: (map as { data?: unknown }).data,
        owners: metadata?.ownerReferences?.map(({ kind }) => kind),
      }));
    const { finalizers, annotations = {} } = part.metadata ?? {};
    return { finalizers, annotations: Object.keys(annotations), status: part.status, maps };
  }

  async function traces(name: string): Promise<number> {
    const { finalizers = [], annotations, status, maps } = await endState(name);
    return finalizers.length + annotations.length + maps.length + (status === undefined ? 0 : 1);
  }

  const COMPLETE = {
    finalizers: ['example.org/sample'],
    annotations: ['example.org/handled-by'],
    status: { size: 3, observedGeneration: 1 },
    maps: ['first', 'second'].map(() => ({ data: { size: '3' }, owners: ['Part'] })),
  };

  for (const when of ['before', 'after'] as const) {
    for (let write = 1; write <= WRITES; write++) {
      it(`comes to the same end when it is killed ${when} write ${write}`, async () => {
        const name = `${when}-${write}`;
        const isWrite = ({ verb = '', query, path }: { verb?: string; query: URLSearchParams; path: string }): boolean =>
          ['create', 'patch', 'update'].includes(verb) && !query.has('dryRun') && path.includes('default') && !path.includes('/events');
        const fault = proxy.faults.add({ on: { nth: write, when: isWrite }, do: when === 'before' ? stall() : loseResponse() });
        await call(direct, 'POST', PARTS, { body: { apiVersion: Part.apiVersion, kind: Part.kind, ...aPart(name, 3) } as unknown as Json });
        process = launch();
        await poll('the write is made', () => fault.strikes === 1, { intervalMs: 1, onTimeout: () => process!.log });
        // Each write leaves a trace; a request that is killed on its way to the server may leave none.
        if (when === 'after') await poll('the server has taken it', async () => (await traces(name)) >= write);
        process.signal('SIGKILL');
        await process.exited;
        fault.remove();

        process = launch();
        await poll('the part is complete', async () => isDeepStrictEqual(await endState(name), COMPLETE), {
          onTimeout: () => process!.log,
        }).catch(() => undefined);
        expect(await endState(name)).to.deep.equal(COMPLETE);
      });
    }
  }
});
