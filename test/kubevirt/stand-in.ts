/**
 * A stand-in for KubeVirt on a cluster that has no nodes: the API, the subresources and the little of virt-controller that starting and
 * stopping needs. Behaves as KubeVirt does, table by table; runs no guest.
 *
 * Owns: putting the parts together and taking them down. Never: shares API access with the operator under test.
 * Invariant: after `stop` this process holds no connection, port or timer of the stand-in.
 */
import { CertificateAuthority } from '../../hack/control-plane';
import { type Clock, SystemClock } from '../../src/framework/time/clock';
import { ApiError, type ApiRequest, type ApiResponse, JSON_PATCH, KubeApi } from './api/kube-api';
import { inPhase } from './controller/instance';
import type { Timings } from './controller/timings';
import { VirtController } from './controller/virt-controller';
import { timestampOf, type VirtualMachine, type VirtualMachineInstance, type VmiPhase } from './objects';
import { installCrds, registerVirtApi, uninstallCrds, unregisterVirtApi, VIRT_API_HOST } from './registration';
import { instancePath, type Named, vmPath } from './resource-paths';
import { readFrontProxy } from './virt-api/access-check';
import { Faults } from './virt-api/faults';
import { Journal } from './virt-api/journal';
import type { Verb } from './virt-api/subresources';
import { VirtApi } from './virt-api/virt-api';

export type { Timings } from './controller/timings';
export type { VirtualMachine, VirtualMachineInstance, VmiPhase } from './objects';
export type { Named } from './resource-paths';
export type { Fault, Faults } from './virt-api/faults';
export type { Journal, JournalEntry, JournalFilter } from './virt-api/journal';

export interface KubeVirtStandInOptions {
  /** Text of a kubeconfig with all rights on the cluster. */
  readonly kubeconfig: string;
  /** @default the machine's clock */
  readonly clock?: Clock;
  readonly timings?: Timings;
  /** IPv4 address at which the API server reaches this machine. @default 127.0.0.1, for an API server that is a process beside this one */
  readonly host?: string;
  /** `false` leaves out virt-controller: objects stay exactly as they are written. @default true */
  readonly controller?: boolean;
}

export interface KubeVirtStandIn {
  /** Every start, stop, restart, pause and unpause that got past the access check. */
  readonly journal: Journal;
  /** Failures for calls to come. */
  readonly faults: Faults;
  /** Port of virt-api on 127.0.0.1, for requests that go round the API server. */
  readonly port: number;
  setTimings(timings: Timings): void;
  /** Puts an instance into a phase as its guest or node would; `Succeeded` and `Failed` are the ends of a guest. @throws {ApiError} 404 without instance. */
  setPhase(target: Named, phase: VmiPhase): Promise<void>;
  /** Calls a subresource as the administrator, through the API server. */
  call(verb: Verb, target: Named, body?: unknown): Promise<ApiResponse>;
  vm(target: Named): Promise<VirtualMachine | undefined>;
  vmi(target: Named): Promise<VirtualMachineInstance | undefined>;
  /** Ends everything and takes the subresource API off the cluster; CRDs and objects stay. */
  stop(): Promise<void>;
  /** As `stop`, and deletes the CRDs with all virtual machines. */
  uninstall(): Promise<void>;
}

/** Resolves when virtual machines can be created and started. @throws {Error} when the API server cannot be reached or lacks a request header authority. */
export async function startKubeVirtStandIn(options: KubeVirtStandInOptions): Promise<KubeVirtStandIn> {
  const { kubeconfig, clock = new SystemClock(), timings = {}, controller: hasController = true, host } = options;
  const api = await KubeApi.fromKubeconfig(kubeconfig);
  const controller = new VirtController(api, clock, timings);
  const standIn = new RunningStandIn(api, clock, controller, host);
  try {
    await installCrds(api);
    await standIn.openVirtApi();
    if (hasController) await controller.open();
    return standIn;
  } catch (error) {
    await standIn.stop();
    throw error;
  }
}

class RunningStandIn implements KubeVirtStandIn {
  readonly journal = new Journal();
  readonly faults = new Faults();
  port = 0;
  private virtApi: VirtApi | undefined;

  constructor(
    private readonly api: KubeApi,
    private readonly clock: Clock,
    private readonly controller: VirtController,
    private readonly host: string | undefined,
  ) {}

  async openVirtApi(): Promise<void> {
    const authority = CertificateAuthority.create('virt-api');
    const { certificate, privateKey } = authority.issue({
      commonName: VIRT_API_HOST,
      dnsNames: [VIRT_API_HOST, 'localhost'],
      usage: 'server',
    });
    const frontProxy = await readFrontProxy(this.api);
    const { api, clock, journal, faults } = this;
    this.virtApi = new VirtApi({ api, clock, frontProxy, certificate, privateKey, journal, faults });
    this.port = await this.virtApi.listen(0, this.host);
    await registerVirtApi(this.api, { port: this.port, host: this.host }, authority.keyPair.certificate);
  }

  setTimings(timings: Timings): void {
    this.controller.setTimings(timings);
  }

  async setPhase(target: Named, phase: VmiPhase): Promise<void> {
    for (;;) {
      const vmi = await this.api.ask<VirtualMachineInstance>({ path: instancePath(target) });
      try {
        const body = inPhase(vmi, phase, timestampOf(this.clock.now()));
        await this.api.ask({ method: 'PUT', path: instancePath(target), body });
        return;
      } catch (error) {
        if (!(error instanceof ApiError && error.code === 409)) throw error;
      }
    }
  }

  call(verb: Verb, { namespace, name }: Named, body?: unknown): Promise<ApiResponse> {
    const resource = verb === 'pause' || verb === 'unpause' ? 'virtualmachineinstances' : 'virtualmachines';
    const path = `/apis/subresources.kubevirt.io/v1/namespaces/${namespace}/${resource}/${name}/${verb}`;
    const request: ApiRequest = { method: 'PUT', path };
    return this.api.exchange(body === undefined ? request : { ...request, body });
  }

  vm(target: Named): Promise<VirtualMachine | undefined> {
    return this.api.find(vmPath(target));
  }

  vmi(target: Named): Promise<VirtualMachineInstance | undefined> {
    return this.api.find(instancePath(target));
  }

  async stop(): Promise<void> {
    await this.controller.close();
    await unregisterVirtApi(this.api).catch(() => undefined);
    await this.virtApi?.close();
    this.api.close();
  }

  async uninstall(): Promise<void> {
    await this.controller.close();
    await this.releaseAll('virtualmachines');
    await this.releaseAll('virtualmachineinstances');
    await uninstallCrds(this.api);
    await this.stop();
  }

  /** Without a controller nobody would take the finalizers off. */
  private async releaseAll(resource: 'virtualmachines' | 'virtualmachineinstances'): Promise<void> {
    const { items } = await this.api.ask<{ items: (VirtualMachine | VirtualMachineInstance)[] }>({
      path: `/apis/kubevirt.io/v1/${resource}`,
    });
    for (const { metadata } of items.filter((item) => (item.metadata.finalizers ?? []).length > 0)) {
      const path = resource === 'virtualmachines' ? vmPath(metadata) : instancePath(metadata);
      await this.api.exchange({ method: 'PATCH', path, body: [{ op: 'remove', path: '/metadata/finalizers' }], contentType: JSON_PATCH });
    }
  }
}
