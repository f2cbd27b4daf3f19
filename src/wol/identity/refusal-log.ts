/**
 * Tells people who was refused, without letting callers fill the log.
 *
 * Owns: one line a minute for each reason and address. Bounded: the oldest address is forgotten first.
 */
import type { Clock, Logger } from '../../framework/basics';

const WINDOW_MS = 60_000;
const MAX_ADDRESSES = 1_024;

export class RefusalLog {
  /** Reason and address to when it was told; insertion order is age. */
  private readonly told = new Map<string, number>();

  constructor(
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {}

  /** @param peer address and port of the connection; a caller's next connection has another port. */
  tell(reason: string, text: string, peer: string, fields: Readonly<Record<string, string>>): void {
    const address = peer.replace(/:\d+$/, '');
    const key = JSON.stringify([reason, address, fields]);
    const nowMs = this.clock.monotonicMs();
    const lastMs = this.told.get(key);
    if (lastMs !== undefined && nowMs - lastMs < WINDOW_MS) return;
    this.told.delete(key);
    const [oldest] = this.told.keys();
    if (this.told.size >= MAX_ADDRESSES && oldest !== undefined) this.told.delete(oldest);
    this.told.set(key, nowMs);
    this.log.warn('a report was refused', { reason, text, from: address, ...fields });
  }
}
