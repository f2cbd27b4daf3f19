import { expect } from 'chai';
import { type RunningSettings, runningSettings, type SaidFlags } from '../../../src/cli/running-settings';
import { ClusterView } from '../../../src/kubevirt/diagnosis/cluster-view';
import { type FakeClusterOptions, type FakeObject, fakeClient, NAMESPACE } from '../wol/doctor/fake-cluster';

interface ContainerParts {
  args?: readonly string[];
  command?: readonly string[];
  env?: readonly object[];
  envFrom?: readonly object[];
}
const MANAGER_LABELS = { 'app.kubernetes.io/part-of': 'virt-steward', 'app.kubernetes.io/component': 'manager' };
const deployment = (container: ContainerParts = {}, name = 'virt-steward-manager', labels = MANAGER_LABELS): FakeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: NAMESPACE, labels },
  spec: {
    template: {
      spec: {
        containers: [
          { name: 'sidecar', args: ['--modules=wol'] },
          { name: 'manager', ...container },
        ],
      },
    },
  },
});
const configMap = (name: string, data: Record<string, string>): FakeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: NAMESPACE },
  data,
});
const settingsIn = (
  objects: readonly FakeObject[],
  {
    said = {},
    env = {},
    deployment: name,
    ...cluster
  }: FakeClusterOptions & { said?: SaidFlags; env?: Record<string, string>; deployment?: string } = {},
): Promise<RunningSettings> => {
  const view = new ClusterView(fakeClient({ ...cluster, objects }).client);
  return runningSettings(view, { namespace: NAMESPACE, deployment: name, said, env });
};
const lines = ({ findings }: RunningSettings): string[] => findings.map(({ outcome, found }) => `${outcome} ${found}`);
const OF_IT = `of Deployment ${NAMESPACE}/virt-steward-manager`;
const SAY_THEM = 'pass --kubevirt-configs-namespace, --platform-activation, --watch-namespaces as the manager has them';

