/**
 * Compares the wake map with the objects it was made from, every cacheTTL seconds for each config.
 *
 * Owns: when, and that one config is looked at after the other. Never: writes anything; what it mends is in memory.
 */
import type { Clock, Logger, Timer } from '../../framework';
import { REVERIFY_JITTER } from './limits';

export interface ReverificationParts {
  /** Verifies one config; takes as long as it takes. */
  readonly verify: (config: string) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export class Reverification {
  private readonly timers = new Map<string, { readonly ttlSeconds: number; timer: Timer }>();
  private turn: Promise<void> = Promise.resolve();

  constructor(private readonly parts: ReverificationParts) {}

  /** @param ttlSeconds `undefined` = the config is gone or not in force. */
  follow(config: string, ttlSeconds: number | undefined): void {
    const known = this.timers.get(config);
    if (known?.ttlSeconds === ttlSeconds) return;
    known?.timer.cancel();
    this.timers.delete(config);
    if (ttlSeconds !== undefined) this.schedule(config, ttlSeconds);
  }

  close(): void {
    for (const { timer } of this.timers.values()) timer.cancel();
    this.timers.clear();
  }

  private schedule(config: string, ttlSeconds: number): void {
    const jitter = 1 + REVERIFY_JITTER * (2 * this.parts.random() - 1);
    const timer = this.parts.clock.setTimer(ttlSeconds * 1_000 * jitter, () => {
      this.schedule(config, ttlSeconds);
      this.turn = this.turn.then(() => this.verify(config));
    });
    this.timers.set(config, { ttlSeconds, timer });
  }

  private async verify(config: string): Promise<void> {
    try {
      await this.parts.verify(config);
    } catch (error) {
      this.parts.logger.error('re-verification of the wake map failed', { config, error });
    }
  }
}
