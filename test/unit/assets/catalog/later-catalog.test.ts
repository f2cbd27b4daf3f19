import { join } from 'node:path';
import { expect } from 'chai';
import { CatalogRenderer, loadCatalog, type Rendering } from '../../../../src/platform/catalog';
import type { Topology } from '../../../../src/platform/context/asset-context';
import type { JsonMap } from '../../../../src/platform/json';
import { anHco, contextOf, OPENSHIFT, type Sample } from '../../../harness/catalog-sample';
import { object, switchedOn } from '../../../harness/catalog-samples';
import { ROOT } from '../../../harness/steward-cluster';

const LATER = new CatalogRenderer(loadCatalog(join(ROOT, 'test', 'unit', 'assets', 'later-catalog')));
const ON = switchedOn('logging', 'kubevirt-metrics-exporter', 'in-flight-operations');
const IMAGES = { 'kubevirt-metrics-exporter': 'quay.io/example/exporter:v1' };
const NAMESPACED = ['LokiStack', 'DaemonSet'];

async function render(key: string, sample: Sample): Promise<Rendering> {
  const context = contextOf({ images: IMAGES, ...sample });
  const cluster = {
    ...context.cluster,
    has: () => true,
    scopeOf: (_apiVersion: string, kind: string) => (NAMESPACED.includes(kind) ? ('Namespaced' as const) : ('Cluster' as const)),
  };
  return LATER.render(key, { context: { ...context, cluster }, activation: { admits: () => true }, isInSync: () => true });
}

async function specOf(key: string, sample: Sample = {}): Promise<JsonMap> {
  const row = await render(key, { anchor: anHco(ON), ...sample });
  if (row.kind !== 'object') throw new Error(JSON.stringify(row));
  return (row.object as unknown as JsonMap)['spec'] as JsonMap;
}

describe('the format of the catalog holds what comes later', () => {
  for (const [nodes, more, size] of [
    [3, {}, '1x.pico'],
    [10, {}, '1x.extra-small'],
    [11, {}, '1x.medium'],
    [11, { isHCP: true }, '1x.extra-small'],
  ] as const) {
    it(`a log store of size ${size} for ${nodes} nodes${'isHCP' in more ? ' with a hosted control plane' : ''}`, async () => {
      const topology: Topology = { ...OPENSHIFT, ...more, totalNodeCount: nodes };
      expect((await specOf('logging-lokistack', { topology }))['size']).to.equal(size);
    });
  }

  it('a log store on the storage of its cloud, where that exists', async () => {
    const topology: Topology = { ...OPENSHIFT, isBareMetal: false, isAzure: true };
    const classes = [object('storage.k8s.io/v1', 'StorageClass', { name: 'managed-csi' })];
    expect((await specOf('logging-lokistack', { topology, objects: classes }))['storageClassName']).to.equal('managed-csi');
    const without = await specOf('logging-lokistack', { topology });
    expect(without).not.to.have.property('storageClassName');
    expect((without['storage'] as JsonMap)['secret']).to.deep.equal({ name: 'logging-loki-storage', type: 'azure' });
  });

  it('a DaemonSet with an image from the environment and variables from an option, booleans and text alike', async () => {
    const options = { ...ON, 'kubevirt-metrics-exporter-env': '{"ENABLE_QMP": false, "LOG_LEVEL": "debug"}' };
    const spec = await specOf('kubevirt-metrics-exporter', { anchor: anHco(options) });
    const { containers } = (spec['template'] as JsonMap)['spec'] as {
      containers: { image: string; env: { name: string; value?: string }[] }[];
    };
    expect(containers[0]!.image).to.equal(IMAGES['kubevirt-metrics-exporter']);
    expect(containers[0]!.env.map(({ name, value }) => `${name}=${value ?? ''}`)).to.deep.equal([
      'NODE_NAME=',
      'EBPF_SCAN_INTERVAL=30',
      'ENABLE_QMP=false',
      'LOG_LEVEL=debug',
    ]);
    for (const bad of ['{"LD_PRELOAD": "x"}', '{"LOG_LEVEL": "$(id)"}', '{']) {
      const row = await render('kubevirt-metrics-exporter', { anchor: anHco({ ...ON, 'kubevirt-metrics-exporter-env': bad }) });
      expect(row, bad).to.include({ kind: 'failed', reason: 'InvalidOption' });
    }
  });

  it('many objects from one file, each with parameters of its own and expressions that are not ours', async () => {
    const restore = await specOf('ifo-vm-restore-rules');
    expect(restore['target']).to.deep.equal({ group: 'snapshot.kubevirt.io', version: 'v1beta1', resource: 'virtualmachinerestores' });
    expect(restore['rules']).to.deep.include({
      operation: 'Failed',
      expression: "has(object.status) && has(object.status.phase) && object.status.phase == 'Failed'",
    });
    const plan = await render('ifo-installplan-rules', { anchor: anHco(ON) });
    if (plan.kind !== 'object') throw new Error(JSON.stringify(plan));
    expect(plan.object.metadata).to.deep.include({
      name: 'installplan-rules',
      labels: { 'ifo.kubevirt.io/correlation-group': 'olm-install', 'ifo.kubevirt.io/correlation-role': 'child' },
    });
  });
});