describe('the settings by which a command judges a manager', () => {
  it('are those of its container: arguments before variables, variables before defaults', async () => {
    const container = {
      args: [
        'manager',
        '--modules=machines,wol',
        '--kubevirt-configs-namespace',
        'clusters',
        '--leader-elect',
        '--platform-activation=annotation',
      ],
      env: [
        { name: 'KUBEVIRT_CONFIGS_NAMESPACE', value: 'other' },
        { name: 'VM_NAME_PREFIX', value: 'x-' },
        { name: 'CLUSTER_CHECK_INTERVAL', value: '1m' },
        { name: 'WATCH_NAMESPACES', value: 'lab,office' },
        { name: 'RELATED_IMAGE_TOOL', value: 'registry/tool:1' },
      ],
    };
    const settings = await settingsIn([deployment(container)]);

    expect(lines(settings)).to.deep.equal([`ok ${OF_IT}, which runs machines, wol`]);
    expect(settings.machines).to.deep.include({ configNamespaces: ['clusters'], namePrefix: 'x-', checkIntervalMs: 60_000 });
    expect(settings.wol.watchNamespaces).to.deep.equal(['lab', 'office']);
    expect(settings.platform).to.include({ activation: 'annotation', metricsPort: 8443 });
    expect(settings.features).to.deep.equal({ leaderElection: true, secureMetrics: true });
    expect(settings.environment).to.include({ RELATED_IMAGE_TOOL: 'registry/tool:1' });
  });

  it('follow references as the kubelet does: the own namespace, other variables, ConfigMaps', async () => {
    const container = {
      command: ['/virt-steward', 'manager'],
      args: ['--default-kubevirt-config=$(CLUSTER)', '--cluster-that-no-flag-names=$(CLUSTER)', '--watch-namespaces=lab'],
      envFrom: [{ configMapRef: { name: 'all' } }, { prefix: 'CPU_', configMapRef: { name: 'prefixed' } }],
      env: [
        { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
        { name: 'KUBEVIRT_CONFIGS_NAMESPACE', value: '$(POD_NAMESPACE),far' },
        { name: 'CLUSTER', value: 'east' },
        { name: 'MANAGED_BY', valueFrom: { configMapKeyRef: { name: 'one', key: 'who' } } },
        { name: 'MAC_SET', value: '1b' },
        { name: 'MACHINE_TYPE', value: '$$(CLUSTER) $(LATER)' },
        { name: 'LATER', value: 'too late' },
      ],
    };
    const objects = [
      configMap('all', { MAC_SET: '1a', VM_NAME_PREFIX: 'all-' }),
      configMap('prefixed', { MODEL: 'host' }),
      configMap('one', { who: 'us' }),
    ];
    const { machines, wol, findings } = await settingsIn([deployment(container), ...objects]);

    expect(machines).to.deep.include({ configNamespaces: [NAMESPACE, 'far'], defaultConfig: 'east', managedBy: 'us' });
    expect(machines).to.deep.include({ macSet: '1b', namePrefix: 'all-', cpuModel: 'host', machineType: '$(CLUSTER) $(LATER)' });
    expect(wol.watchNamespaces).to.deep.equal(['lab']);
    expect(findings.map(({ outcome }) => outcome)).to.deep.equal(['ok']);
  });

  it('say which of them were not read, and never read a Secret', async () => {
    const container = {
      envFrom: [
        { secretRef: { name: 'hidden' } },
        { configMapRef: { name: 'gone' } },
        { configMapRef: { name: 'may-be-gone', optional: true } },
      ],
      env: [
        { name: 'SUPERVISOR_ID', valueFrom: { secretKeyRef: { name: 'hidden', key: 'id' } } },
        { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      ],
    };
    const { client, requests } = fakeClient({ objects: [deployment(container)] });
    const settings = await runningSettings(new ClusterView(client), { namespace: NAMESPACE, deployment: undefined, said: {}, env: {} });

    expect(settings.findings[1]).to.deep.equal({
      check: 'settings',
      outcome: 'warn',
      found: `Deployment ${NAMESPACE}/virt-steward-manager takes settings from what is not read here: variables of Secret hidden, variables of ConfigMap gone, which does not exist, SUPERVISOR_ID of Secret hidden`,
      remedy: SAY_THEM,
    });
    expect(requests.filter((request) => request.includes('secrets'))).to.deep.equal([]);

    const denied = await settingsIn([deployment({ envFrom: [{ configMapRef: { name: 'all' } }] })], { denied: ['get configmaps'] });
    expect(lines(denied)[1]).to.contain(`variables of ConfigMap all (you may not get configmaps in namespace ${NAMESPACE})`);
  });

  it('follow variables that arguments and other variables refer to, whatever they are called, and images', async () => {
    const ofMap = (name: string, key: string, optional?: boolean): object => ({
      ...{ name, valueFrom: { configMapKeyRef: { name: 'one', key, optional } } },
    });
    const container = {
      args: ['--watch-namespaces=$(NS),lab', '--default-kubevirt-config', '$(CLUSTER)'],
      envFrom: [{ configMapRef: { name: 'all' } }],
      env: [
        ofMap('NS', 'ns'),
        ofMap('CLUSTER', 'cluster'),
        { name: 'MACHINE_TYPE', value: '$(LATER)' },
        ofMap('LATER', 'late'),
        ofMap('WHO', 'who'),
        { name: 'MANAGED_BY', value: 'by-$(WHO)' },
        ofMap('RELATED_IMAGE_TOOL', 'tool'),
        ofMap('MAC_SET', 'gone', true),
        ofMap('NOBODY_ASKS_FOR_IT', 'gone'),
      ],
    };
    const one = { ns: 'office', who: 'us', tool: 'registry/tool:1', cluster: 'east', late: 'too late' };
    const objects = [deployment(container), configMap('one', one), configMap('all', { MAC_SET: '1a' })];
    const settings = await settingsIn(objects);

    expect(lines(settings)).to.deep.equal([`ok ${OF_IT}, which runs all modules`]);
    expect(settings.wol.watchNamespaces).to.deep.equal(['office', 'lab']);
    expect(settings.machines).to.deep.include({ defaultConfig: 'east', machineType: '$(LATER)', managedBy: 'by-us', macSet: '1a' });
    expect(settings.environment).to.include({ RELATED_IMAGE_TOOL: 'registry/tool:1' });
  });

  it('leave out, and name, what is built from something that is not known, instead of judging it', async () => {
    const secret = (name: string): object => ({ name, valueFrom: { secretKeyRef: { name: 'hidden', key: 'a' } } });
    const node = { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } };
    const gone = { name: 'GONE', valueFrom: { configMapKeyRef: { name: 'one', key: 'gone' } } };
    const container = {
      args: [
        '--watch-namespaces=$(NS)',
        '--platform-activation',
        '$(NODE)',
        '--leader-elect',
        '$(NS)',
        '--default-kubevirt-config=$(NS)',
        '--default-kubevirt-config=x',
        '--kubevirt-configs-namespace=$(GONE)',
        '--no-flag-of-ours=$(NS)',
        '$(NODE)',
      ],
      env: [
        secret('NS'),
        secret('OF_NO_MATTER'),
        node,
        gone,
        { name: 'WATCH_NAMESPACES', value: 'does-not-count' },
        secret('RELATED_IMAGE_TOOL'),
        { name: 'MAC_SET', value: '$(NS)' },
      ],
    };
    const settings = await settingsIn([deployment(container), configMap('one', {})]);

    expect(settings.wol.watchNamespaces).to.deep.equal([]);
    expect(settings.platform.activation).to.equal('always');
    expect(settings.machines).to.deep.include({ configNamespaces: ['default'], defaultConfig: 'x' });
    expect(lines(settings)).to.deep.equal([
      `ok ${OF_IT}, which runs all modules`,
      `warn Deployment ${NAMESPACE}/virt-steward-manager takes settings from what is not read here: ${[
        'RELATED_IMAGE_TOOL of Secret hidden',
        'MAC_SET (NS of Secret hidden)',
        'the argument $(NODE) (NODE of field spec.nodeName)',
        '--leader-elect (NS of Secret hidden)',
        '--watch-namespaces (NS of Secret hidden)',
        '--platform-activation (NODE of field spec.nodeName)',
        '--kubevirt-configs-namespace (GONE of ConfigMap one, which has no such key)',
      ].join(', ')}`,
    ]);
  });

  it('leave out what refers to a variable that only a Secret read as a whole can have', async () => {
    const container = { args: ['--watch-namespaces=$(NS)'], envFrom: [{ secretRef: { name: 'hidden' } }] };
    const settings = await settingsIn([deployment(container)]);
    expect(settings.wol.watchNamespaces).to.deep.equal([]);
    expect(lines(settings)[1]).to.match(/: variables of Secret hidden, --watch-namespaces \(NS, perhaps of Secret hidden\)$/);
  });

  it('are those of the command where it says any', async () => {
    const container = {
      args: ['--kubevirt-configs-namespace=clusters', '--platform-activation=annotation'],
      env: [{ name: 'MAC_SET', value: '1b' }],
    };
    const said = { kubevirtConfigsNamespace: 'mine', watchNamespaces: 'lab' };
    const { machines, platform, wol, findings } = await settingsIn([deployment(container)], { said });

    expect(machines).to.deep.include({ configNamespaces: ['mine'], macSet: '1b' });
    expect(platform.activation).to.equal('annotation');
    expect(wol.watchNamespaces).to.deep.equal(['lab']);
    expect(findings[0]?.found).to.equal(`${OF_IT}, which runs all modules; --kubevirt-configs-namespace, --watch-namespaces as given here`);
  });

  it('are the defaults, and say why, where the Deployment may not be read or is not there', async () => {
    const said = { kubevirtConfigsNamespace: 'mine' };
    const denied = await settingsIn([deployment()], { denied: ['get deployments'], said });
    expect(lines(denied)).to.deep.equal([
      `warn defaults: could not read Deployment ${NAMESPACE}/virt-steward-manager: you may not get deployments.apps in namespace ${NAMESPACE}`,
    ]);
    expect(denied.findings[0]?.remedy).to.equal(SAY_THEM);
    expect(denied.machines.configNamespaces).to.deep.equal(['mine']);
    expect(denied).to.include({ modules: undefined, features: undefined, environment: undefined });
    expect(denied.platform).to.include({ activation: 'always', metricsPort: 8443, metricsSecure: true });

    expect(lines(await settingsIn([]))).to.deep.equal([`warn defaults: there is no Deployment ${NAMESPACE}/virt-steward-manager`]);
    const other = await settingsIn([deployment()], { deployment: 'mine' });
    expect(lines(other)).to.deep.equal([`warn defaults: there is no Deployment ${NAMESPACE}/mine`]);
  });

  it('are those of the variables in the pod of a manager that may not read its Deployment, and of no other environment', async () => {
    const env = { KUBEVIRT_CONFIGS_NAMESPACE: 'clusters', POD_NAMESPACE: NAMESPACE };
    const inPod = await settingsIn([deployment()], { denied: ['get deployments'], env });
    expect(inPod.machines.configNamespaces).to.deep.equal(['clusters']);
    expect(lines(inPod)[0]).to.match(/^warn the variables of this pod, else defaults: could not read Deployment /);

    const elsewhere = await settingsIn([deployment()], { denied: ['get deployments'], env: { KUBEVIRT_CONFIGS_NAMESPACE: 'clusters' } });
    expect(elsewhere.machines.configNamespaces).to.deep.equal(['default']);
    expect((await settingsIn([deployment()], { env })).machines.configNamespaces).to.deep.equal(['default']);
  });

  it('are found by the labels of a manager whatever its Deployment is called, unless there are several', async () => {
    const one = deployment({ args: ['--modules=wol'] }, 'release-virt-steward-manager');
    const unlabelled = { ...deployment({}, 'unlabelled'), metadata: { name: 'unlabelled', namespace: NAMESPACE, labels: {} } };
    expect(lines(await settingsIn([one, unlabelled]))).to.deep.equal([
      `ok of Deployment ${NAMESPACE}/release-virt-steward-manager, which runs wol`,
    ]);

    const several = await settingsIn([one, deployment({}, 'another')]);
    expect(lines(several)).to.deep.equal([
      `warn defaults: namespace ${NAMESPACE} has several managers: another, release-virt-steward-manager`,
    ]);
    const named = await settingsIn([one, deployment({}, 'another')], { deployment: 'another' });
    expect(lines(named)).to.deep.equal([`ok of Deployment ${NAMESPACE}/another, which runs all modules`]);
  });

  it('come with the account that pods of the Deployment run as, which nobody knows without it', async () => {
    const running = (name: string, account?: string): FakeObject => {
      const object = deployment({}, name);
      const { template } = object['spec'] as { template: { spec: object } };
      return { ...object, spec: { template: { spec: { ...template.spec, serviceAccountName: account } } } };
    };
    expect(await settingsIn([running('release-virt-steward-manager', 'release-virt-steward')])).to.include({
      serviceAccount: 'release-virt-steward',
    });
    expect(await settingsIn([running('virt-steward-manager')]), 'as Kubernetes does it').to.include({ serviceAccount: 'default' });
    const refused = deployment({ args: ['--platform-activation=sometimes'] });
    expect(await settingsIn([refused]), 'whatever its flags').to.include({ serviceAccount: 'default' });
    expect(await settingsIn([running('virt-steward-manager', 'mine')], { denied: ['get deployments'] })).to.include({
      serviceAccount: undefined,
    });
    expect(await settingsIn([])).to.include({ serviceAccount: undefined });
  });

  it('are the defaults where no manager would start with those of the Deployment, which fails', async () => {
    const settings = await settingsIn([deployment({ args: ['--platform-activation=sometimes'] })]);
    expect(lines(settings)).to.deep.equal([
      `fail defaults: those of Deployment ${NAMESPACE}/virt-steward-manager are refused: --platform-activation is "sometimes"; allowed: always, annotation`,
    ]);
  });

  it('tell of a catalog that is in the container of the manager only', async () => {
    for (const container of [
      { args: ['--platform-assets-dir=/etc/assets'] },
      { env: [{ name: 'PLATFORM_ASSETS_DIR', value: '/etc/assets' }] },
    ]) {
      const settings = await settingsIn([deployment(container)]);
      expect(lines(settings)[1]).to.equal(
        `warn the catalog of Deployment ${NAMESPACE}/virt-steward-manager is /etc/assets in its container, which is not at hand`,
      );
    }
  });

  it('refuse what the command says wrongly', async () => {
    let refusal: unknown;
    try {
      await settingsIn([deployment()], { said: { platformActivation: 'sometimes' } });
    } catch (error) {
      refusal = error;
    }
    expect(refusal).to.include({ message: '--platform-activation is "sometimes"; allowed: always, annotation' });
  });
});
