import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { poll } from '../../harness/poll';
import { NAMESPACE, objectsIn, ROOT, type TestObject } from '../../harness/steward-cluster';
import { PlatformStage } from './platform-stage';

const DOMAIN = 'platform.kubevirt.io/';
const expression = (text: string): string => `$\{ ${text} }`;
const map = (name: string, namespace = 'default') => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } });
const node = (name: string) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
const asset = (header: string, name: string, data: Readonly<Record<string, string>>): string =>
  `asset:\n${header.replace(/^/gm, '  ')}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: default\ndata:\n${Object.entries(
    data,
  )
    .map(([key, text]) => `  ${key}: '${expression(text)}'`)
    .join('\n')}\n`;

const CATALOG = {
  'settings.yaml': asset('name: settings', 'settings', {
    api: 'settings.apiVersion',
    namespace: 'settings.namespace',
    gate: 'string("CPUManager" in settings.gates && settings.gates["CPUManager"])',
    migrations: 'string(settings.migrationsPerCluster)',
    anchor: 'anchor.kind',
  }),
  'facts.yaml': asset('name: facts', 'facts', {
    gpu: 'string(hardware.gpuPresent)',
    nodes: 'string(topology.totalNodeCount)',
    provider: 'topology.cloudProvider',
    openshift: 'string(topology.isOpenShift)',
  }),
  'with-gpu.yaml': asset('name: with-gpu\nwhen: ["hardware.gpuPresent"]', 'with-gpu', { present: '"yes"' }),
  'looks-up.yaml': asset('name: looks-up', 'looks-up', {
    one: 'cluster.get("v1", "ConfigMap", "lab", "source").?data.?colour.orValue("none")',
    all: 'string(cluster.list("v1", "Service", "lab").size())',
    enums: 'cluster.enum("operator.openshift.io/v1", "KubeDescheduler", "spec.mode").join(" ")',
  }),
  'hco-only.yaml': asset('name: hco-only\nrequires: ["feature:hco"]', 'hco-only', { present: '"yes"' }),
};

/** Inputs change more often here than the writes to one object are limited to. */
const OFTEN = ['--throttle-capacity=1000', '--throttle-window=1s'];
const HCO_V1BETA1 = 'hco/hyperconvergeds.hco.kubevirt.io@v1beta1.yaml';
const HCO_V1 = 'hco/hyperconvergeds.hco.kubevirt.io.yaml';
const LEASE = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'virt-platform-autopilot.kubevirt.io', namespace: NAMESPACE },
};

interface Definition extends TestObject {
  spec: { versions: { name: string; storage: boolean }[] };
  'x-virt-steward-assumed'?: true;
}

function definitionIn(file: string): Definition {
  const [definition] = objectsIn(readFileSync(join(ROOT, 'assets', 'crds', file), 'utf8')) as [Definition];
  delete definition['x-virt-steward-assumed'];
  return definition;
}

