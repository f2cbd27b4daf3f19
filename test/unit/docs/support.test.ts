import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { readBundle, spec } from '../../../hack/olm/bundle';
import { ROOT } from '../../harness/steward-cluster';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

describe('what the README says virt-steward runs on', () => {
  const rows = new Map(
    [...read('README.md').matchAll(/^\| ([A-Za-z .]+) \| ([^|]+) \| [^|]+ \|$/gm)].map(([, thing, supported]) => [thing!, supported!]),
  );
  const bundle = readBundle(join(ROOT, 'olm-bundle'));

  it('begins at the Kubernetes of the chart and of the bundle', () => {
    const { kubeVersion } = parse(read('charts/virt-steward/Chart.yaml')) as { kubeVersion: string };
    const lowest = /^>=(\d+\.\d+)\.0-0$/.exec(kubeVersion)?.[1];

    expect(rows.get('Kubernetes')).to.match(new RegExp(`^${lowest} - `));
    expect(spec(bundle, 'minKubeVersion')).to.equal(`${lowest}.0`);
  });

  it('ends at the Kubernetes of the tests', () => {
    const [, tested] = /k8s\.io\/kubernetes v(\d+\.\d+)\./.exec(read('hack/control-plane/go/go.mod')) ?? [];

    expect(rows.get('Kubernetes')).to.match(new RegExp(` - ${tested}$`));
  });

  it('begins at the OpenShift of the bundle', () => {
    expect(rows.get('OpenShift')).to.equal(`${String(bundle.annotations['com.redhat.openshift.versions']).slice(1)} and newer`);
  });

  it('names the Node.js that package.json pins', () => {
    const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: Record<string, string> };

    expect(rows.get('Node.js')).to.match(new RegExp(`^${devDependencies['node']!.split('.')[0]} `));
  });

  it('is what its badges say', () => {
    const badges = [...read('README.md').matchAll(/^\[!\[([^\]]+)\]/gm)].map(([, text]) => text);

    expect(badges).to.include(`Kubernetes ${rows.get('Kubernetes')}`);
    expect(badges).to.include(`OpenShift ${rows.get('OpenShift')!.replace(' and newer', '+')}`);
  });
});
