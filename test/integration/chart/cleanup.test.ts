import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { AdminApi } from '../../harness/admin-api';
import { CHART, Helm, RELEASE } from '../../harness/helm';
import { poll } from '../../harness/poll';
import { MAIN, NAMESPACE, ROOT, type TestObject } from '../../harness/steward-cluster';
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
      execFile(process.execPath, [MAIN, 'cleanup', '--modules=wol', ...args], { env, timeout: 200_000 }, (error, stdout, stderr) =>
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

  describe('--release-finalizers (U8)', () => {
    const MACHINES = '--modules=machines';
    const machine = (name: string, finalizers: string[], provider = ''): TestObject => ({
      apiVersion: 'vitistack.io/v1alpha1',
      kind: 'Machine',
      metadata: { name, namespace: NAMESPACE, finalizers } as TestObject['metadata'],
      spec: { name, instanceType: 'small', provider },
    });
    const [OURS_ONLY, WITH_OTHERS] = [['machine.vitistack.io/finalizer'], ['machine.vitistack.io/finalizer', 'example.com/keeps']];
    const finalizersOf = async (object: TestObject): Promise<unknown> => (await api.get(object))?.metadata['finalizers'];
    /** With the rights of an administrator, which the hook of the chart does not have. */
    const asAdministrator = async (...args: string[]): Promise<Outcome> => {
      const hook = kubeconfig;
      kubeconfig = controlPlane.kubeconfigPath;
      try {
        return await cleanup(MACHINES, ...args);
      } finally {
        kubeconfig = hook;
      }
    };

    before(async function () {
      this.timeout(0);
      await api.delete(DEPLOYMENT);
      await api.delete(LEASE);
      for (const file of ['machines', 'kubevirtconfigs', 'networkconfigurations']) {
        const crd = await api.apply(parse(readFileSync(join(ROOT, 'crds', `vitistack.io_${file}.yaml`), 'utf8')) as TestObject);
        await api.waitForCondition(crd, 'Established');
      }
      for (const object of [machine('held', OURS_ONLY!), machine('twice', WITH_OTHERS!), machine('foreign', OURS_ONLY!, 'proxmox')])
        await api.apply(object);
    });

    it('is named where objects could not be deleted, and releases nothing unasked', async () => {
      const { code, lines } = await asAdministrator();

      expect(code).to.equal(0);
      expect(lines).to.include(
        'stays: CustomResourceDefinition machines.vitistack.io with 3 Machines; ' +
          '2 can be deleted only while a manager runs, or after virt-steward cleanup --release-finalizers',
      );
      expect(await finalizersOf(machine('held', []))).to.deep.equal(OURS_ONLY);
    });

    it('does nothing where nobody can confirm it', async () => {
      const { code, stderr } = await asAdministrator('--release-finalizers');

      expect(code).to.equal(2);
      expect(stderr).to.contain('nobody is there to answer; add --yes');
      expect(await finalizersOf(machine('held', []))).to.deep.equal(OURS_ONLY);
    });

    it('tells in one line which right is missing, and changes nothing then', async () => {
      const { code, stderr } = await cleanup(MACHINES, '--release-finalizers', '--yes');

      expect(code).to.equal(1);
      expect(stderr.trim().split('\n')).to.have.lengthOf(1);
      expect(stderr)
        .to.match(/machines\.vitistack\.io|customresourcedefinitions/)
        .and.to.contain('virt-steward-cleanup');
      expect(await finalizersOf(machine('held', []))).to.deep.equal(OURS_ONLY);
    });

    it('does nothing while a manager runs that it was not told of', async () => {
      const labels = { 'app.kubernetes.io/name': 'virt-steward' };
      const template = { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'example.com/a:1' }] } };
      const elsewhere = { ...DEPLOYMENT, metadata: { name: 'other-manager', namespace: 'default', labels } };
      await api.apply({ ...elsewhere, spec: { replicas: 1, selector: { matchLabels: labels }, template } });
      try {
        const { code, stderr } = await asAdministrator('--release-finalizers', '--yes');

        expect(code).to.equal(1);
        expect(stderr).to.contain(
          'Deployment default/other-manager is a manager that still runs; name it by --operator-namespace and --deployment',
        );
        expect(await finalizersOf(machine('held', []))).to.deep.equal(OURS_ONLY);
      } finally {
        await api.delete(elsewhere);
      }
    });

    it('takes off our finalizers and no others, so that what waits for them goes', async () => {
      await api.ask({ method: 'DELETE', path: `/apis/vitistack.io/v1alpha1/namespaces/${NAMESPACE}/machines/held` });

      const { code, lines, stderr } = await asAdministrator('--release-finalizers', '--yes');

      expect(stderr).to.equal('');
      expect(code).to.equal(0);
      expect(lines).to.include.members([`released Machine ${NAMESPACE}/held`, `released Machine ${NAMESPACE}/twice`]);
      expect(lines).to.include('stays: CustomResourceDefinition machines.vitistack.io with 2 Machines');
      expect(await finalizersOf(machine('foreign', [])), 'a Machine of another provider').to.deep.equal(OURS_ONLY);
      expect(await exists(machine('held', []))).to.equal(false);
      expect(await finalizersOf(machine('twice', []))).to.deep.equal(['example.com/keeps']);

      const again = await asAdministrator('--release-finalizers', '--yes');
      expect(again.lines.filter((line) => line.startsWith('released'))).to.deep.equal([]);
      expect(again.code).to.equal(0);
    });
  });
});
