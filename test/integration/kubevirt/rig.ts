/** A control plane with the KubeVirt stand-in on it, and the few requests its tests make. */
import { type ControlPlane, type RestResponse, startControlPlane } from '../../../hack/control-plane';
import { poll } from '../../harness/poll';
import type { StateChangeRequest } from '../../kubevirt/objects';
import {
  type KubeVirtStandIn,
  type KubeVirtStandInOptions,
  startKubeVirtStandIn,
  type VirtualMachine,
  type VirtualMachineInstance,
  type VmiPhase,
} from '../../kubevirt/stand-in';
import { PrintedHistory } from './printed-history';

export const NAMESPACE = 'default';
const ROOT = `/apis/kubevirt.io/v1/namespaces/${NAMESPACE}`;

export interface NewVm {
  readonly name: string;
  readonly spec?: { readonly running?: boolean; readonly runStrategy?: string };
  readonly interfaces?: readonly object[];
  readonly terminationGracePeriodSeconds?: number;
}

export class Rig {
  private constructor(
    readonly controlPlane: ControlPlane,
    readonly kubevirt: KubeVirtStandIn,
    private readonly history: PrintedHistory,
  ) {}

  static async start(options: Omit<KubeVirtStandInOptions, 'kubeconfig'> = {}): Promise<Rig> {
    const controlPlane = await startControlPlane({ controllerManager: false });
    try {
      const { kubeconfig } = controlPlane;
      const kubevirt = await startKubeVirtStandIn({ ...options, kubeconfig });
      return new Rig(controlPlane, kubevirt, await PrintedHistory.open(kubeconfig));
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.history.close();
    await this.kubevirt.stop();
    await this.controlPlane.stop();
  }

  async createVm({ name, spec = {}, interfaces = [], terminationGracePeriodSeconds }: NewVm): Promise<VirtualMachine> {
    const grace = terminationGracePeriodSeconds === undefined ? {} : { terminationGracePeriodSeconds };
    const template = { spec: { domain: { devices: { interfaces } }, ...grace } };
    const body = { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', metadata: { name }, spec: { ...spec, template } };
    return this.done(await this.controlPlane.request({ method: 'POST', path: `${ROOT}/virtualmachines`, body }));
  }

  async createVmi(name: string, phase: VmiPhase): Promise<VirtualMachineInstance> {
    const body = {
      apiVersion: 'kubevirt.io/v1',
      kind: 'VirtualMachineInstance',
      metadata: { name },
      spec: { domain: {} },
      status: { phase },
    };
    return this.done(await this.controlPlane.request({ method: 'POST', path: `${ROOT}/virtualmachineinstances`, body }));
  }

  async patchVm(name: string, patch: object, subresource = ''): Promise<VirtualMachine> {
    const path = `${ROOT}/virtualmachines/${name}${subresource}`;
    return this.done(await this.controlPlane.request({ method: 'PATCH', path, body: patch, contentType: 'application/merge-patch+json' }));
  }

  async queue(name: string, stateChangeRequests: readonly StateChangeRequest[]): Promise<void> {
    await this.patchVm(name, { status: { stateChangeRequests } }, '/status');
  }

  async deleteVm(name: string): Promise<void> {
    await this.controlPlane.request({ method: 'DELETE', path: `${ROOT}/virtualmachines/${name}` });
  }

  async vm(name: string): Promise<VirtualMachine> {
    return this.done(await this.controlPlane.request({ path: `${ROOT}/virtualmachines/${name}` }));
  }

  vmi(name: string): Promise<VirtualMachineInstance | undefined> {
    return this.kubevirt.vmi({ namespace: NAMESPACE, name });
  }

  /** The VM when kubectl next came to print this status, however briefly, after the status that was waited for last. */
  untilPrinted(name: string, status: string): Promise<VirtualMachine> {
    const key = `${NAMESPACE}/${name}`;
    const onTimeout = (): string => `it was ${this.history.statuses(key).join(', ')}`;
    return poll(`${name} to be ${status}`, () => this.history.next(key, status), { onTimeout });
  }

  private done<T>({ status, body }: RestResponse): T {
    if (status > 299) throw new Error(`${status}: ${JSON.stringify(body)}`);
    return body as T;
  }
}
