/**
 * Remembers what was told, so that a state that lasts is told once, and hourly while it is a Warning.
 *
 * Owns: the memory, bounded. Invariant: what happens is told each time it happens; a steady cluster is silent.
 */
import type { Clock } from '../../framework';
import type { EventReason } from './event-reasons';

/** Keys times reasons; the least recently told is forgotten and may be told again. */
const MAX_REMEMBERED = 8_192;
const REPEAT_MS = 3_600_000;

export class ToldEvents {
  private readonly told = new Map<string, { readonly cause: string; readonly atMs: number }>();

  constructor(private readonly clock: Clock) {}

  /** Whether to tell it now; what is said to be told is remembered as told. */
  isNews(reason: string, rule: Pick<EventReason, 'type' | 'told'>, key: string, cause: string): boolean {
    if (rule.told === 'happening') return true;
    const id = idOf(reason, key);
    const last = this.told.get(id);
    const nowMs = this.clock.monotonicMs();
    const isRepeat = last !== undefined && last.cause === cause;
    if (isRepeat && (rule.type === 'Normal' || nowMs - last.atMs < REPEAT_MS)) return false;
    this.told.delete(id);
    this.told.set(id, { cause, atMs: nowMs });
    if (this.told.size > MAX_REMEMBERED) this.told.delete(this.told.keys().next().value!);
    return true;
  }

  /** The key is in this state no more: entering it again is news. */
  forget(reason: string, key: string): void {
    this.told.delete(idOf(reason, key));
  }
}

function idOf(reason: string, key: string): string {
  return `${reason} ${key}`;
}
