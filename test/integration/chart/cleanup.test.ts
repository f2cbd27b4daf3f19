import { execFile } from 'node:child_process';
import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { AdminApi } from '../../harness/admin-api';
import { CHART, Helm, RELEASE } from '../../harness/helm';
import { poll } from '../../harness/poll';
import { MAIN, NAMESPACE, type TestObject } from '../../harness/steward-cluster';
import { aWolConfig } from '../../harness/virtual-machines';

const OURS = { 'app.kubernetes.io/managed-by': 'virt-steward' };
const LEASE = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'virt-steward-manager', namespace: NAMESPACE } };
const DEPLOYMENT = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'virt-steward-manager', namespace: NAMESPACE } };
const CONFIG = aWolConfig('lab');

interface Outcome {
  readonly code: number;
  readonly lines: readonly string[];
  readonly stderr: string;
}

describe('virt-steward cleanup, with the rights of the hook of the chart', () => {
  let controlPlane: ControlPlane;
  let api: AdminApi;
  let helm: Helm;
  let kubeconfig: string;

  before(async function () {
    this.timeout(0);
    helm = await Helm.find(4);
    controlPlane = await startControlPlane();
    api = new AdminApi(controlPlane);
    await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    const hooks = (await helm.objects('--show-only=templates/hooks/cleanup.yaml')).filter(({ kind }) => kind !== 'Job');
    for (const object of hooks) await api.apply(object);
    const text = await controlPlane.serviceAccountKubeconfig(NAMESPACE, 'virt-steward-cleanup');
    kubeconfig = controlPlane.writeFile('cleanup.kubeconfig', text);
  });

  after(async () => {
    await controlPlane?.stop();
    helm?.remove();
  });

  const cleanup = (...args: string[]): Promise<Outcome> =>
    new Promise((resolve) => {
      const env = { PATH: process.env['PATH'] ?? '', KUBECONFIG: kubeconfig, POD_NAMESPACE: NAMESPACE };
      execFile(process.execPath, [MAIN, 'cleanup', '--modules=wol', ...args], { env, timeout: 100_000 }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), lines: stdout.trim().split('\n'), stderr }),
      );
    });
  const named = (kind: string, name: string, labels: Record<string, string> = OURS): TestObject => ({
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace: NAMESPACE, labels },
  });
  const daemonSet = (name: string, owner?: { uid: unknown }): TestObject => {
    const labels = { app: 'wol-agent', set: name };
    const reference = { apiVersion: CONFIG.apiVersion, kind: CONFIG.kind, name: 'lab', controller: true, blockOwnerDeletion: true };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'agent', image: 'example.com/agent:1' }] } };
    return {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: {
        name,
        namespace: NAMESPACE,
        labels,
        ...(owner === undefined ? {} : { ownerReferences: [{ ...reference, uid: owner.uid }] }),
      },
      spec: { selector: { matchLabels: labels }, template },
    };
  };
  const exists = async (object: TestObject): Promise<boolean> => (await api.get(object)) !== undefined;

  async function install(): Promise<void> {
    const place = [`--kubeconfig=${controlPlane.kubeconfigPath}`, `--namespace=${NAMESPACE}`];
    await helm.must('upgrade', '--install', RELEASE, CHART, ...place, '--set=manager.replicas=2');
    await poll('the Deployment to count its pods', async () => {
      const deployment = await api.get<TestObject & { status?: { replicas?: number } }>(DEPLOYMENT);
      return deployment?.status?.replicas === 2;
    });
    await api.waitForCondition(
      { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'wolconfigs.wol.pillon.org' } },
      'Established',
    );
  }

  async function leaseHeldBy(holderIdentity: string, leaseDurationSeconds: number): Promise<void> {
    await api.apply({ ...LEASE, spec: { holderIdentity, leaseDurationSeconds, renewTime: '2026-01-01T00:00:00.000000Z' } });
  }

  it('stops the manager and deletes what it has made, and nothing that somebody else has', async () => {
    await install();
    const { uid } = (await api.apply(CONFIG)).metadata;
    const [agents, foreign] = [daemonSet('wol-agent-lab', { uid }), daemonSet('wol-agent-foreign')];
    const made = [named('Secret', 'virt-steward-grpc-ca'), named('ConfigMap', 'virt-steward-grpc-ca'), agents];
    const others = [
      named('Secret', 'virt-steward-grpc-tls', { 'app.kubernetes.io/managed-by': 'cert-manager' }),
      named('Secret', 'unrelated'),
      named('ConfigMap', 'virt-steward-learned-macs-0'),
      foreign,
    ];
    for (const object of [...made, ...others]) await api.apply(object);
    await leaseHeldBy('', 1);

    const { code, lines, stderr } = await cleanup();

    expect(stderr).to.equal('');
    expect(lines).to.deep.equal([
      `scaled Deployment ${NAMESPACE}/virt-steward-manager to 0`,
      `deleted DaemonSet ${NAMESPACE}/wol-agent-lab`,
      `left Secret ${NAMESPACE}/virt-steward-grpc-tls: virt-steward did not make it`,
      `deleted Secret ${NAMESPACE}/virt-steward-grpc-ca`,
      `deleted ConfigMap ${NAMESPACE}/virt-steward-grpc-ca`,
      `deleted Lease ${NAMESPACE}/virt-steward-manager`,
      `stays: ConfigMap ${NAMESPACE}/virt-steward-learned-macs-0 (addresses learned for WolConfigs)`,
      'stays: CustomResourceDefinition wolconfigs.wol.pillon.org with 1 WolConfig',
    ]);
    expect(code).to.equal(0);
    expect(await Promise.all([...made, LEASE].map(exists))).to.deep.equal([false, false, false, false]);
    expect(await Promise.all([...others, CONFIG].map(exists))).to.deep.equal([true, true, true, true, true]);
  });

  it('has nothing to do the second time, and without an installation, and succeeds', async () => {
    expect((await cleanup()).lines.filter((line) => !/^(stays|left)/.test(line))).to.deep.equal([]);

    await api.delete(DEPLOYMENT);
    const { code, lines } = await cleanup();
    expect(code).to.equal(0);
    expect(lines[0]).to.equal(`there is no Deployment ${NAMESPACE}/virt-steward-manager`);
  });

  it('deletes nothing while somebody leads, and says so when the time is over', async () => {
    await leaseHeldBy('virt-steward-manager-1_2', 600);
    const secret = named('Secret', 'virt-steward-grpc-ca');
    await api.apply(secret);

    const { code, stderr } = await cleanup('--timeout=2s');

    expect(code).to.equal(1);
    expect(stderr).to.equal(
      `error: somebody holds Lease ${NAMESPACE}/virt-steward-manager; run cleanup again, or look with kubectl why it does not end\n`,
    );
    expect(await exists(secret)).to.equal(true);
  });

  it('goes on once the holder of the Lease has not renewed it for its duration', async () => {
    await leaseHeldBy('virt-steward-manager-1_2', 2);

    const { code, lines } = await cleanup();

    expect(code).to.equal(0);
    expect(lines).to.include(`deleted Lease ${NAMESPACE}/virt-steward-manager`);
  });

  it('does not scale a Deployment that is not the manager', async () => {
    const labels = { app: 'other' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'example.com/a:1' }] } };
    await api.apply({ ...DEPLOYMENT, spec: { replicas: 1, selector: { matchLabels: labels }, template } });

    const { code, stderr } = await cleanup();

    expect(code).to.equal(1);
    expect(stderr).to.contain(`Deployment ${NAMESPACE}/virt-steward-manager is not the manager's`);
    expect(await api.get(DEPLOYMENT)).to.have.nested.property('spec.replicas', 1);
  });
});
