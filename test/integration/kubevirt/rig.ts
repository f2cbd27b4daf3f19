/** A control plane with the KubeVirt stand-in on it, and the few requests its tests make. */
import { setTimeout as delay } from 'node:timers/promises';
import { type ControlPlane, type RestResponse, startControlPlane } from '../../../hack/control-plane';
import type { StateChangeRequest } from '../../kubevirt/objects';
import {
  type KubeVirtStandIn,
  type KubeVirtStandInOptions,
  startKubeVirtStandIn,
  type VirtualMachine,
  type VirtualMachineInstance,
  type VmiPhase,
} from '../../kubevirt/stand-in';

export const NAMESPACE = 'default';
const ROOT = `/apis/kubevirt.io/v1/namespaces/${NAMESPACE}`;
const POLL_MS = 20;

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
  ) {}

  static async start(options: Omit<KubeVirtStandInOptions, 'kubeconfig'> = {}): Promise<Rig> {
    const controlPlane = await startControlPlane({ controllerManager: false });
    try {
      return new Rig(controlPlane, await startKubeVirtStandIn({ ...options, kubeconfig: controlPlane.kubeconfig }));
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
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

  /** The VM once kubectl would print this status. */
  untilPrinted(name: string, status: string, timeoutMs?: number): Promise<VirtualMachine> {
    return until(
      `${name} to be ${status}`,
      async () => {
        const vm = await this.vm(name);
        return vm.status?.printableStatus === status ? vm : undefined;
      },
      timeoutMs,
    );
  }

  private done<T>({ status, body }: RestResponse): T {
    if (status > 299) throw new Error(`${status}: ${JSON.stringify(body)}`);
    return body as T;
  }
}

/** Polls until `look` finds something. @throws {Error} after `timeoutMs`. */
export async function until<T>(what: string, look: () => Promise<T | undefined>, timeoutMs = 10_000): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await delay(POLL_MS);
  }
}
