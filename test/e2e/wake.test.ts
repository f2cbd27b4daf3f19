/** The images on a real node: the manager as a Deployment, agents on the host network, a packet on the node's network. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import { Cluster } from '../../hack/cluster/cluster';
import { AdminApi } from '../harness/admin-api';
import { NetworkLab } from '../harness/network-lab';
import { poll } from '../harness/poll';
import { MAIN, ROOT, type TestObject } from '../harness/steward-cluster';
import { sendMagicPackets } from '../harness/udp-sender';
import { aVm, aWolConfig, testMac } from '../harness/virtual-machines';
import { type KubeVirtStandIn, startKubeVirtStandIn } from '../kubevirt/stand-in';
import { E2E_NAMESPACE, managerObjects } from './deployment';

const SLOW = { timeoutMs: 120_000, intervalMs: 500 };
const PODS = `/api/v1/namespaces/${E2E_NAMESPACE}/pods`;

interface Pod extends TestObject {
  readonly spec: { hostNetwork?: boolean; automountServiceAccountToken?: boolean; containers: { securityContext: unknown }[] };
  readonly status?: { conditions?: { type: string; status: string }[]; containerStatuses?: { restartCount: number }[] };
}

describe(`virt-steward on a real node${NetworkLab.titleNote}`, function () {
  this.timeout(300_000);
  let cluster: Cluster;
  let api: AdminApi;
  let kubevirt: KubeVirtStandIn | undefined;
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

  before(async function () {
    if (!NetworkLab.isPossible) return this.skip();
    const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
    const images = ['manager', 'agent'].map((name) => join(ROOT, 'dist', 'images', `${name}-${version}-${architecture}.tar`));
    cluster = await Cluster.start({ images });
    api = new AdminApi(cluster.controlPlane);
    const labels = { 'pod-security.kubernetes.io/enforce': 'privileged' };
    await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: E2E_NAMESPACE, labels } });
    for (const file of readdirSync(join(ROOT, 'crds'))) await applyText(readFileSync(join(ROOT, 'crds', file), 'utf8'));
    const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'rbac', '--modules=wol']);
    await applyText(stdout);
    for (const object of managerObjects(version)) await api.apply(object);
  });

  after(async () => {
    await kubevirt?.stop();
    await cluster?.stop();
  });

  it('makes both replicas of the manager Ready without KubeVirt', async () => {
    await untilReady('app.kubernetes.io/component=manager', 2);
  });

  it('runs an agent on the node, on the host network, with no right but to open low ports', async () => {
    kubevirt = await startKubeVirtStandIn({ kubeconfig: cluster.controlPlane.kubeconfig });
    await api.apply(aVm({ name: 'desktop', mac: testMac(1) }));
    await api.apply(aWolConfig('all'));
    const [agent] = await untilReady('app=wol-agent', 1);
    expect(agent?.spec).to.include({ hostNetwork: true, automountServiceAccountToken: false });
    expect(agent?.spec.containers[0]?.securityContext).to.deep.equal({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
    });
  });

  it('starts a virtual machine for a magic packet on the network of the node', async () => {
    const started = () => kubevirt?.journal.calls({ verb: 'start' }) ?? [];
    await poll(
      'the virtual machine to be started',
      async () => {
        await sendMagicPackets(9, [testMac(1)], cluster.network.node('node-1').address);
        return started().length > 0;
      },
      { ...SLOW, intervalMs: 2_000 },
    );
    expect(started()).to.have.length(1);
  });

  async function applyText(text: string): Promise<void> {
    for (const document of parseAllDocuments(text)) await api.apply(document.toJS() as TestObject);
  }

  async function untilReady(selector: string, count: number): Promise<Pod[]> {
    let pods: Pod[] = [];
    const isReady = ({ status }: Pod): boolean =>
      status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
    return poll(
      `${count} pods with ${selector} to be Ready`,
      async () => {
        pods = await api.list<Pod>(`${PODS}?labelSelector=${encodeURIComponent(selector)}`);
        return pods.length === count && pods.every(isReady) ? pods : undefined;
      },
      { ...SLOW, onTimeout: () => JSON.stringify(pods.map(({ status }) => status)).slice(0, 4_000) },
    );
  }
});
