import { expect } from 'chai';
import { EMPTY_CONTEXT } from '../../../../src/platform/catalog';
import type { Json } from '../../../../src/platform/json';
import { anchorKindOf, OfflineCluster, PreviewFileError, parseContextFile } from '../../../../src/platform/preview';
import { KindTable } from '../../../../src/platform/rights';
import { inDirectory } from '../support/catalogs';

const KINDS = `
- { apiVersion: v1, kind: ConfigMap, plural: configmaps, namespaced: true }
- { apiVersion: a.io/v1, kind: Thing, plural: thingies, namespaced: false }
- { apiVersion: hco.kubevirt.io/v1, kind: HyperConverged, plural: hyperconvergeds, namespaced: true }
- { apiVersion: hco.kubevirt.io/v1beta1, kind: HyperConverged, plural: hyperconvergeds, namespaced: true }
`;
const hco = (more: object = {}) => ({
  apiVersion: 'hco.kubevirt.io/v1beta1',
  kind: 'HyperConverged',
  metadata: { name: 'h', namespace: 'ns' },
  ...more,
});
const kubevirt = { apiVersion: 'kubevirt.io/v1', kind: 'KubeVirt', metadata: { name: 'k', namespace: 'ns' } };
const map = (name: string, namespace: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } });

function clusterOf(file: Json = {}, anchor: object = hco()): OfflineCluster {
  const kinds = inDirectory({ 'kinds.yaml': KINDS }, (directory) => KindTable.in(directory));
  return new OfflineCluster(anchor, parseContextFile(file, 'context.yaml'), kinds, anchorKindOf(anchor, 'anchor.yaml'));
}
const errorOf = async (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => expect.fail('expected an error'),
    (error: Error) => error.message,
  );

