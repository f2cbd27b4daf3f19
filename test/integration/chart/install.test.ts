import { readdirSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { MANIFEST_VALUES } from '../../../hack/manifests/main';
import { manifestFiles } from '../../../hack/manifests/manifests';
import { objectsOf, renderedChart } from '../../../hack/tools/helm-template';
import { forbiddenActions, neededActions, type ResourceAttributes } from '../../harness/account-rights';
import { AdminApi } from '../../harness/admin-api';
import { Conformity } from '../../harness/conformity';
import { CHART, Helm, namesOf, RELEASE, the } from '../../harness/helm';
import { poll } from '../../harness/poll';
import { refusalOf } from '../../harness/server-dry-run';
import { skipBecause } from '../../harness/skip-because';
import { NAMESPACE, objectsIn, ROOT, type TestObject } from '../../harness/steward-cluster';
import { FOREIGN_CRDS } from './foreign-crds';

const MANAGER = `system:serviceaccount:${NAMESPACE}:virt-steward-manager`;
const AGENT = `system:serviceaccount:${NAMESPACE}:virt-steward-wol-agent`;
const CRD = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'wolconfigs.wol.pillon.org' } };
const CONFIG: TestObject = {
  apiVersion: 'wol.pillon.org/v1beta1',
  kind: 'WolConfig',
  metadata: { name: 'lab' },
  spec: { discoveryMode: 'All' },
};
const DEPLOYMENT_PATH = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/virt-steward-manager`;

/** The Job that cleans up before could not run. */
const NO_NODE = ['--no-hooks'];

/** What lies in the namespace, or belongs to the release: all that an uninstall has to remove. */
const PLACES = [
  `/api/v1/namespaces/${NAMESPACE}/secrets`,
  `/api/v1/namespaces/${NAMESPACE}/services`,
  `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`,
  `/apis/policy/v1/namespaces/${NAMESPACE}/poddisruptionbudgets`,
  `/apis/networking.k8s.io/v1/namespaces/${NAMESPACE}/networkpolicies`,
  `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/roles`,
  `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/rolebindings`,
  '/apis/rbac.authorization.k8s.io/v1/clusterroles?labelSelector=app.kubernetes.io/part-of=virt-steward',
  '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings?labelSelector=app.kubernetes.io/part-of=virt-steward',
  `/api/v1/namespaces/${NAMESPACE}/serviceaccounts?fieldSelector=metadata.name!=default`,
];

describe('the chart on a real API server', () => {
  let controlPlane: ControlPlane;
  let api: AdminApi;
  let helms: Record<3 | 4, Helm>;
  let cluster: string[];

  before(async function () {
    this.timeout(0);
    helms = { 3: await Helm.find(3), 4: await Helm.find(4) };
    controlPlane = await startControlPlane({ controllerManager: false });
    api = new AdminApi(controlPlane);
    cluster = [`--kubeconfig=${controlPlane.kubeconfigPath}`, `--namespace=${NAMESPACE}`];
    await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    // Those that files of values name.
    for (const name of ['lab', 'clusters']) await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  });

  after(async () => {
    await controlPlane?.stop();
    for (const helm of Object.values(helms ?? {})) helm.remove();
  });

  async function isAllowed(user: string, attributes: ResourceAttributes): Promise<boolean> {
    const spec = { user, groups: ['system:serviceaccounts', `system:serviceaccounts:${NAMESPACE}`], resourceAttributes: attributes };
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
    return (await api.ask<{ status: { allowed: boolean } }>({ method: 'POST', path, body })).status.allowed;
  }

  async function leftovers(): Promise<string[]> {
    const lists = await Promise.all(PLACES.map((path) => api.list<TestObject>(path)));
    return PLACES.flatMap((path, index) => lists[index]!.map(({ metadata }) => `${path.split('?')[0]}/${metadata.name}`));
  }

  /** What an upgrade that changes nothing must leave as it is. */
  const versions = async (): Promise<unknown[]> =>
    (await Promise.all(PLACES.slice(1).map((path) => api.list<TestObject>(path))))
      .flat()
      .map(({ metadata }) => [metadata.name, metadata['resourceVersion']]);

  for (const major of [3, 4] as const) {
    it(`is installed, upgraded and removed by Helm ${major}; CRDs and WolConfigs stay, and nothing else`, async () => {
      const helm = helms[major];
      await helm.must('install', RELEASE, CHART, ...cluster);
      await api.waitForCondition(CRD, 'Established');
      await poll(
        'the API to serve WolConfigs',
        async () => (await controlPlane.request({ path: '/apis/wol.pillon.org/v1beta1' })).status === 200,
      );
      const { uid } = (await api.apply(CONFIG)).metadata;

      const before = await versions();
      await helm.must('upgrade', RELEASE, CHART, ...cluster);
      expect(await versions(), 'after an upgrade without a change').to.deep.equal(before);

      await helm.must('upgrade', RELEASE, CHART, ...cluster, '--set=manager.replicas=3');
      expect(((await api.ask<TestObject>({ path: DEPLOYMENT_PATH }))['spec'] as { replicas: number }).replicas).to.equal(3);
      await helm.must('rollback', RELEASE, '1', ...cluster);
      expect(((await api.ask<TestObject>({ path: DEPLOYMENT_PATH }))['spec'] as { replicas: number }).replicas).to.equal(2);

      await helm.must('uninstall', RELEASE, ...cluster, ...NO_NODE);
      expect(await leftovers()).to.deep.equal([]);
      expect((await api.get(CONFIG))?.metadata['uid'], 'the WolConfig').to.equal(uid);
    });
  }

  it('is refused a second time in a cluster, whatever the release, its namespace and its values, and nothing is made of it', async () => {
    const own = (await helms[4].objects()).filter(({ kind }) => kind.startsWith('Cluster')).map(({ metadata }) => metadata.name);
    await helms[4].must('install', RELEASE, CHART, ...cluster);
    try {
      const before = await leftovers();
      for (const helm of Object.values(helms)) {
        for (const [release, namespace] of [
          [RELEASE, 'lab'],
          ['second', 'lab'],
          ['second', NAMESPACE],
        ] as const) {
          const place = ['install', release, CHART, cluster[0]!, `--namespace=${namespace}`];
          const withCrds = await helm.run(...place);
          const without = await helm.run(...place, '--set=crds.install=false,wol.enabled=false,platform.enabled=true');

          expect([withCrds.exitCode, without.exitCode], `${release} in ${namespace}`).to.deep.equal([1, 1]);
          expect(withCrds.stderr).to.match(/exists and cannot be imported into the current release/);
          // Of the same name every ClusterRole is in the way.
          const obstacle = release === RELEASE ? 'virt-steward-' : 'virt-steward-one-installation-a-cluster" in namespace ""';
          expect(without.stderr).to.contain(`ClusterRole "${obstacle}`).and.to.contain('exists and cannot be imported');
        }
      }

      expect(await leftovers()).to.deep.equal(before);
      expect(own).to.include('virt-steward-one-installation-a-cluster');
      expect((await api.list<TestObject>('/api/v1/namespaces/lab/secrets')).map(({ metadata }) => metadata.name)).to.deep.equal([]);
    } finally {
      await helms[4].must('uninstall', RELEASE, ...cluster, ...NO_NODE);
    }
  });

  for (const major of [3, 4] as const) {
    it(`goes back by Helm ${major} from an upgrade that has turned on a module: its definitions and their objects stay`, async () => {
      const helm = helms[major];
      const definition = { ...CRD, metadata: { name: 'kubevirtconfigs.vitistack.io' } };
      const config: TestObject = {
        apiVersion: 'vitistack.io/v1alpha1',
        kind: 'KubevirtConfig',
        metadata: { name: 'east', namespace: NAMESPACE },
        spec: { name: 'east', kubeconfigSecretRef: 'east' },
      };
      await helm.must('install', RELEASE, CHART, ...cluster);
      try {
        await helm.must('upgrade', RELEASE, CHART, ...cluster, '--set=machines.enabled=true,image.tag=none');
        await api.waitForCondition(definition, 'Established');
        const isServed = async () => (await controlPlane.request({ path: '/apis/vitistack.io/v1alpha1/kubevirtconfigs' })).status === 200;
        await poll('the API to serve KubevirtConfigs', isServed);
        const { uid } = (await api.apply(config)).metadata;

        await helm.must('rollback', RELEASE, '1', ...cluster);
        const { template } = (await api.ask<TestObject>({ path: DEPLOYMENT_PATH }))['spec'] as { template: { spec: object } };
        expect(JSON.stringify(template.spec)).not.to.contain(':none').and.not.to.contain('machines');
        expect((await api.get(config))?.metadata['uid']).to.equal(uid);

        await helm.must('upgrade', RELEASE, CHART, ...cluster, '--set=machines.enabled=true');
        expect((await api.get(config))?.metadata['uid'], 'turned on again').to.equal(uid);
      } finally {
        await api.delete(config);
        await helm.must('uninstall', RELEASE, ...cluster, ...NO_NODE);
      }
    });
  }

  it('installed by Helm 3 is upgraded by Helm 4 to a chart with a further CRD field, which is then stored', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'chart-'));
    try {
      await cp(CHART, folder, { recursive: true });
      const file = join(folder, 'templates/crds/wol.pillon.org_wolconfigs.yaml');
      const field = '                discoveryMode:\n';
      const text = await readFile(file, 'utf8');
      expect(text).to.contain(field);
      await writeFile(file, text.replace(field, `                addedLater:\n                  type: string\n${field}`));
      await helms[3].must('install', RELEASE, CHART, ...cluster);
      await api.waitForCondition(CRD, 'Established');

      await helms[4].must('upgrade', RELEASE, folder, ...cluster, '--server-side=true', '--force-conflicts');

      const wanted = { ...CONFIG, spec: { discoveryMode: 'All', addedLater: 'yes' } };
      await poll('the new field to be stored', async () => {
        const { status, body } = await controlPlane.request({
          method: 'PATCH',
          path: '/apis/wol.pillon.org/v1beta1/wolconfigs/lab?fieldManager=test&force=true',
          body: wanted,
          contentType: 'application/apply-patch+yaml',
        });
        return status === 200 && ((body as TestObject)['spec'] as { addedLater?: string }).addedLater === 'yes';
      });
      await helms[4].must('uninstall', RELEASE, ...cluster, ...NO_NODE);
      expect(await leftovers()).to.deep.equal([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('gives the manager what it needs and none of what is forbidden, and agents nothing', async () => {
    await helms[4].must('install', RELEASE, CHART, ...cluster);
    try {
      const [needed, forbidden] = [neededActions(NAMESPACE), forbiddenActions(NAMESPACE)];
      for (const attributes of needed) {
        await poll(`the manager to be allowed to ${JSON.stringify(attributes)}`, () => isAllowed(MANAGER, attributes));
      }

      const allowed = await Promise.all(
        [MANAGER, AGENT].map((user) =>
          Promise.all(forbidden.map(async (attributes) => ((await isAllowed(user, attributes)) ? [JSON.stringify(attributes)] : []))),
        ),
      );
      const forAgents = await Promise.all(needed.map((attributes) => isAllowed(AGENT, attributes)));

      expect(allowed.flat(2)).to.deep.equal([]);
      expect(forAgents).to.deep.equal(needed.map(() => false));
    } finally {
      await helms[4].must('uninstall', RELEASE, ...cluster, ...NO_NODE);
    }
  });

  describe('with the kinds of others', () => {
    /** Without Go there is no kubeconform; continuous integration insists on it. */
    let conformity: Conformity | undefined;

    before(async function () {
      this.timeout(0);
      await Promise.all(FOREIGN_CRDS.map((crd) => api.apply(crd)));
      await Promise.all(FOREIGN_CRDS.map((crd) => api.waitForCondition(crd, 'Established')));
      // Of a file of values: pods, other than Deployments, are refused without it.
      const runtimeClass = { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'own' }, handler: 'own' };
      await api.ask({ method: 'POST', path: '/apis/node.k8s.io/v1/runtimeclasses', body: runtimeClass });
      const served = async (): Promise<boolean> => {
        const { paths } = await api.ask<{ paths: object }>({ path: '/openapi/v3' });
        return FOREIGN_CRDS.every(({ spec }) => {
          const { group, versions } = spec as { group: string; versions: { name: string }[] };
          return `apis/${group}/${versions[0]!.name}` in paths;
        });
      };
      await poll('their schemas to be told', served);
      conformity = await Conformity.of(controlPlane).catch((error: unknown) => {
        if (process.env['CI']) throw error;
        console.log(error instanceof Error ? error.message : error);
        return undefined;
      });
    });

    after(() => conformity?.remove());

    for (const file of readdirSync(join(CHART, 'ci')).filter((name) => name.endsWith('-values.yaml'))) {
      it(`renders objects without a mistake from ${file}: kubeconform and the API server's dry run take them`, async () => {
        const objects = await helms[4].objects(`--values=${join(CHART, 'ci', file)}`);
        const refusals = await Promise.all(objects.map((object) => refusalOf(controlPlane, object, NAMESPACE)));

        expect(namesOf(objects)).to.have.lengthOf(new Set(namesOf(objects)).size);
        the(objects, 'Deployment');
        expect(refusals.flat()).to.deep.equal([]);
        expect((await conformity?.problemsIn(objects)) ?? []).to.deep.equal([]);
      });
    }

    it('gives people without Helm manifests that kubeconform and the API server take', async () => {
      const rendered = await renderedChart(ROOT, [`--values=${MANIFEST_VALUES}`]);
      const objects = [...manifestFiles(objectsOf(rendered), NAMESPACE, '0.0.0').values()].flatMap(objectsIn);
      const refusals = await Promise.all(objects.map((object) => refusalOf(controlPlane, object, NAMESPACE)));

      expect(objects).to.have.length.above(20);
      expect(refusals.flat()).to.deep.equal([]);
      expect((await conformity?.problemsIn(objects)) ?? []).to.deep.equal([]);
    });

    it('has mistakes found by both: a field that is unknown, a value of the wrong type', async function () {
      if (conformity === undefined) return skipBecause(this, 'kubeconform is not to be had here');
      const wrong = (await helms[4].objects('--set-json=manager.podSecurityContext={"runAsRoot":true,"runAsUser":"me"}')).filter(
        ({ kind }) => kind === 'Deployment',
      );

      const problems = (await conformity.problemsIn(wrong)).join();
      const refusals = (await refusalOf(controlPlane, wrong[0]!, NAMESPACE)).join();

      expect(problems)
        .to.contain('runAsRoot')
        .and.to.match(/runAsUser.*want integer/);
      expect(refusals).to.contain('runAsRoot');
    });
  });
});
