/**
 * Whether the wake map is complete enough to answer.
 *
 * Owns: the one rule. Before it holds, packets are left with the agents, which keep them.
 * Invariant: once ready, always ready.
 */
import type { Clock } from '../../framework';
import type { WakeTargetSource } from '../../kubevirt/wake-target';
import { SOURCE_GRACE_MS } from './limits';

export interface ReadinessParts {
  /** Whether WolConfigs have been listed. */
  readonly configsSynced: () => boolean;
  /** The virtual machines of this cluster; without them nothing is answered. */
  readonly local: Pick<WakeTargetSource, 'ready'>;
  /** Whether what else decides about packets was read once: a packet must not fail because its manager is young. */
  readonly prepared: () => boolean;
  /** Those of other modules; waited for, but not longer than 30 s. */
  readonly others: readonly Pick<WakeTargetSource, 'ready'>[];
}

export class WakeMapReadiness {
  private readonly startedAtMs: number;
  private reached = false;

  constructor(
    private readonly parts: ReadinessParts,
    private readonly clock: Clock,
  ) {
    this.startedAtMs = clock.monotonicMs();
  }

  isReady(): boolean {
    this.reached ||= this.parts.configsSynced() && this.parts.local.ready() && this.parts.prepared() && this.othersMayBeIgnored();
    return this.reached;
  }

  private othersMayBeIgnored(): boolean {
    const graceIsOver = this.clock.monotonicMs() - this.startedAtMs >= SOURCE_GRACE_MS;
    return graceIsOver || this.parts.others.every((source) => source.ready());
  }
}