describe('a cluster that is told about in files', () => {
  it('has the settings of its anchor', () => {
    const anchor = hco({ spec: { liveMigrationConfig: { parallelMigrationsPerCluster: 9 } } });
    const { settings, hco: raw } = clusterOf({}, anchor).context(EMPTY_CONTEXT.operator);

    expect(settings).to.include({ hcoPresent: true, namespace: 'ns', migrationsPerCluster: 9 });
    expect(raw).to.equal(anchor);
  });

  it('has no HyperConverged when the anchor is a KubeVirt', () => {
    const context = clusterOf({}, kubevirt).context(EMPTY_CONTEXT.operator);

    expect(context.settings).to.include({ hcoPresent: false });
    expect(context.hco).to.deep.equal({ metadata: kubevirt.metadata, spec: {} });
    expect(context.cluster.has('hco.kubevirt.io/v1', 'HyperConverged')).to.equal(false);
  });

  it('serves HyperConverged in the version of the anchor only', () => {
    const cluster = clusterOf();

    expect([cluster.has('hco.kubevirt.io/v1', 'HyperConverged'), cluster.has('hco.kubevirt.io/v1beta1', 'HyperConverged')]).to.deep.equal([
      false,
      true,
    ]);
  });

  it('serves every kind of the catalog, or those that the file names', () => {
    expect(clusterOf().has('a.io/v1', 'Thing')).to.equal(true);
    expect(clusterOf({ served: ['v1/ConfigMap'] }).has('a.io/v1', 'Thing')).to.equal(false);
    expect(clusterOf({ served: ['a.io/v1/Thing'] }).hasResource('thingies.a.io')).to.equal(true);
    expect(clusterOf({ served: [] }).hasResource('thingies.a.io')).to.equal(false);
    expect(clusterOf().scopeOf('a.io/v1', 'Thing')).to.equal('Cluster');
    expect(clusterOf().scopeOf('b.io/v1', 'Other')).to.equal(undefined);
    expect(clusterOf().kindOf('v1', 'ConfigMap')).to.include({ plural: 'configmaps', scope: 'Namespaced' });
  });

  it('takes the rest of its facts from the file', () => {
    const { hardware, topology, images } = clusterOf({
      hardware: { gpuPresent: true },
      topology: { roles: ['worker', 'master'], hostPrefix: 24 },
      images: { a: 'b' },
    }).context(EMPTY_CONTEXT.operator);

    expect(hardware).to.include({ gpuPresent: true, usbDevicesPresent: false });
    expect(topology).to.deep.include({ roles: ['worker', 'master'], hostPrefix: 24 });
    expect(images).to.deep.equal({ a: 'b' });
  });

  it('finds the objects that it was told of, in order', async () => {
    const cluster = clusterOf({ objects: [map('b', 'y'), map('a', 'y'), map('c', 'x')] });

    expect((await cluster.list('v1', 'ConfigMap', '')).map(({ metadata }) => metadata?.name)).to.deep.equal(['c', 'a', 'b']);
    expect(await cluster.list('v1', 'ConfigMap', 'x')).to.have.length(1);
    expect(await cluster.get('v1', 'ConfigMap', 'y', 'a')).to.deep.equal(map('a', 'y'));
    expect(await cluster.get('v1', 'ConfigMap', 'x', 'a')).to.equal(undefined);
    expect(await cluster.live('v1', 'ConfigMap', 'y/a')).to.deep.equal(map('a', 'y'));
    expect(await cluster.live('hco.kubevirt.io/v1beta1', 'HyperConverged', 'ns/h')).to.deep.equal(hco());
  });

  it('does not guess that there is nothing of which it was not told', async () => {
    expect(await errorOf(clusterOf().list('v1', 'ConfigMap', ''))).to.contain('says nothing about v1 ConfigMap');
    expect(await errorOf(clusterOf().get('v1', 'ConfigMap', 'ns', 'a'))).to.contain('says nothing about v1 ConfigMap');
    expect(await errorOf(clusterOf().schemaOf('v1', 'ConfigMap'))).to.contain('schema of v1 ConfigMap');
    expect(await clusterOf({ absent: ['v1/ConfigMap'] }).list('v1', 'ConfigMap', '')).to.deep.equal([]);
  });

  it('finds schemas in the definitions that it was told of', async () => {
    const schema = { type: 'object' };
    const versions = [{ name: 'v1', schema: { openAPIV3Schema: schema } }];
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'x' },
      spec: { group: 'a.io', names: { kind: 'Thing' }, versions },
    };

    expect(await clusterOf({ objects: [definition] }).schemaOf('a.io/v1', 'Thing')).to.deep.equal(schema);
  });

  for (const [file, text] of [
    [[], 'has to be a map'],
    [{ hardwear: {} }, 'hardwear is not known; allowed: hardware, topology, images, served, objects, absent'],
    [{ hardware: { gpu: true } }, 'hardware.gpu is not known'],
    [{ hardware: { gpuPresent: 'yes' } }, 'hardware.gpuPresent has to be a boolean'],
    [{ topology: { roles: 'worker' } }, 'topology.roles has to be a list'],
    [{ topology: 1 }, 'topology has to be a map'],
    [{ objects: {} }, 'objects has to be a list'],
    [{ objects: [{ kind: 'A' }] }, 'objects has something without apiVersion'],
    [{ served: ['ConfigMap'] }, 'served has "ConfigMap"; allowed: <apiVersion>/<Kind>'],
    [{ absent: [1] }, 'absent has 1'],
  ] as const) {
    it(`refuses the context ${JSON.stringify(file)}`, () => {
      expect(() => parseContextFile(file as Json, 'context.yaml')).to.throw(PreviewFileError, `context.yaml: ${text}`);
    });
  }

  for (const anchor of [{}, { kind: 'HyperConverged' }, { ...kubevirt, apiVersion: 'v1' }, { ...kubevirt, metadata: { name: 'k' } }]) {
    it(`refuses ${JSON.stringify(anchor)} as an anchor`, () => {
      expect(() => anchorKindOf(anchor, 'anchor.yaml')).to.throw(PreviewFileError, 'anchor.yaml: is no HyperConverged and no KubeVirt');
    });
  }
});
