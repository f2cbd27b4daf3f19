/**
 * Changes remote virtual machines at a rate, and sees in a watch of Machines when each change shows.
 *
 * Owns: the clock of both ends, which is one. Invariant: a change that a later one of the same Machine overtook is shown with that one.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { poll } from '../../../test/harness/poll';
import type { BenchMachine, MachinesRig } from './machines-rig';

interface Change {
  readonly number: number;
  readonly sentMs: number;
  shownMs: number | undefined;
}

interface MachineEvent {
  readonly type: string;
  readonly object: {
    readonly metadata: { readonly namespace?: string; readonly name?: string };
    readonly status?: {
      readonly kernelVersion?: string;
      readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    };
  };
}

const MACHINES = '/apis/vitistack.io/v1alpha1/machines';
const ALL_SHOWN_MS = 120_000;

export class ShownChanges {
  private readonly changes = new Map<string, Change[]>();
  /** The change under way, by Machine. */
  private readonly last = new Map<string, Promise<unknown>>();
  private readonly unreachable = new Map<string, number>();
  private readonly end = new AbortController();
  private number = 0;

  private constructor(private readonly rig: MachinesRig) {}

  static async follow(rig: MachinesRig): Promise<ShownChanges> {
    const shown = new ShownChanges(rig);
    const { metadata } = await rig.api.ask<{ metadata: { resourceVersion: string } }>({ path: MACHINES });
    void shown.watch(metadata.resourceVersion);
    return shown;
  }

  close(): void {
    this.end.abort();
  }

  /** Changes one after another for so long. @returns them, also those that do not show yet. */
  async during(ms: number, perSecond: number, machines: readonly BenchMachine[]): Promise<readonly Change[]> {
    const sent: Promise<Change>[] = [];
    const startedMs = performance.now();
    const count = Math.floor((ms * perSecond) / 1_000);
    for (let n = 0; n < count; n++) {
      const waitMs = startedMs + (n * 1_000) / perSecond - performance.now();
      if (waitMs > 0) await pause(waitMs);
      const change = this.change(machines[n % machines.length]!);
      // Who awaits all of them is told.
      change.catch(() => undefined);
      sent.push(change);
    }
    return Promise.all(sent);
  }

  /** @returns milliseconds from before a change was sent until the watch told it. @throws {Error} when one is lost. */
  async latencies(changes: readonly Change[]): Promise<number[]> {
    const missing = (): number => changes.filter(({ shownMs }) => shownMs === undefined).length;
    await poll('all changes to show', async () => missing() === 0, {
      timeoutMs: ALL_SHOWN_MS,
      intervalMs: 50,
      onTimeout: () => `${missing()} of ${changes.length} do not`,
    });
    return changes.map(({ sentMs, shownMs }) => shownMs! - sentMs);
  }

  /** @returns how many do not show, however long one waits. */
  async lost(changes: readonly Change[]): Promise<number> {
    try {
      await this.latencies(changes);
      return 0;
    } catch {
      return changes.filter(({ shownMs }) => shownMs === undefined).length;
    }
  }

  /** When a Machine said for the last time that its cluster is lost. */
  lostAtMs(name: string): number | undefined {
    return this.unreachable.get(name);
  }

  /** Those of one Machine one after another, or an earlier one could undo a later one. */
  private change(machine: BenchMachine): Promise<Change> {
    const sent = (this.last.get(machine.name) ?? Promise.resolve()).then(async () => {
      this.number += 1;
      const change: Change = { number: this.number, sentMs: performance.now(), shownMs: undefined };
      const all = this.changes.get(machine.name) ?? [];
      this.changes.set(machine.name, all);
      all.push(change);
      await this.rig.tell(machine, `change-${change.number}`);
      return change;
    });
    this.last.set(machine.name, sent);
    return sent;
  }

  private async watch(from: string): Promise<void> {
    let version = from;
    while (!this.end.signal.aborted) {
      try {
        const path = `${MACHINES}?watch=true&resourceVersion=${version}&timeoutSeconds=3600`;
        for await (const event of this.rig.api.stream(path, this.end.signal)) {
          const { object } = event as { object: { metadata: { resourceVersion: string } } };
          version = object.metadata.resourceVersion;
          this.see(event as MachineEvent, performance.now());
        }
      } catch (error) {
        if (!this.end.signal.aborted) throw error;
      }
    }
  }

  private see({ object: { metadata, status } }: MachineEvent, nowMs: number): void {
    const name = metadata.name ?? '';
    if (status?.conditions?.some((condition) => condition.type === 'RemoteUnreachable' && condition.status === 'True') === true) {
      if (!this.unreachable.has(name)) this.unreachable.set(name, nowMs);
    } else {
      this.unreachable.delete(name);
    }
    const shown = Number(/^change-(\d+)$/.exec(status?.kernelVersion ?? '')?.[1] ?? 0);
    for (const change of this.changes.get(name) ?? []) if (change.number <= shown) change.shownMs ??= nowMs;
  }
}
