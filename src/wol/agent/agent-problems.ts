/**
 * What an agent cannot do right now, for the manager to show.
 *
 * Owns: when that changed. Never: sends anything, and never holds what came from the network.
 */
import type { AgentStatus } from '../protocol/generated/wol-descriptor';
import type { Outgoing } from '../protocol/wire';

/** A listener that reports the news may return when it is done, so that an agent about to end can wait for it. */
export type ProblemListener = () => Promise<void> | void;

export interface AgentProblems {
  /** As ReportAgentStatus carries it, as of now. */
  status(): Outgoing<AgentStatus>;
  /** Calls back when a problem appeared, changed or ended; a changed counter is no news. @returns what ends the calls. */
  onChange(listener: ProblemListener): () => void;
}

export class AgentProblemBoard implements AgentProblems {
  private readonly listeners = new Set<ProblemListener>();
  private known: string;

  /** @param status reads everything anew. */
  constructor(readonly status: () => Outgoing<AgentStatus>) {
    this.known = problemsOf(status());
  }

  onChange(listener: ProblemListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** To be called after something may have changed. Resolves once every listener is done with the news. */
  async check(): Promise<void> {
    const now = problemsOf(this.status());
    if (now === this.known) return;
    this.known = now;
    await Promise.allSettled([...this.listeners].map(async (listener) => listener()));
  }
}

function problemsOf({ ports, rawInterfaces, rawError, healthError }: Outgoing<AgentStatus>): string {
  return JSON.stringify([ports, rawInterfaces, rawError, healthError]);
}
