import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { HttpFaultProxy, loseResponse, stall } from '../../../src/framework/testing';
import { poll } from '../../harness/poll';
import { NAMESPACE, SERVICE_ACCOUNT } from '../../harness/steward-cluster';
import { launchManager, type ManagerProcess, startManager } from '../../harness/steward-processes';
import { PlatformStage } from './platform-stage';

const NAMES = Array.from({ length: 12 }, (_, index) => `map-${index}`);
/** Those that the first leader does not get written. */
const UNWRITTEN = ['map-5', 'map-9', 'map-10'];
const map = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } });
const asset = (name: string): string =>
  `asset:\n  name: ${name}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: default\ndata:\n  key: value\n`;

interface AuditLine {
  readonly verb: string;
  readonly requestURI: string;
  readonly userAgent?: string;
  readonly objectRef?: { readonly resource?: string; readonly namespace?: string; readonly name?: string };
  readonly responseStatus?: { readonly code?: number };
}

describe('two managers with the platform module and --leader-elect', () => {
  let stage: PlatformStage;
  let proxy: HttpFaultProxy;
  const managers: ManagerProcess[] = [];

  before(async () => {
    stage = await PlatformStage.set({ catalog: Object.fromEntries(NAMES.map((name) => [`${name}.yaml`, asset(name)])) });
    const { server, ca } = stage.cluster.controlPlane;
    proxy = await HttpFaultProxy.start({ target: server, targetCa: ca });
    await stage.anchor();
  });

  after(async () => {
    await Promise.all(managers.map(({ process }) => process.kill()));
    await proxy?.stop();
    await stage?.end();
  });

  const electing = () => ({
    modules: 'platform',
    flags: ['--leader-elect', `--platform-assets-dir=${stage.directory}`, '--log-level=debug'],
  });

  /** Writes of managers that the API server carried out, by the name of the ConfigMap; dry-runs are none. */
  function writes(): Map<string, number> {
    const counts = new Map<string, number>();
    const log = readFileSync(stage.cluster.controlPlane.auditLog, 'utf8');
    // The last line may be under way.
    for (const line of log.slice(0, log.lastIndexOf('\n') + 1).split('\n')) {
      if (line === '') continue;
      const { verb, requestURI, userAgent = '', objectRef = {}, responseStatus = {} } = JSON.parse(line) as AuditLine;
      if (!userAgent.startsWith('virt-steward/') || objectRef.resource !== 'configmaps' || objectRef.namespace !== 'default') continue;
      if (!['create', 'update', 'patch', 'delete'].includes(verb) || requestURI.includes('dryRun=') || (responseStatus.code ?? 500) >= 300)
        continue;
      counts.set(objectRef.name ?? '', (counts.get(objectRef.name ?? '') ?? 0) + 1);
    }
    return counts;
  }

  /** Of those that exist. */
  async function versionsOf(names: Iterable<string>): Promise<Map<string, string>> {
    const found = await Promise.all(
      [...names].map(async (name) => [name, (await stage.get(map(name)))?.metadata.resourceVersion] as const),
    );
    return new Map(found.filter((pair): pair is [string, string] => pair[1] !== undefined));
  }

  const inSync = (manager: ManagerProcess): Promise<true> =>
    poll(
      'every map to be in sync',
      async () => {
        const text = await manager.metrics();
        return (
          NAMES.every((name) => text.includes(`compliance_status{kind="ConfigMap",name="${name}",namespace="default"} 1`)) || undefined
        );
      },
      { onTimeout: () => manager.process.log.slice(-6_000) },
    );

  it('write each object once, although the leader dies in the middle of its writes', async () => {
    const unwritten = UNWRITTEN.map((name) =>
      proxy.faults.add({ on: { kind: 'configmaps', verb: 'patch', name }, do: stall(), times: Number.POSITIVE_INFINITY }),
    );
    const unanswered = proxy.faults.add({ on: { kind: 'configmaps', verb: 'patch', name: 'map-8' }, do: loseResponse(), times: 1 });
    const token = await stage.cluster.controlPlane.serviceAccountToken(NAMESPACE, SERVICE_ACCOUNT);
    const kubeconfig = stage.cluster.controlPlane.writeFile('proxied.kubeconfig', proxy.kubeconfig(token));
    const first = await launchManager(stage.cluster, { ...electing(), kubeconfig });
    managers.push(first);
    await first.process.until('its writes', () => [...unwritten, unanswered].every(({ strikes }) => strikes > 0));
    // One that the API server is busy with might be carried out, and logged as one that failed because nobody waited for it.
    const written = NAMES.filter((name) => !UNWRITTEN.includes(name));
    await first.process.until('those that can be written', () => written.every((name) => writes().has(name)));
    const second = await startManager(stage.cluster, electing());
    managers.push(second);
    await first.process.kill();
    const versions = await versionsOf(NAMES);

    await inSync(second);

    const counts = writes();
    // An apply without an answer is repeated at once by the client of the same process.
    expect(counts.get('map-8')).to.be.within(1, 2);
    counts.delete('map-8');
    const others = NAMES.filter((name) => name !== 'map-8');
    expect(Object.fromEntries(counts)).to.deep.equal(Object.fromEntries(others.map((name) => [name, 1])));
    expect([...versions.values()]).to.deep.equal([...(await versionsOf(versions.keys())).values()]);
  });

  it('correct drift once, while both of them see it', async () => {
    const standby = await startManager(stage.cluster, electing());
    managers.push(standby);
    await stage.merge(map('map-3'), { data: { key: 'other' } });

    await stage.until('the value is back', map('map-3'), ({ data }) => data?.['key'] === 'value');
    await stage.untilEvent('DriftCorrected', 'ConfigMap default/map-3');
    expect(writes().get('map-3')).to.equal(2);
  });

  it('hand over without a write when the leader is stopped', async () => {
    const [, second, standby] = managers as [ManagerProcess, ManagerProcess, ManagerProcess];
    const before = Object.fromEntries(writes());
    await second.process.stop();

    await inSync(standby);

    expect(Object.fromEntries(writes())).to.deep.equal(before);
  });
});
