/**
 * Plays virt-controller and virt-handler: virtual machines get instances, instances go through their phases.
 *
 * Expected flow: a change of a VM or its instance -> one change that the run strategy asks for -> the VM's status -> one step of the instance.
 * Guarantees: every write is conditional on what was read; nothing is written when nothing changes; an API server outage only delays.
 * Assumptions: one such controller in the cluster.
 * Caveats: time in a phase is counted from when this process first saw it.
 * Errors: none leave this class; conflicts are tried again at once, other failures half a second later.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../src/framework/time/clock';
import { KeyedWorker } from '../api/keyed-worker';
import { ApiError, JSON_PATCH, type KubeApi } from '../api/kube-api';
import { ObjectMirror } from '../api/object-mirror';
import {
  isDeleting,
  phaseOf,
  timestampOf,
  type VirtualMachine,
  type VirtualMachineInstance,
  VM_CONTROLLER_FINALIZER,
  VMI_FINALIZER,
  type VmiPhase,
} from '../objects';
import { instancePath, instancesPath, vmPath } from '../resource-paths';
import { inPhase, instanceOf, nextInstanceStep, ownerReferenceTo } from './instance';
import { nextVmAction, type VmAction } from './run-strategy';
import { type CompiledTimings, compileTimings, type Timings } from './timings';
import { nextVmStatus } from './vm-status';

const CONFLICT_RETRY_MS = 20;
const FAILURE_RETRY_MS = 500;

export class VirtController {
  private readonly vms: ObjectMirror<VirtualMachine>;
  private readonly vmis: ObjectMirror<VirtualMachineInstance>;
  private readonly worker: KeyedWorker;
  private readonly sightings = new Map<string, { readonly uid: string; readonly state: string; readonly atMs: number }>();
  private readonly closing = new AbortController();
  private timings: CompiledTimings;

  constructor(
    private readonly api: KubeApi,
    private readonly clock: Clock,
    timings: Timings,
  ) {
    this.timings = compileTimings(timings);
    this.worker = new KeyedWorker(clock, (key) => this.reconcile(key));
    const onChange = (key: string): void => this.worker.add(key);
    this.vms = new ObjectMirror(api, '/apis/kubevirt.io/v1/virtualmachines', onChange);
    this.vmis = new ObjectMirror(api, '/apis/kubevirt.io/v1/virtualmachineinstances', onChange);
  }

  /** Resolves when both resources have been listed. */
  async open(): Promise<void> {
    await this.vms.open();
    await this.vmis.open();
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.worker.close();
    await Promise.all([this.vms.close(), this.vmis.close()]);
  }

  /** Applies from the next step of each instance on; fields left out get their defaults. @throws {RangeError} for a negative time. */
  setTimings(timings: Timings): void {
    this.timings = compileTimings(timings);
    for (const key of this.vmis.keys()) this.worker.add(key);
  }

  private async reconcile(key: string): Promise<void> {
    try {
      const vm = this.vms.get(key);
      if (vm !== undefined) {
        const action = nextVmAction(vm, this.instanceFor(vm), this.clock.now());
        await this.act(key, vm, action);
        if (action.kind !== 'removeFinalizer') await this.writeStatus(key);
      }
      await this.stepInstance(key);
    } catch (error) {
      const stale = error instanceof ApiError && (error.code === 404 || error.code === 409);
      // Real time on purpose: the API server does not wait for a clock that a test holds.
      await delay(stale ? CONFLICT_RETRY_MS : FAILURE_RETRY_MS, undefined, { signal: this.closing.signal }).catch(() => undefined);
      this.worker.add(key);
    }
  }

  /** The instance of the same name, unless something else controls it. */
  private instanceFor(vm: VirtualMachine): VirtualMachineInstance | undefined {
    const vmi = this.vmis.get(`${vm.metadata.namespace}/${vm.metadata.name}`);
    const owner = vmi?.metadata.ownerReferences?.find((reference) => reference.controller === true);
    return owner === undefined || owner.uid === vm.metadata.uid ? vmi : undefined;
  }

  private async act(key: string, vm: VirtualMachine, action: VmAction): Promise<void> {
    switch (action.kind) {
      case 'none':
        return;
      case 'wait':
        return this.worker.addAfter(key, action.forMs);
      case 'addFinalizer':
        return this.setFinalizers(vm, [...(vm.metadata.finalizers ?? []), VM_CONTROLLER_FINALIZER]);
      case 'removeFinalizer':
        return this.setFinalizers(
          vm,
          (vm.metadata.finalizers ?? []).filter((finalizer) => finalizer !== VM_CONTROLLER_FINALIZER),
        );
      case 'adopt': {
        const metadata = {
          ...action.vmi.metadata,
          ownerReferences: [...(action.vmi.metadata.ownerReferences ?? []), ownerReferenceTo(vm)],
        };
        return this.putInstance({ ...action.vmi, metadata });
      }
      case 'start': {
        const path = instancesPath(vm.metadata.namespace);
        return this.vmis.accept(await this.api.ask<VirtualMachineInstance>({ method: 'POST', path, body: instanceOf(vm) }));
      }
      case 'switchOn': {
        const spec = vm.spec.runStrategy === undefined ? { ...vm.spec, running: true } : { ...vm.spec, runStrategy: 'Always' };
        return this.vms.accept(await this.api.ask<VirtualMachine>({ method: 'PUT', path: vmPath(vm.metadata), body: { ...vm, spec } }));
      }
      case 'stop':
        if (action.thenQueueStart) await this.queueStart(vm);
        await this.deleteInstance(action.vmi);
        return;
    }
  }

  private async setFinalizers(vm: VirtualMachine, finalizers: readonly string[]): Promise<void> {
    const body = [
      { op: 'test', path: '/metadata/finalizers', value: vm.metadata.finalizers ?? null },
      { op: 'add', path: '/metadata/finalizers', value: finalizers },
    ];
    const patched = await this.api.ask<VirtualMachine>({ method: 'PATCH', path: vmPath(vm.metadata), body, contentType: JSON_PATCH });
    if (!isDeleting(patched) || finalizers.length > 0) this.vms.accept(patched);
  }

  private async queueStart(vm: VirtualMachine): Promise<void> {
    const queued = vm.status?.stateChangeRequests ?? [];
    if (queued.some((request) => request.action === 'Start')) return;
    const status = { ...vm.status, stateChangeRequests: [...queued, { action: 'Start' as const }] };
    await this.putStatus({ ...vm, status });
  }

  /** The UID keeps an instance that replaced this one from being deleted in its place. */
  private async deleteInstance(vmi: VirtualMachineInstance): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: vmi.metadata.uid } };
    const answer = await this.api.ask<VirtualMachineInstance>({ method: 'DELETE', path: instancePath(vmi.metadata), body });
    // Without finalizers the object is gone at once and the answer is a Status.
    if (answer.kind === vmi.kind) this.vmis.accept(answer);
  }

  private async writeStatus(key: string): Promise<void> {
    const vm = this.vms.get(key);
    if (vm === undefined) return;
    const status = nextVmStatus(vm, this.instanceFor(vm), this.clock.now(), this.timings);
    if (isDeepStrictEqual(status, vm.status)) return;
    if (isDeleting(vm) && vm.metadata.finalizers?.includes(VM_CONTROLLER_FINALIZER) !== true) return;
    await this.putStatus({ ...vm, status });
  }

  private async putStatus(vm: VirtualMachine): Promise<void> {
    this.vms.accept(await this.api.ask<VirtualMachine>({ method: 'PUT', path: `${vmPath(vm.metadata)}/status`, body: vm }));
  }

  private async stepInstance(key: string): Promise<void> {
    const vmi = this.vmis.get(key);
    if (vmi === undefined) {
      this.sightings.delete(key);
      return;
    }
    const step = nextInstanceStep(vmi, this.sinceMs(key, vmi), this.timings);
    if (step.kind === 'wait') this.worker.addAfter(key, step.forMs);
    else if (step.kind === 'enter') await this.putInstance(this.entering(vmi, step.phase));
    else if (step.kind === 'release') await this.release(vmi);
  }

  private entering(vmi: VirtualMachineInstance, phase: VmiPhase): VirtualMachineInstance {
    return inPhase(vmi, phase, timestampOf(this.clock.now()));
  }

  private async putInstance(vmi: VirtualMachineInstance): Promise<void> {
    this.vmis.accept(await this.api.ask<VirtualMachineInstance>({ method: 'PUT', path: instancePath(vmi.metadata), body: vmi }));
  }

  private async release(vmi: VirtualMachineInstance): Promise<void> {
    const finalizers = (vmi.metadata.finalizers ?? []).filter(
      (finalizer) => finalizer !== VM_CONTROLLER_FINALIZER && finalizer !== VMI_FINALIZER,
    );
    const body = [
      { op: 'test', path: '/metadata/uid', value: vmi.metadata.uid },
      { op: 'replace', path: '/metadata/finalizers', value: finalizers },
    ];
    // The answer is not taken in: with the last finalizer the object is gone, which the watch tells.
    await this.api.ask({ method: 'PATCH', path: instancePath(vmi.metadata), body, contentType: JSON_PATCH });
  }

  private sinceMs(key: string, vmi: VirtualMachineInstance): number {
    const uid = vmi.metadata.uid ?? '';
    const state = isDeleting(vmi) ? 'deleting' : phaseOf(vmi);
    const nowMs = this.clock.monotonicMs();
    const seen = this.sightings.get(key);
    if (seen !== undefined && seen.uid === uid && seen.state === state) return nowMs - seen.atMs;
    this.sightings.set(key, { uid, state, atMs: nowMs });
    return 0;
  }
}
