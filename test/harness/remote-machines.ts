/**
 * Virtual machines of another cluster as a module would offer them, without that cluster: what they answer is up to the test.
 *
 * Owns: the targets and who listens. Each stands for a ConfigMap of this cluster, which bears its labels and receives its Events.
 */
import type { CallOutcome } from '../../src/kubevirt/call-outcome';
import type { WakeState } from '../../src/kubevirt/wake-state';
import { type WakeTarget, type WakeTargetListener, type WakeTargetSource, wakeTargetKey } from '../../src/kubevirt/wake-target';

export interface RemoteMachineOptions {
  name: string;
  mac: string;
  labels?: Record<string, string>;
  /** Answer to a start. @default accepted, and it runs */
  start?: () => Promise<CallOutcome>;
}

const CLUSTER = 'east';

export class RemoteMachines implements WakeTargetSource {
  readonly name = 'test';
  /** Names, in the order of the calls. */
  readonly starts: string[] = [];
  isReady = true;
  private readonly known = new Map<string, WakeTarget>();
  private readonly running = new Set<string>();
  private readonly listeners = new Set<WakeTargetListener>();

  ready(): boolean {
    return this.isReady;
  }

  targets(): Iterable<WakeTarget> {
    return this.known.values();
  }

  subscribe(listener: WakeTargetListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  add({ name, mac, labels = {}, start = async () => ({ kind: 'accepted' }) }: RemoteMachineOptions): void {
    const target: WakeTarget = {
      cluster: CLUSTER,
      namespace: 'guests',
      name,
      uid: `uid-${name}`,
      createdAt: 0,
      macs: [mac],
      scope: { namespace: 'default', name, labels, ignored: false },
      subject: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name },
      state: () => this.stateOf(name),
      start: async () => {
        this.starts.push(name);
        const outcome = await start();
        if (outcome.kind === 'accepted') this.running.add(name);
        this.announce(target);
        return outcome;
      },
      unpause: async () => ({ kind: 'missing', message: 'there is nothing to unpause' }),
    };
    this.announce(target);
  }

  remove(name: string): void {
    const target = [...this.known.values()].find((known) => known.name === name);
    if (target === undefined) return;
    this.known.delete(wakeTargetKey(target));
    for (const listener of this.listeners) listener(wakeTargetKey(target), undefined);
  }

  private announce(target: WakeTarget): void {
    this.known.set(wakeTargetKey(target), target);
    for (const listener of this.listeners) listener(wakeTargetKey(target), target);
  }

  private stateOf(name: string): WakeState {
    const vm = {
      strategy: 'Manual',
      terminating: false,
      manualRecoveryRequired: false,
      startRequested: false,
      printableStatus: '',
    } as const;
    if (!this.running.has(name)) return { vm, vmi: undefined };
    const vmi = { phase: 'Running', terminating: false, paused: false, stopRequested: false, terminationGracePeriodSeconds: 30 };
    return { vm, vmi };
  }
}
