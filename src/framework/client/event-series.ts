/**
 * Decides what becomes of an Event: a new one, one more of a series, or nothing.
 *
 * Owns: series and the rate of each object and action. Never: sends. Bounded: 4 096 objects, the least recently reported is forgotten.
 */
import type { Clock } from '../time/clock';

/** Repeats within this time after the last one join its series. */
const SERIES_MS = 600_000;
/** Events of one object at once, and one more for every interval. */
const BURST = 10;
const REFILL_MS = 30_000;
const MAX_OBJECTS = 4_096;
/** Different notes of one object that are remembered. */
const MAX_SERIES = 32;

/** One Event as the cluster knows it or will know it. */
export interface Series {
  /** Name of the Event object, once it was created. */
  name: string | undefined;
  /** Occurrences, including those the rate kept back. */
  count: number;
  lastMs: number;
  /** Already waits to be sent; what comes meanwhile is told by the same message. */
  queued: boolean;
}

interface ReportedObject {
  tokens: number;
  refilledMs: number;
  readonly series: Map<string, Series>;
}

export class EventSeries {
  private readonly objects = new Map<string, ReportedObject>();

  constructor(private readonly clock: Clock) {}

  /**
   * Counts one occurrence.
   * @returns the series to send now; `undefined` when its message already waits or the object has reported too much.
   */
  occur(object: string, what: string): Series | undefined {
    const nowMs = this.clock.monotonicMs();
    const reported = this.touch(object, nowMs);
    const series = this.seriesOf(reported, what, nowMs);
    series.count++;
    series.lastMs = nowMs;
    if (series.queued || !takeToken(reported, nowMs)) return undefined;
    series.queued = true;
    return series;
  }

  private touch(object: string, nowMs: number): ReportedObject {
    const reported = this.objects.get(object) ?? { tokens: BURST, refilledMs: nowMs, series: new Map() };
    this.objects.delete(object);
    this.objects.set(object, reported);
    if (this.objects.size > MAX_OBJECTS) this.objects.delete(this.objects.keys().next().value!);
    return reported;
  }

  private seriesOf(reported: ReportedObject, what: string, nowMs: number): Series {
    const known = reported.series.get(what);
    reported.series.delete(what);
    const fresh = known !== undefined && nowMs - known.lastMs <= SERIES_MS;
    const series = fresh ? known : { name: undefined, count: 0, lastMs: nowMs, queued: false };
    reported.series.set(what, series);
    if (reported.series.size > MAX_SERIES) reported.series.delete(reported.series.keys().next().value!);
    return series;
  }
}

function takeToken(reported: ReportedObject, nowMs: number): boolean {
  const refills = Math.floor((nowMs - reported.refilledMs) / REFILL_MS);
  reported.refilledMs = reported.tokens + refills >= BURST ? nowMs : reported.refilledMs + refills * REFILL_MS;
  reported.tokens = Math.min(BURST, reported.tokens + refills);
  if (reported.tokens === 0) return false;
  reported.tokens--;
  return true;
}
