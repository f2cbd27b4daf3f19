/**
 * Follows accepted starts until the watch shows their effect.
 *
 * Owns: the 30 seconds after an accepted start. Never: calls KubeVirt again.
 * Caveats: beyond its cap a start goes unwatched; at the end of the process nothing is reported.
 */
import type { Clock } from '../../framework';
import { showsStart } from '../../kubevirt/wake-state';
import { CONFIRM_WITHIN_MS, MAX_CONFIRMATIONS } from './limits';
import { TargetChanges } from './target-changes';
import type { WakeMap } from './wake-map';

export class StartConfirmation {
  private watched = 0;

  constructor(
    private readonly map: Pick<WakeMap, 'targetOf' | 'watchTarget'>,
    private readonly clock: Clock,
    private readonly signal: AbortSignal,
    private readonly maxWatched: number = MAX_CONFIRMATIONS,
  ) {}

  /** @returns false when a virtual machine that still exists has not shown its start in time. */
  async confirm(key: string): Promise<boolean> {
    if (this.watched >= this.maxWatched) return true;
    this.watched++;
    const changes = new TargetChanges(this.map, key, this.clock, this.signal);
    const untilMs = this.clock.monotonicMs() + CONFIRM_WITHIN_MS;
    try {
      for (;;) {
        changes.look();
        const target = this.map.targetOf(key);
        if (target === undefined || showsStart(target.state()) || this.signal.aborted) return true;
        if (this.clock.monotonicMs() >= untilMs) return false;
        await changes.wait(untilMs);
      }
    } finally {
      changes.close();
      this.watched--;
    }
  }
}
