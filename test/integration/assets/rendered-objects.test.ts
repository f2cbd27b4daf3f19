import { expect } from 'chai';
import { startControlPlane } from '../../../hack/control-plane';
import type { JsonMap } from '../../../src/platform/json';
import { applyOf, CatalogCluster, KINDS, lostFields, renderedObjects } from '../../harness/catalog-cluster';
import { CRD_NAMES, CURRENT_CRDS } from '../../harness/catalog-crds';
import { SAMPLES } from '../../harness/catalog-samples';

describe('the catalog on a real API server', () => {
  let cluster: CatalogCluster;

  before(async function () {
    this.timeout(0);
    cluster = new CatalogCluster(await startControlPlane({ controllerManager: false }));
  });

  after(() => cluster?.controlPlane.stop());

  it('takes every schema of assets/crds as it stands there', async () => {
    await cluster.install(CRD_NAMES);
    await cluster.install(CURRENT_CRDS);
    expect(cluster.installed.size).to.equal(CURRENT_CRDS.length);
  });

  it('knows every kind of kinds.yaml by the plural and the scope that stand there', async () => {
    await cluster.install([...CURRENT_CRDS]);
    const wrong: string[] = [];
    for (const { apiVersion, kind, plural, namespaced } of KINDS) {
      if (apiVersion === 'hco.kubevirt.io/v1beta1') continue; // another generation of the same CRD
      const { resources } = await cluster.api.ask<{ resources: { name: string; kind: string; namespaced: boolean }[] }>({
        path: apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`,
      });
      const found = resources.find((resource) => resource.kind === kind && !resource.name.includes('/'));
      if (found?.name !== plural || found.namespaced !== namespaced) wrong.push(`${apiVersion} ${kind}: ${JSON.stringify(found)}`);
    }
    expect(wrong).to.deep.equal([]);
  });

  for (const [name, sample] of Object.entries(SAMPLES)) {
    it(`takes every object of the cluster ${name} by server-side apply, and keeps each of its fields`, async () => {
      await cluster.install(sample.served ?? CURRENT_CRDS);
      const objects = await renderedObjects(sample);
      expect(objects.length).to.be.greaterThan(5);
      for (const object of objects) {
        await cluster.applied(object, '&dryRun=All');
        expect(lostFields(object, await cluster.applied(object, '')), JSON.stringify(object['metadata'])).to.deep.equal([]);
      }
    });
  }

  it('refuses a field that no schema declares, so that the tests above mean something', async () => {
    await cluster.install(CURRENT_CRDS);
    const [object] = (await renderedObjects(SAMPLES['nothing-asked-for']!)).filter(({ kind }) => kind === 'UIPlugin');
    const body = { ...object, spec: { ...(object!['spec'] as JsonMap), nonsense: true } };
    const { status, body: answer } = await cluster.controlPlane.request(applyOf(body, '&dryRun=All'));
    expect(status).to.be.greaterThan(399);
    expect(JSON.stringify(answer)).to.contain('nonsense');
  });
});
