import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { MANIFEST_VALUES } from '../../../hack/manifests/main';
import { type ManifestFile, manifestFiles } from '../../../hack/manifests/manifests';
import { NAMESPACE, objectsOf, renderedChart } from '../../../hack/tools/helm-template';
import { namesOf } from '../../harness/helm';
import { objectsIn, ROOT, type TestObject } from '../../harness/steward-cluster';

describe('manifests for people without Helm', () => {
  let files: Map<ManifestFile, string>;
  let byHelm3: Map<ManifestFile, string>;

  before(async function () {
    this.timeout(0);
    const render = async (major: 3 | 4): Promise<Map<ManifestFile, string>> =>
      manifestFiles(objectsOf(await renderedChart(ROOT, [`--values=${MANIFEST_VALUES}`], major)), NAMESPACE, '1.2.3');
    files = await render(4);
    byHelm3 = await render(3);
  });

  const objects = (file: ManifestFile): TestObject[] => objectsIn(files.get(file) ?? '');
  const kinds = (file: ManifestFile): string[] => [...new Set(objects(file).map(({ kind }) => kind))].sort();

  it('hold CRDs in a file of their own, so that deleting the workload deletes no object of anybody', () => {
    expect(kinds('crds.yaml')).to.deep.equal(['CustomResourceDefinition']);
    expect(kinds('install.yaml')).not.to.include('CustomResourceDefinition');
    expect(namesOf(objects('crds.yaml'))).to.include('CustomResourceDefinition/wolconfigs.wol.pillon.org');
  });

  it('begin with the namespace, in which agents may use the host network', () => {
    const [first] = objects('install.yaml');

    expect(first).to.deep.include({ kind: 'Namespace' });
    expect(first?.metadata).to.deep.include({ name: NAMESPACE });
    expect(first?.metadata['labels']).to.deep.include({ 'pod-security.kubernetes.io/enforce': 'privileged' });
  });

  it('keep what needs Prometheus or Grafana apart', () => {
    expect(kinds('monitoring.yaml')).to.deep.equal(['ConfigMap', 'PodMonitor', 'PrometheusRule', 'ServiceMonitor']);
    expect(objects('install.yaml').filter(({ apiVersion }) => apiVersion.startsWith('monitoring'))).to.deep.equal([]);
  });

  it('hold what a release of the chart with these values does, and nothing that only Helm understands', async () => {
    const release = objectsOf(await renderedChart(ROOT, [`--values=${MANIFEST_VALUES}`])) as unknown as TestObject[];
    const all = [...files.keys()].flatMap(objects).filter(({ kind }) => kind !== 'Namespace');

    expect(namesOf(all)).to.deep.equal(namesOf(release));
    expect([...files.values()].join()).not.to.match(/helm\.sh|managed-by: Helm/);
  });

  it('are the same with Helm 3', () => {
    expect([...byHelm3]).to.deep.equal([...files]);
  });

  it('tell their version', () => {
    expect(files.get('install.yaml')).to.match(/^# virt-steward 1\.2\.3\. /);
    expect(readFileSync(join(ROOT, 'docs/operations/install.md'), 'utf8')).to.contain('dist/manifests/crds.yaml');
  });
});
