/**
 * The virtual machines of this cluster as wake targets.
 *
 * Owns: the pairing of a VirtualMachine with its instance. Never: asks a server for state; watches anything itself.
 * Fed by whoever watches VirtualMachines and their instances.
 */
import { type KubernetesObject, keyOf, type ObjectKey } from '../../framework';
import type { CallOutcome } from '../../kubevirt/call-outcome';
import { macsOf } from '../../kubevirt/declared-macs';
import type { VirtualMachineCalls } from '../../kubevirt/subresource-calls';
import type { VirtualMachine } from '../../kubevirt/virtual-machine';
import type { VirtualMachineInstance } from '../../kubevirt/virtual-machine-instance';
import { type WakeState, wakeStateOf } from '../../kubevirt/wake-state';
import {
  isIgnored,
  type ObjectReference,
  type WakeScope,
  type WakeTarget,
  type WakeTargetListener,
  type WakeTargetSource,
} from '../../kubevirt/wake-target';

const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({});

/** What a cache of one kind is asked. */
interface ObjectCache<T> {
  get(key: ObjectKey): T | undefined;
  list(): Iterable<T>;
}

export class LocalWakeTargets implements WakeTargetSource {
  readonly name = 'local';
  private readonly known = new Map<ObjectKey, LocalWakeTarget>();
  private readonly instances = new Map<ObjectKey, VirtualMachineInstance>();
  private readonly listeners = new Set<WakeTargetListener>();
  private repaired = 0;

  /** @param isReady whether VirtualMachines have been listed, or are known not to be served at all. */
  constructor(
    private readonly calls: VirtualMachineCalls,
    private readonly isReady: () => boolean,
  ) {}

  ready(): boolean {
    return this.isReady();
  }

  targets(): Iterable<WakeTarget> {
    return this.known.values();
  }

  subscribe(listener: WakeTargetListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  get(key: ObjectKey): WakeTarget | undefined {
    return this.known.get(key);
  }

  /** The instance of a virtual machine as it was announced. */
  instanceOf(key: ObjectKey): VirtualMachineInstance | undefined {
    return this.instances.get(key);
  }

  /** Differences that `verify` has found so far; each is a bug. */
  get repairs(): number {
    return this.repaired;
  }

  /** Compares with what the caches hold, and announces what differs; yields after each object. */
  *verify(vms: ObjectCache<VirtualMachine>, vmis: ObjectCache<VirtualMachineInstance>): Generator<undefined, void> {
    for (const vm of vms.list()) {
      if (!isSameState(this.known.get(keyOf(vm))?.vm, vm)) this.repair(() => this.upsertVm(vm));
      yield;
    }
    for (const key of this.known.keys()) {
      if (vms.get(key) === undefined) this.repair(() => this.removeVm(key));
      yield;
    }
    for (const vmi of vmis.list()) {
      if (!isSameState(this.instances.get(keyOf(vmi)), vmi)) this.repair(() => this.upsertVmi(vmi));
      yield;
    }
    for (const key of this.instances.keys()) {
      if (vmis.get(key) === undefined) this.repair(() => this.removeVmi(key));
      yield;
    }
  }

  private repair(mend: () => void): void {
    this.repaired++;
    mend();
  }

  upsertVm(vm: VirtualMachine): void {
    const key = keyOf(vm);
    const target = new LocalWakeTarget(vm, this.calls, this.instances);
    this.known.set(key, target);
    this.announce(key, target);
  }

  removeVm(key: ObjectKey): void {
    if (this.known.delete(key)) this.announce(key, undefined);
  }

  upsertVmi(vmi: VirtualMachineInstance): void {
    const key = keyOf(vmi);
    this.instances.set(key, vmi);
    this.announceState(key);
  }

  removeVmi(key: ObjectKey): void {
    if (this.instances.delete(key)) this.announceState(key);
  }

  private announceState(key: ObjectKey): void {
    const target = this.known.get(key);
    if (target !== undefined) this.announce(key, target);
  }

  private announce(key: ObjectKey, target: WakeTarget | undefined): void {
    for (const listener of [...this.listeners]) listener(key, target);
  }
}

function isSameState(a: KubernetesObject | undefined, { metadata }: KubernetesObject): boolean {
  return a?.metadata?.uid === metadata?.uid && a?.metadata?.resourceVersion === metadata?.resourceVersion;
}

/** One VirtualMachine object as it was announced; its instance is looked up when the state is asked for. */
class LocalWakeTarget implements WakeTarget {
  readonly macs: readonly string[];

  constructor(
    readonly vm: VirtualMachine,
    private readonly calls: VirtualMachineCalls,
    private readonly instances: ReadonlyMap<ObjectKey, VirtualMachineInstance>,
  ) {
    this.macs = macsOf(vm);
  }

  get cluster(): string {
    return '';
  }

  get namespace(): string {
    return this.vm.metadata?.namespace ?? '';
  }

  get name(): string {
    return this.vm.metadata?.name ?? '';
  }

  get uid(): string {
    return this.vm.metadata?.uid ?? '';
  }

  get createdAt(): number {
    return Date.parse(this.vm.metadata?.creationTimestamp ?? '') || 0;
  }

  get scope(): WakeScope {
    const { labels = NO_LABELS, annotations } = this.vm.metadata ?? {};
    return { namespace: this.namespace, name: this.name, labels, ignored: isIgnored(annotations) };
  }

  get subject(): ObjectReference {
    const { namespace, name, uid } = this;
    return { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', namespace, name, uid };
  }

  state(): WakeState {
    return wakeStateOf(this.vm, this.instances.get(keyOf(this.vm)));
  }

  start(signal: AbortSignal): Promise<CallOutcome> {
    return this.calls.start(this.namespace, this.name, signal);
  }

  unpause(signal: AbortSignal): Promise<CallOutcome> {
    return this.calls.unpause(this.namespace, this.name, signal);
  }
}
