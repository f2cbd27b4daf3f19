/**
 * What agents last said of themselves to this replica.
 *
 * Owns: one report for each agent, its age and their number. Never: writes to the API server; listeners may.
 * Invariant: at most MAX_AGENTS; an agent that has said nothing for STALE_MS is not there any more.
 */
import type { Clock } from '../../framework/basics';
import type { AgentStatus } from '../protocol/generated/wol-descriptor';

/** Twice the nodes of the largest clusters that Kubernetes is tested with. */
export const MAX_AGENTS = 10_000;
/** Agents report every 60 s; one report may be lost. */
const STALE_MS = 150_000;

interface Entry {
  readonly status: AgentStatus;
  readonly seenMs: number;
}

/** Numbers of the agents of one config that are connected to this replica. */
export interface AgentTotals {
  readonly agents: number;
  readonly kernelDrops: number;
}

export class AgentStatuses {
  /** Insertion order is age. */
  private readonly entries = new Map<string, Entry>();
  private readonly listeners = new Set<(status: AgentStatus) => void>();

  constructor(private readonly clock: Clock) {}

  report(status: AgentStatus): void {
    const key = JSON.stringify([status.configName, status.nodeName]);
    this.entries.delete(key);
    const [oldest] = this.entries.keys();
    if (this.entries.size >= MAX_AGENTS && oldest !== undefined) this.entries.delete(oldest);
    this.entries.set(key, { status, seenMs: this.clock.monotonicMs() });
    for (const listener of this.listeners) listener(status);
  }

  /** Told of every report, inline. @returns ends it. */
  onReport(listener: (status: AgentStatus) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** By config name; agents that name none are under the empty one. */
  totals(): Map<string, AgentTotals> {
    const totals = new Map<string, AgentTotals>();
    for (const [key, { status, seenMs }] of this.entries) {
      if (this.clock.monotonicMs() - seenMs > STALE_MS) {
        this.entries.delete(key);
        continue;
      }
      const { agents, kernelDrops } = totals.get(status.configName) ?? { agents: 0, kernelDrops: 0 };
      totals.set(status.configName, { agents: agents + 1, kernelDrops: kernelDrops + status.kernelDrops });
    }
    return totals;
  }
}
