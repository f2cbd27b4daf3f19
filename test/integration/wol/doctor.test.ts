import { execFile } from 'node:child_process';
import { expect } from 'chai';
import { AgentIdentities } from '../../harness/agent-identities';
import { applyRights } from '../../harness/apply-rights';
import { TestProcess } from '../../harness/child-process';
import { freeUdpPort } from '../../harness/free-port';
import { poll } from '../../harness/poll';
import { MAIN, NAMESPACE, StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { type AgentProcess, type ManagerProcess, startAgent, startManager } from '../../harness/steward-processes';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { untilCondition, untilStatus, wolConfig } from '../../harness/wol-objects';

interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Report {
  readonly checks: readonly { readonly check: string; readonly outcome: string; readonly found: string; readonly remedy?: string }[];
  readonly firstFailure: string | null;
}

const PASSWORD = 'de:ad:be:ef:ca:fe';
const NODE = 'node-1';

/**
 * The commands as a person runs them, on a cluster whose agent is a process beside it: the node and its pods are objects only, and the
 * test says in the kubelet's stead that pods are ready.
 */
describe('what people ask about waking', () => {
  let cluster: StewardCluster;
  let manager: ManagerProcess;
  let agent: AgentProcess;
  let udpPort: number;
  let viewer: string;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol' });
    const { api } = cluster;
    udpPort = await freeUdpPort();
    await api.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: NODE, labels: { 'kubernetes.io/os': 'linux' } } });
    manager = await startManager(cluster, { secure: true });
    const identity = await (await AgentIdentities.create(cluster)).folder(NODE);
    agent = await startAgent(manager.grpcPort, { nodeName: NODE, identity, udpPorts: [udpPort] });
    await api.apply(aVm({ name: 'desktop', mac: testMac(1), labels: { wake: 'yes' } }));
    await api.apply(aVm({ name: 'halted', mac: testMac(2), runStrategy: 'Halted', labels: { wake: 'yes' } }));
    await api.apply(aVm({ name: 'bare', labels: { wake: 'yes' } }));
    await api.apply(aVm({ name: 'vault', mac: testMac(4) }));
    const vmSelector = { matchLabels: { wake: 'yes' } };
    await api.apply(aWolConfig('lab', { discoveryMode: 'LabelSelector', vmSelector, wolPorts: [udpPort], startPolicy: 'Skip' }));
    await untilStatus(api, 'lab', 'to count', ({ managedVMs, unwakeableVMs }) => managedVMs === 2 && unwakeableVMs === 1);
    await makeAgentsReady();
    viewer = await aViewer();
  });

  after(async () => {
    await agent?.process.stop();
    await manager?.process.stop();
    await cluster?.stop();
  });

  /** Nothing runs them here. One that the DaemonSet controller puts in the place of another is made ready like that. */
  async function makeAgentsReady(): Promise<void> {
    let last: unknown;
    await poll(
      'the agents to be ready, and the manager to see it',
      async () => {
        const pods = await cluster.api.list<TestObject>(`/api/v1/namespaces/${NAMESPACE}/pods`);
        for (const { metadata } of pods) {
          const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }];
          const path = `/api/v1/namespaces/${NAMESPACE}/pods/${metadata.name}/status`;
          const body = { status: { phase: 'Running', conditions } };
          const contentType = 'application/strategic-merge-patch+json';
          const { status } = await cluster.controlPlane.request({ method: 'PATCH', path, contentType, body });
          if (status !== 200 && status !== 404) throw new Error(`the status of pod ${metadata.name} was answered with ${status}`);
        }
        const config = await wolConfig(cluster.api, 'lab');
        last = [pods, config?.status];
        return config?.status?.conditions?.some(({ type, reason }) => type === 'AgentReady' && reason === 'AllReady');
      },
      { onTimeout: () => JSON.stringify(last) },
    );
  }

  /** Somebody who may look at machines and WolConfigs, and at nothing else. */
  async function aViewer(): Promise<string> {
    const { api, controlPlane } = cluster;
    const rules = [
      { apiGroups: ['kubevirt.io'], resources: ['virtualmachines', 'virtualmachineinstances'], verbs: ['get', 'list'] },
      { apiGroups: ['wol.pillon.org'], resources: ['wolconfigs'], verbs: ['get', 'list'] },
    ];
    await api.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'viewer', namespace: 'default' } });
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'viewer' }, rules };
    const binding = {
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'viewer' } },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'viewer' },
      subjects: [{ kind: 'ServiceAccount', name: 'viewer', namespace: 'default' }],
    };
    await applyRights(api, [role, binding], 'system:serviceaccount:default:viewer');
    return controlPlane.writeFile('viewer.kubeconfig', await controlPlane.serviceAccountKubeconfig('default', 'viewer'));
  }

  const run = (args: readonly string[], kubeconfig = cluster.controlPlane.kubeconfigPath): Promise<Output> =>
    new Promise((resolve) => {
      const env = { PATH: process.env['PATH'] ?? '', KUBECONFIG: kubeconfig };
      execFile(process.execPath, [MAIN, ...args], { env, timeout: 200_000 }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
    });
  const doctor = async (args: readonly string[], kubeconfig?: string): Promise<Report & { code: number }> => {
    const { code, stdout, stderr } = await run(['doctor', ...args, '-o', 'json'], kubeconfig);
    expect(stdout, stderr).to.not.equal('');
    return { code, ...(JSON.parse(stdout) as Report) };
  };

  it('wake --list shows who is woken by what, and --unwakeable as many as the status counts', async () => {
    const { code, stdout } = await run(['wake', '--list', '-o', 'json'], viewer);
    const { items } = JSON.parse(stdout) as { items: { mac: string; vm: string; packet: { action: string; reason?: string } }[] };

    expect(code).to.equal(0);
    expect(items.map(({ mac, vm, packet }) => [mac, vm, packet.reason ?? packet.action])).to.deep.equal([
      [testMac(1), 'default/desktop', 'start'],
      [testMac(2), 'default/halted', 'SkippedByPolicy'],
    ]);
    const missing = await run(['wake', '--list', '--unwakeable'], viewer);
    expect(missing.stdout.trim().split('\n').slice(1)).to.deep.equal(['default/bare   lab      declares no usable MAC address']);
  });

  it('doctor finds every step in order for a machine that a packet is going to start', async () => {
    const { code, checks, firstFailure } = await doctor(['default/desktop']);

    expect(firstFailure, JSON.stringify(checks)).to.equal(null);
    expect(code).to.equal(0);
    expect(checks.map(({ check }) => check)).to.include.members(['machine', 'config', 'port', 'agents', 'state', 'right', 'kubevirt']);
  });

  it('wake --vm --wait starts it by a packet, tells each state, and ends when it runs', async () => {
    const { code, stdout, stderr } = await run(
      ['wake', '--vm', 'default/desktop', '--to', '127.0.0.1', '--wait', '--timeout', '120s'],
      viewer,
    );

    expect(code, stdout + stderr).to.equal(0);
    expect(stdout).to.contain(`default/desktop: ${testMac(1)}, port ${udpPort}, WolConfig lab\n`);
    expect(stdout).to.match(/default\/desktop: (.* -> )?Running\n$/);
    expect(cluster.kubevirt.journal.calls({ verb: 'start', name: 'desktop', code: 202 })).to.have.length(1);
    expect((await doctor(['default/desktop'])).checks.at(-1)?.found).to.contain('a packet does nothing');
  });

  it('wake --wait ends with 1 when the wake is refused, and doctor says at which step and what to do', async () => {
    // lastWake is written once in 10 s.
    const waiting = await run(['wake', testMac(2), '--port', String(udpPort), '--to', '127.0.0.1', '--wait', '--timeout', '120s']);
    expect(waiting.code, waiting.stdout).to.equal(1);
    expect(waiting.stdout).to.contain('default/halted: the wake was skipped, says WolConfig lab');
    expect(waiting.stderr).to.contain('"virt-steward doctor default/halted" tells why');

    const { code, firstFailure, checks } = await doctor(['default/halted']);
    expect({ code, firstFailure }).to.deep.equal({ code: 1, firstFailure: 'state' });
    const failure = checks.find(({ outcome }) => outcome === 'fail');
    expect(failure?.found).to.match(/^SkippedByPolicy: /);
    expect(failure?.remedy).to.contain('spec.startPolicy');
  });

  it('wake --wait is ended by Ctrl-C with 130, and nothing comes of a packet that nobody hears', async () => {
    await cluster.api.apply(
      aWolConfig('slow', {
        discoveryMode: 'Explicit',
        wolPorts: [await freeUdpPort()],
        explicitMappings: [{ macAddress: testMac(9), vmName: 'vault', namespace: 'default' }],
      }),
    );
    await untilStatus(cluster.api, 'slow', 'to count', ({ managedVMs }) => managedVMs === 1);
    const args = [MAIN, 'wake', '--vm', 'default/vault', '--to', '127.0.0.1', '--wait'];
    const waiting = new TestProcess('wake', args, { KUBECONFIG: viewer });
    await waiting.until('the state', () => waiting.log.includes('default/vault: Stopped'));
    waiting.signal('SIGINT');

    expect((await waiting.exited).code).to.equal(130);
    expect(waiting.log).to.contain('no longer waited for');
    const { firstFailure } = await doctor(['default/vault']);
    expect(firstFailure).to.equal('agents');
  });

  it('doctor explains a machine that no WolConfig covers, and an address on the wrong port', async () => {
    await cluster.api.delete({ apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', metadata: { name: 'slow' } });
    await poll('the WolConfig to be gone', async () => (await run(['wake', '--list', '--config', 'slow'])).code === 1);
    const vault = await doctor(['default/vault']);
    expect(vault.firstFailure).to.equal('config');
    expect(vault.checks.find(({ outcome }) => outcome === 'fail')?.found).to.contain('lab: its labels do not match spec.vmSelector');
    const port = await doctor([testMac(1), '--port', '9']);
    expect(port.firstFailure).to.equal('port');
  });

  it('doctor looks at the whole cluster: what is well is ok, what is not names the remedy', async () => {
    const { checks } = await doctor(['--service-account', 'virt-steward']);
    const outcomeOf = (check: string): string[] => [
      ...new Set(checks.filter((finding) => finding.check === check).map(({ outcome }) => outcome)),
    ];

    for (const check of ['kubevirt', 'definition', 'rights', 'certificate', 'bundle', 'older-agents', 'pod-security']) {
      expect(outcomeOf(check), `${check}: ${JSON.stringify(checks)}`).to.deep.equal(['ok']);
    }
    expect(checks.find(({ check }) => check === 'map')?.found).to.contain('default/bare declares no usable MAC address');
    for (const { outcome, remedy } of checks) if (outcome === 'fail') expect(remedy).to.be.a('string');
  });

  it('doctor finds a right that the manager lacks, with the account taken from the binding', async () => {
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'virt-steward-manager' } };
    const before = (await cluster.api.get<TestObject & { rules: { resources: string[] }[] }>(role))!;
    const rules = before.rules.filter(({ resources }) => !resources.includes('virtualmachines/start'));
    await cluster.api.mergePatch(role, { rules });
    try {
      const found = await poll('the missing right to show', async () => {
        const { checks } = await doctor([]);
        return checks.find(({ check, outcome }) => check === 'rights' && outcome === 'fail');
      });
      expect(found.found).to.contain('update virtualmachines/start.subresources.kubevirt.io');
    } finally {
      await cluster.api.mergePatch(role, { rules: before.rules });
    }
  });

  it('doctor needs no rights to be of use: each check that may not be made is a warning that names the right', async () => {
    const { checks } = await doctor([], viewer);
    const denied = checks.filter(({ remedy }) => remedy?.startsWith('ask for the right') === true);

    expect(denied.map(({ outcome }) => outcome)).to.not.include('fail');
    expect(denied.map(({ remedy }) => remedy)).to.include.members([
      'ask for the right to create subjectaccessreviews.authorization.k8s.io',
      `ask for the right to get secrets in namespace ${NAMESPACE}`,
      'ask for the right to list daemonsets.apps',
    ]);
    expect(checks.filter(({ check }) => check === 'kubevirt').map(({ outcome }) => outcome)).to.deep.equal(['ok', 'ok']);
  });

  it('doctor writes nothing, and prints nothing of a Secret', async () => {
    const { api } = cluster;
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'wake', namespace: NAMESPACE } };
    await api.apply({ ...secret, stringData: { password: PASSWORD } });
    await api.apply(
      aWolConfig('guarded', {
        discoveryMode: 'Explicit',
        wolPorts: [udpPort],
        secureOn: { passwordSecretRef: { name: 'wake' } },
        explicitMappings: [{ macAddress: testMac(9), vmName: 'vault', namespace: 'default' }],
      }),
    );
    await untilCondition(api, 'guarded', 'Ready', 'True', 'MappingUpdated');
    const tls = (await api.get<TestObject & { data: Record<string, string> }>({
      ...secret,
      metadata: { name: 'virt-steward-grpc-tls', namespace: NAMESPACE },
    }))!;
    const texts = await Promise.all(
      [['doctor'], ['doctor', 'default/vault'], ['doctor', testMac(9), '--port', String(udpPort), '-o', 'json']].map((args) => run(args)),
    );
    const all = texts.map(({ stdout, stderr }) => stdout + stderr).join('\n');

    expect(all).to.contain('Secret virt-steward-system/wake, key "password", which is usable');
    for (const content of [
      PASSWORD,
      Buffer.from(PASSWORD).toString('base64'),
      ...Object.values(tls.data).map((value) => value.slice(0, 40)),
      'PRIVATE KEY',
    ]) {
      expect(all.includes(content)).to.equal(false);
    }
  });

  it('is refused in one line with 2 for usage, and with 1 when there is no cluster', async () => {
    expect(await run(['doctor', 'desktop'])).to.deep.include({ code: 2, stdout: '' });
    const gone = await run(['doctor'], cluster.controlPlane.writeFile('gone.kubeconfig', (await readText(viewer)).replace(/:\d+$/m, ':1')));
    expect(gone.code).to.equal(1);
    expect(gone.stderr.trim().split('\n')).to.have.length(1);
  });
});

async function readText(file: string): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return readFile(file, 'utf8');
}
