/**
 * The cluster that KUBECONFIG names, kind included.
 *
 * Owns: a namespace of its own, and the definitions that were not there before; both go with it. Never: touches another namespace,
 * or a KubeVirt that it did not bring.
 *
 * Nodes need the images: from STEWARD_IMAGE_REGISTRY, or loaded beforehand under their names in dist/images (`kind load image-archive`).
 * STEWARD_E2E_HOST is the IPv4 address under which the cluster's API server reaches this machine.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { type RestRequest, type RestResponse, warningsIn } from '../../hack/control-plane/rest';
import { AdminApi } from '../harness/admin-api';
import { poll } from '../harness/poll';
import type { TestObject } from '../harness/steward-cluster';
import { KubeApi } from '../kubevirt/api/kube-api';
import { type KubeVirtStandIn, startKubeVirtStandIn } from '../kubevirt/stand-in';
import { VERSION } from './images';
import type { Stage, StageNode } from './stage';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const OURS = 'wolconfigs.wol.pillon.org';
const KUBEVIRT = 'virtualmachines.kubevirt.io';
const SLOW = { timeoutMs: 180_000, intervalMs: 500 };

interface Node extends TestObject {
  readonly status: { readonly addresses: readonly { readonly type: string; readonly address: string }[] };
}

export class ExternalStage implements Stage {
  readonly local = undefined;
  readonly namespace = `virt-steward-e2e-${randomBytes(4).toString('hex')}`;
  private readonly registry = process.env['STEWARD_IMAGE_REGISTRY'] || 'localhost';
  private kubevirt: KubeVirtStandIn | undefined;
  private packets = 0;

  private constructor(
    readonly api: AdminApi,
    private readonly kubeApi: KubeApi,
    readonly kubeconfigPath: string,
    readonly nodes: readonly StageNode[],
    /** Address of this machine as the API server sees it. */
    private readonly host: string,
  ) {}

  /** @throws {Error} when the cluster has a virt-steward or a KubeVirt: both would be in the way, and harmed. */
  static async start(kubeconfigPath: string): Promise<ExternalStage> {
    const host = process.env['STEWARD_E2E_HOST'];
    if (!host) throw new Error('STEWARD_E2E_HOST is not set; needed: the IPv4 address under which the API server reaches this machine');
    const kubeApi = await KubeApi.fromKubeconfig(readFileSync(kubeconfigPath, 'utf8'));
    for (const name of [OURS, KUBEVIRT]) {
      if ((await kubeApi.find(`${CRDS}/${name}`)) !== undefined)
        throw new Error(`the cluster of KUBECONFIG has ${name}; needed: one without virt-steward and without KubeVirt`);
    }
    const api = new AdminApi({ request: (request) => exchange(kubeApi, request) });
    const nodes = (await api.list<Node>('/api/v1/nodes')).map(({ metadata, status }) => ({
      name: metadata.name,
      address: status.addresses.find(({ type }) => type === 'InternalIP')?.address ?? '',
    }));
    return new ExternalStage(api, kubeApi, kubeconfigPath, nodes, host);
  }

  get helmArguments(): readonly string[] {
    return [`--set=global.imageRegistry=${this.registry}`];
  }

  request(request: RestRequest): Promise<RestResponse> {
    return exchange(this.kubeApi, request);
  }

  async requestAs(token: string, request: RestRequest): Promise<RestResponse> {
    const config = parse(readFileSync(this.kubeconfigPath, 'utf8')) as { users: { name: string }[] };
    const users = config.users.map(({ name }) => ({ name, user: { token } }));
    const api = await KubeApi.fromKubeconfig(stringify({ ...config, users }));
    try {
      return await exchange(api, request);
    } finally {
      api.close();
    }
  }

  async installKubeVirt(): Promise<KubeVirtStandIn> {
    const kubeconfig = readFileSync(this.kubeconfigPath, 'utf8');
    this.kubevirt ??= await startKubeVirtStandIn({ kubeconfig, host: this.host });
    return this.kubevirt;
  }

  /** From a pod, since this machine need not be on the network of the nodes. */
  async wake(mac: string, to: string): Promise<void> {
    this.packets++;
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: `sender-${this.packets}`, namespace: this.namespace } };
    const image = `${this.registry}/virt-steward/manager:${VERSION}`;
    const args = ['wake', mac, '--to', to];
    await this.api.apply({ ...pod, spec: { restartPolicy: 'Never', containers: [{ name: 'wake', image, args }] } });
    await poll(
      `the pod that sends to ${to} to end`,
      async () => ((await this.api.get(pod))?.['status'] as { phase?: string } | undefined)?.phase === 'Succeeded',
      SLOW,
    );
    await this.api.delete(pod);
  }

  async stop(): Promise<void> {
    await this.kubevirt?.uninstall();
    const namespaces = this.kubevirt === undefined ? [this.namespace] : [this.namespace, 'kubevirt'];
    for (const name of namespaces) await this.api.delete({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    await this.kubeApi.exchange({ method: 'DELETE', path: `${CRDS}/${OURS}` });
    await poll(
      `namespace ${this.namespace} to go`,
      async () => (await this.kubeApi.find(`/api/v1/namespaces/${this.namespace}`)) === undefined,
      SLOW,
    );
    this.kubeApi.close();
  }
}

async function exchange(api: KubeApi, { accept: _, ...request }: RestRequest): Promise<RestResponse> {
  const { code, text, headers } = await api.exchange(request);
  return { status: code, body: text.startsWith('{') ? JSON.parse(text) : text, warnings: warningsIn([headers['warning'] ?? []].flat()) };
}
