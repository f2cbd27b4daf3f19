/**
 * Time that stands still until a test moves it.
 *
 * Expected flow: code under test sets timers; the test calls `advance`; due timers run in order of their due time.
 * Guarantees: a timer never runs early; timers set by a running timer run in the same `advance` when they fall due within it;
 * promise reactions settle between timers.
 * Caveats: real I/O does not wait for this clock; poll for its outcome.
 */
import type { Clock, Timer } from '../time/clock';

interface FakeTimer extends Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** 2026-01-01T00:00:00Z: a round number that makes printed times easy to read. */
const DEFAULT_START_MS = Date.UTC(2026, 0, 1);

/** Enough for any burst of a test. */
const MAX_TURNS = 1_000;

export class FakeClock implements Clock {
  private elapsedMs = 0;
  private skewMs = 0;
  private nextOrder = 0;
  private readonly timers = new Set<FakeTimer>();
  private readonly turns = new Set<Timer>();

  constructor(private readonly startMs: number = DEFAULT_START_MS) {}

  now(): number {
    return this.startMs + this.elapsedMs + this.skewMs;
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    if (Number.isNaN(delayMs)) throw new RangeError('delay of a timer is NaN; allowed: numbers');
    const timer: FakeTimer = {
      dueMs: this.elapsedMs + Math.max(0, delayMs),
      order: this.nextOrder++,
      callback,
      cancel: () => void this.timers.delete(timer),
    };
    this.timers.add(timer);
    return timer;
  }

  /** A turn of the real event loop: time stands still. */
  nextTurn(callback: () => void): Timer {
    const turn: Timer = {
      cancel: () => {
        clearImmediate(handle);
        this.turns.delete(turn);
      },
    };
    const handle = setImmediate(() => {
      this.turns.delete(turn);
      callback();
    });
    this.turns.add(turn);
    return turn;
  }

  /** Number of timers that have neither fired nor been cancelled: 0 after a clean shutdown. */
  get pendingTimers(): number {
    return this.timers.size;
  }

  /** Timers set so far, also those that are over: unchanged while nothing that uses this clock happens. */
  get timersSet(): number {
    return this.nextOrder;
  }

  /** Moves the wall clock only, as an administrator or NTP would. */
  jumpWallClock(deltaMs: number): void {
    this.skewMs += deltaMs;
  }

  /**
   * Moves time forward, runs every timer that falls due, and lets promise reactions settle in between.
   *
   * @param between what has to happen before the next timer may fire. @default one turn of the event loop, which no I/O fits into
   */
  async advance(deltaMs: number, between: () => Promise<void> = () => this.settle()): Promise<void> {
    if (!(deltaMs >= 0)) throw new RangeError(`time was to move by ${deltaMs} ms; allowed: 0 or more`);
    const targetMs = this.elapsedMs + deltaMs;
    await between();
    for (let timer = this.nextDue(targetMs); timer !== undefined; timer = this.nextDue(targetMs)) {
      this.timers.delete(timer);
      this.elapsedMs = Math.max(this.elapsedMs, timer.dueMs);
      timer.callback();
      await between();
    }
    this.elapsedMs = targetMs;
    await between();
  }

  /** Turns that were asked for are taken too, but not for ever: work that asks for the next one without end is no reason to hang. */
  private async settle(): Promise<void> {
    await aTurn();
    for (let turn = 0; this.turns.size > 0 && turn < MAX_TURNS; turn++) await aTurn();
  }

  private nextDue(targetMs: number): FakeTimer | undefined {
    let first: FakeTimer | undefined;
    for (const timer of this.timers) {
      if (timer.dueMs > targetMs) continue;
      if (first === undefined || timer.dueMs < first.dueMs || (timer.dueMs === first.dueMs && timer.order < first.order)) first = timer;
    }
    return first;
  }
}

/** One turn of the event loop: every promise reaction queued so far, and those they queue, have run. */
function aTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
