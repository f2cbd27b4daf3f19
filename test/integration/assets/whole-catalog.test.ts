import { expect } from 'chai';
import { parse } from 'yaml';
import type { JsonMap } from '../../../src/platform/json';
import { CatalogCluster, lostFields, pathOf, renderedObjects } from '../../harness/catalog-cluster';
import { CURRENT_CRDS } from '../../harness/catalog-crds';
import { anHco, OPENSHIFT, type Sample } from '../../harness/catalog-sample';
import { EVERYTHING, SELF_NODE_REMEDIATION } from '../../harness/catalog-samples';
import { poll } from '../../harness/poll';
import { NAMESPACE, StewardCluster } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';

const CRDS = CURRENT_CRDS.filter((name) => !name.startsWith('nodemaintenances.'));
const HCO = anHco(EVERYTHING, {
  virtualization: { liveMigrationConfig: { parallelMigrationsPerCluster: 12, parallelOutboundMigrationsPerNode: 3 } },
});
/** What the objects below make of a cluster. */
const SAMPLE: Sample = {
  anchor: HCO,
  topology: { ...OPENSHIFT, hasSchedulableMasters: true, roles: ['worker', 'master'] },
  hardware: { pciDevicesPresent: true, numaNodesPresent: true },
  served: CRDS,
  objects: [SELF_NODE_REMEDIATION],
};
const CONFIGURATION: readonly JsonMap[] = [
  { kind: 'Scheduler', metadata: { name: 'cluster' }, spec: { mastersSchedulable: true } },
  { kind: 'Infrastructure', metadata: { name: 'cluster' }, spec: {} },
  { kind: 'Network', metadata: { name: 'cluster' }, spec: {} },
].map((object) => ({ apiVersion: 'config.openshift.io/v1', ...object }));

function aNode(name: string, roles: readonly string[]) {
  const labels = {
    ...Object.fromEntries(roles.map((role) => [`node-role.kubernetes.io/${role}`, ''])),
    'feature.node.kubernetes.io/pci-0302_10de.present': 'true',
    'feature.node.kubernetes.io/memory-numa': 'true',
  };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } };
}

/** The user, or a default of the API, may have other migration limits. */
function withoutOffers(hco: JsonMap): JsonMap {
  const spec = hco['spec'] as JsonMap;
  const { liveMigrationConfig: _offered, ...virtualization } = spec['virtualization'] as JsonMap;
  return { ...hco, spec: { ...spec, virtualization } };
}

describe('the whole catalog, kept by a manager with the rights that follow from it', () => {
  let steward: StewardCluster;
  let manager: ManagerProcess | undefined;
  let wanted: JsonMap[];

  before(async function () {
    this.timeout(0);
    steward = await StewardCluster.start({ modules: 'platform', kubevirt: false });
    const cluster = new CatalogCluster(steward.controlPlane);
    await cluster.install(CRDS);
    for (const index of [1, 2, 3]) {
      await steward.api.apply(aNode(`master-${index}`, ['master', 'control-plane', 'worker']));
      await steward.api.apply(aNode(`worker-${index}`, ['worker']));
    }
    for (const object of CONFIGURATION) await cluster.applied(object);
    const status = { status: { clusterNetwork: [{ cidr: '10.128.0.0/14', hostPrefix: 23 }] } };
    const path = `${pathOf(CONFIGURATION[2]!)}/status`;
    await steward.api.ask({ method: 'PATCH', path, body: status, contentType: 'application/merge-patch+json' });
    await cluster.applied(SELF_NODE_REMEDIATION as unknown as JsonMap);
    wanted = await renderedObjects(SAMPLE);
    for (const { metadata } of wanted as unknown as { metadata: { namespace?: string } }[]) {
      if (metadata.namespace !== undefined) {
        await steward.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: metadata.namespace } });
      }
    }
    const asAPerson = `${pathOf(HCO as unknown as JsonMap)}?fieldManager=a-person`;
    await steward.api.ask({ method: 'PATCH', path: asAPerson, body: HCO, contentType: 'application/apply-patch+yaml' });
    manager = await startManager(steward);
  });

  after(async () => {
    await manager?.process.stop();
    await steward?.stop();
  });

  async function live(object: JsonMap): Promise<JsonMap | undefined> {
    const { status, body } = await steward.controlPlane.request({ path: pathOf(object) });
    return status === 200 ? (body as JsonMap) : undefined;
  }

  /** Rows of the status by key. */
  async function rows(): Promise<Map<string, { status: string; reason: string }>> {
    const metadata = { name: 'virt-steward-platform-status', namespace: NAMESPACE };
    const map = (await live({ apiVersion: 'v1', kind: 'ConfigMap', metadata })) as { data?: Record<string, string> } | undefined;
    return new Map(Object.entries(parse(map?.data?.['assets.yaml'] ?? '{}') as Record<string, { status: string; reason: string }>));
  }

  const describeRows = async (): Promise<string> => JSON.stringify([...(await rows())].filter(([, { status }]) => status !== 'INCLUDED'));

  it('becomes what is rendered on paper for such a cluster, object by object', async () => {
    for (const object of wanted) {
      const { name } = object['metadata'] as { name: string };
      const found = await poll(`${object['kind']} ${name}`, () => live(object));
      const own = object['kind'] === 'HyperConverged' ? withoutOffers(object) : object;
      let lost: string[] = [];
      await poll(
        `${object['kind']} ${name} to be as rendered`,
        async () => {
          lost = lostFields(own, (await live(object)) ?? found);
          return lost.length === 0;
        },
        { onTimeout: () => lost.join(', ') },
      );
    }
    expect(wanted.length).to.be.greaterThan(30);
  });

  it('is in sync as a whole, and says so of each asset', async () => {
    const expected = new Set(['aaq-standalone']);
    await poll(
      'every wanted row to be in sync',
      async () => {
        const all = [...(await rows())];
        return all.length > 30 && all.every(([key, { status }]) => (expected.has(key) ? status === 'FILTERED' : status === 'INCLUDED'));
      },
      { intervalMs: 250 },
    ).catch(async (error: unknown) => {
      throw new Error(`${String(error)}: ${await describeRows()}`);
    });
  });

  it('leaves to its user what he has set of the values that are only offered', async () => {
    const hco = (await live(HCO as unknown as JsonMap)) as { spec: { virtualization: { liveMigrationConfig: object } } };
    expect(hco.spec.virtualization.liveMigrationConfig).to.include({ parallelMigrationsPerCluster: 12 });
    const [descheduler] = wanted.filter(({ kind }) => kind === 'KubeDescheduler');
    expect((await live(descheduler!))!['spec']).to.deep.nested.include({ 'evictionLimits.total': 12 });
  });

  it('is not written again when the manager starts anew', async () => {
    const versions = async (): Promise<string[]> =>
      Promise.all(wanted.map(async (object) => ((await live(object))!['metadata'] as { resourceVersion: string }).resourceVersion));
    await manager!.process.stop();
    const before = await versions();
    manager = await startManager(steward);
    await poll(
      'compliance of every object',
      async () => {
        const lines = (await manager!.metrics()).split('\n').filter((line) => /^kubevirt_autopilot_compliance_status\{.* 1$/.test(line));
        return lines.length >= wanted.length - 1; // the edited ConfigMap may have none
      },
      { intervalMs: 250 },
    );
    expect(await versions()).to.deep.equal(before);
  });
});
