/**
 * Folds repeats of one line to one a minute.
 *
 * Owns: which lines are held back and how often. Never: writes. Bounded: the oldest line is forgotten first.
 */
import type { Clock } from '../time/clock';

/** One line a minute for what repeats. */
const WINDOW_MS = 60_000;
/** Distinct lines remembered. */
const MAX_LINES = 4_096;

interface Window<T> {
  readonly startMs: number;
  heldBack: number;
  last: T;
}

/** A line to print, with the number of equal lines held back since it was printed last. */
export interface Passed<T> {
  readonly line: T;
  readonly repeated: number;
}

export class RepeatFilter<T> {
  private readonly windows = new Map<string, Window<T>>();

  constructor(private readonly clock: Clock) {}

  /** @returns what to print now: the line itself unless it repeats, and the last of those held back whose minute is over. */
  pass(key: string, line: T): readonly Passed<T>[] {
    const nowMs = this.clock.monotonicMs();
    const window = this.windows.get(key);
    if (window !== undefined && nowMs - window.startMs < WINDOW_MS) {
      window.heldBack++;
      window.last = line;
      return [];
    }
    const repeated = window?.heldBack ?? 0;
    this.windows.delete(key);
    const overdue = this.overdue(nowMs);
    this.windows.set(key, { startMs: nowMs, heldBack: 0, last: line });
    return [...overdue, ...this.evicted(), { line, repeated }];
  }

  /** Lines held back whose minute is over. */
  overdue(nowMs: number = this.clock.monotonicMs()): readonly Passed<T>[] {
    const due: Passed<T>[] = [];
    // Windows stand in the order of their start.
    for (const [key, window] of this.windows) {
      if (nowMs - window.startMs < WINDOW_MS) break;
      this.windows.delete(key);
      if (window.heldBack > 0) due.push({ line: window.last, repeated: window.heldBack });
    }
    return due;
  }

  /** Everything still held back, at the end. */
  drain(): readonly Passed<T>[] {
    const held = [...this.windows.values()].filter(({ heldBack }) => heldBack > 0);
    this.windows.clear();
    return held.map(({ last, heldBack }) => ({ line: last, repeated: heldBack }));
  }

  private evicted(): readonly Passed<T>[] {
    if (this.windows.size <= MAX_LINES) return [];
    const [key, oldest] = this.windows.entries().next().value!;
    this.windows.delete(key);
    return oldest.heldBack > 0 ? [{ line: oldest.last, repeated: oldest.heldBack }] : [];
  }
}