describe('the context on a real API server', () => {
  let stage: PlatformStage;

  before(async () => {
    stage = await PlatformStage.set({ catalog: CATALOG, definitions: [] });
    await stage.cluster.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'lab' } });
    await stage.cluster.api.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' } });
    await stage.startManager(OFTEN);
  });
  after(() => stage?.end());

  const ask = <T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown, contentType?: string): Promise<T> =>
    stage.cluster.api.ask<T>({ method, path, body, ...(contentType === undefined ? {} : { contentType }) } as never);
  const data = (name: string, isSo: (data: Record<string, string>) => boolean): Promise<unknown> =>
    stage.until(`${name} to be as it should`, map(name), ({ data: content }) => isSo(content ?? {}));
  const merge = (path: string, body: unknown): Promise<unknown> => ask('PATCH', path, body, 'application/merge-patch+json');
  const inactive = (why: string): Promise<unknown> =>
    poll(`the module to be inactive: ${why}`, async () => (await stage.manager!.health('/readyz?verbose')).text.includes(why) || undefined);
  const removeDefinition = (name: string): Promise<void> =>
    stage.cluster.api.delete({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name } });
  const KUBEVIRT = '/apis/kubevirt.io/v1/namespaces/lab/kubevirts';

  it('is ready without KubeVirt, and says why nothing is applied', async () => {
    await inactive('NoVirtualization');

    expect((await stage.manager!.health('/readyz')).status).to.equal(200);
  });

  it('takes a KubeVirt for the anchor where there is no HyperConverged, as soon as its definition is there', async () => {
    await stage.define('kubevirt/kubevirts.kubevirt.io.yaml');
    const spec = { configuration: { developerConfiguration: { featureGates: ['CPUManager'] } } };
    await ask('POST', KUBEVIRT, { apiVersion: 'kubevirt.io/v1', kind: 'KubeVirt', metadata: { name: 'kubevirt', namespace: 'lab' }, spec });

    await data('settings', ({ api, gate, anchor }) => api === 'kubevirt.io/v1' && gate === 'true' && anchor === 'KubeVirt');
    await poll('the reason', async () => (await stage.status()).includes('HcoAbsent') || undefined);
    expect(await stage.get(map('hco-only'))).to.equal(undefined);
  });

  it('leaves the KubeVirt for the HyperConverged when that is served, and applies nothing until there is one', async () => {
    await stage.define(HCO_V1BETA1);
    await inactive('HcoAbsent');
    await stage.merge(map('settings'), { data: { api: 'theirs' } });
    const metadata = { name: 'kubevirt-hyperconverged', namespace: NAMESPACE };
    const spec = { liveMigrationConfig: { parallelMigrationsPerCluster: 9 } };
    const path = `/apis/hco.kubevirt.io/v1beta1/namespaces/${NAMESPACE}/hyperconvergeds`;
    await ask('POST', path, { apiVersion: 'hco.kubevirt.io/v1beta1', kind: 'HyperConverged', metadata, spec });

    await data('settings', ({ api, migrations, gate }) => api === 'hco.kubevirt.io/v1beta1' && migrations === '9' && gate === 'false');
    await data('hco-only', () => true);
  });

  it('reads version 1 of the HyperConverged as soon as that is served, without a restart', async () => {
    // Objects are stored in the older version.
    const versionsIn = (file: string) => definitionIn(file).spec.versions;
    const newer = versionsIn(HCO_V1).filter(({ name }) => name === 'v1');
    const both = definitionIn(HCO_V1BETA1);
    both.spec.versions.push(...newer.map((version) => ({ ...version, storage: false })));
    await stage.cluster.api.apply(both);

    await data('settings', ({ api }) => api === 'hco.kubevirt.io/v1');
    // The watch of the older version has ended, and the one that replaced it is shown like any other.
    const figure = /steward_informer_synced\{[^}]*kind="hyperconvergeds\.hco\.kubevirt\.io"[^}]*\} 1/;
    await poll('the watch to be shown', async () => figure.test(await stage.manager!.metrics()));
  });

  it('follows labels of nodes, and of those alone that say something', async () => {
    await data('facts', ({ gpu, nodes }) => gpu === 'false' && nodes === '1');
    expect(await stage.get(map('with-gpu'))).to.equal(undefined);
    await merge('/api/v1/nodes/a', { metadata: { labels: { 'feature.node.kubernetes.io/pci-0300_1a03.present': 'true' } } });
    await stage.cluster.api.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'b' } });
    await data('facts', ({ gpu, nodes }) => gpu === 'false' && nodes === '2');

    await merge('/api/v1/nodes/b', { metadata: { labels: { 'feature.node.kubernetes.io/pci-0302_10de.present': 'true' } } });

    await data('facts', ({ gpu }) => gpu === 'true');
    await data('with-gpu', () => true);
  });

  it('knows an extended resource of a node that joined', async () => {
    await stage.cluster.api.delete(node('b'));
    await data('facts', ({ gpu, nodes }) => gpu === 'false' && nodes === '1');
    await ask('POST', '/api/v1/nodes', {
      ...node('c'),
      status: { capacity: { 'nvidia.com/gpu': '2' }, allocatable: { 'nvidia.com/gpu': '2' } },
    });
    await merge('/api/v1/nodes/c/status', { status: { capacity: { 'nvidia.com/gpu': '2' }, allocatable: { 'nvidia.com/gpu': '2' } } });

    await data('facts', ({ nodes }) => nodes === '2');
    await poll('the GPU', async () => (await stage.get(map('facts')))?.data?.['gpu'] === 'true' || undefined);
  });

  it('knows OpenShift when its configuration appears', async () => {
    await data('facts', ({ openshift, provider }) => openshift === 'false' && provider === '');
    await stage.define('openshift/infrastructures.config.openshift.io.yaml');
    const infrastructure = { apiVersion: 'config.openshift.io/v1', kind: 'Infrastructure', metadata: { name: 'cluster' }, spec: {} };
    await ask('POST', '/apis/config.openshift.io/v1/infrastructures', infrastructure);
    const status = {
      platformStatus: { type: 'AWS' },
      platform: 'AWS',
      controlPlaneTopology: 'HighlyAvailable',
      infrastructureTopology: 'HighlyAvailable',
    };
    await merge('/apis/config.openshift.io/v1/infrastructures/cluster/status', { status });

    await data('facts', ({ openshift, provider }) => openshift === 'true' && provider === 'AWS');
  });

  it('runs an asset again when an object changes that it looked up', async () => {
    await data('looks-up', ({ one, all, enums }) => one === 'none' && all === '0' && enums === '');
    await ask('POST', '/api/v1/namespaces/lab/configmaps', { ...map('source', 'lab'), data: { colour: 'red' } });
    await data('looks-up', ({ one }) => one === 'red');
    await merge('/api/v1/namespaces/lab/configmaps/source', { data: { colour: 'blue' } });
    await data('looks-up', ({ one }) => one === 'blue');
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'lab' }, spec: { ports: [{ port: 80 }] } };
    await ask('POST', '/api/v1/namespaces/lab/services', service);
    await data('looks-up', ({ all }) => all === '1');
    await stage.cluster.api.delete(map('source', 'lab'));

    await data('looks-up', ({ one }) => one === 'none');
  });

  it('reads the schema of a definition when that appears, and again when it is another', async () => {
    const file = 'descheduler/kubedeschedulers.operator.openshift.io.yaml';
    const text = JSON.stringify(definitionIn(file));
    await stage.define(file);
    const known = (await poll('the enum', async () => (await stage.get(map('looks-up')))?.data?.['enums'] || undefined)).split(' ');
    expect(known).to.include('Automatic');

    const changed = JSON.parse(text.replaceAll('"Automatic"', '"Automatic","Another"')) as TestObject;
    await stage.cluster.api.apply(changed);

    await data('looks-up', ({ enums }) => enums?.split(' ').includes('Another') === true);
  });

  it('names what nobody reads, and what is no asset', async () => {
    await stage.anchor({ [`${DOMAIN}enable-gpuu`]: 'true', [`${DOMAIN}autopilot`]: 'settings,nobody' });

    await stage.untilEvent('UnknownOption', 'platform.kubevirt.io/enable-gpuu');
    await stage.untilEvent('UnknownAsset', '"nobody"');
    await stage.anchor({ [`${DOMAIN}enable-gpuu`]: null, [`${DOMAIN}autopilot`]: null });
  });

  it('stays passive while an older operator works, and begins within half a minute when it does not', async () => {
    await stage.stopManager();
    // Renewed for as long as the Lease is there.
    const inAnHour = new Date(Date.now() + 3_600_000);
    const renew = (): Promise<unknown> =>
      stage.cluster.api.ask({
        ...{ method: 'PATCH', contentType: 'application/apply-patch+yaml' },
        path: `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/${LEASE.metadata.name}?fieldManager=older&force=true`,
        body: {
          ...LEASE,
          spec: { holderIdentity: 'older_1', leaseDurationSeconds: 15, renewTime: inAnHour.toISOString().replace('Z', '000Z') },
        },
      } as never);
    await renew();
    await stage.merge(map('settings'), { data: { api: 'theirs' } });
    await stage.startManager(OFTEN);
    await stage.untilEvent('OlderOperatorRunning', 'older_1');
    await inactive('OlderOperatorRunning');
    expect((await stage.get(map('settings')))?.data?.['api']).to.equal('theirs');

    await ask('DELETE', `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/${LEASE.metadata.name}`);

    await poll('the value to be back', async () => (await stage.get(map('settings')))?.data?.['api'] === 'hco.kubevirt.io/v1' || undefined);
  });

  it('is no anchor any more when the definition of HyperConverged goes, and falls back to the KubeVirt', async () => {
    await removeDefinition('hyperconvergeds.hco.kubevirt.io');

    await data('settings', ({ api }) => api === 'kubevirt.io/v1');
  });
});
