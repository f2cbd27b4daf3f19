/**
 * The virtual machines of this cluster as wake targets.
 *
 * Owns: the pairing of a VirtualMachine with its instance. Never: asks a server for state; watches anything itself.
 * Fed by whoever watches VirtualMachines and their instances.
 */
import { keyOf, type ObjectKey } from '../../framework';
import type { CallOutcome } from '../../kubevirt/call-outcome';
import { macsOf } from '../../kubevirt/declared-macs';
import type { VirtualMachineCalls } from '../../kubevirt/subresource-calls';
import type { VirtualMachine } from '../../kubevirt/virtual-machine';
import type { VirtualMachineInstance } from '../../kubevirt/virtual-machine-instance';
import { type WakeState, wakeStateOf } from '../../kubevirt/wake-state';
import {
  type ObjectReference,
  WAKE_IGNORE_ANNOTATION,
  type WakeScope,
  type WakeTarget,
  type WakeTargetListener,
  type WakeTargetSource,
} from '../../kubevirt/wake-target';

const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({});

export class LocalWakeTargets implements WakeTargetSource {
  readonly name = 'local';
  private readonly known = new Map<ObjectKey, LocalWakeTarget>();
  private readonly instances = new Map<ObjectKey, VirtualMachineInstance>();
  private readonly listeners = new Set<WakeTargetListener>();

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

/** One VirtualMachine object as it was announced; its instance is looked up when the state is asked for. */
class LocalWakeTarget implements WakeTarget {
  readonly macs: readonly string[];

  constructor(
    private readonly vm: VirtualMachine,
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
    return { namespace: this.namespace, name: this.name, labels, ignored: annotations?.[WAKE_IGNORE_ANNOTATION] === 'true' };
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
