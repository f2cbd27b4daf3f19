/**
 * Decides what becomes of an Event: a new one, one more of a series, or nothing.
 *
 * Owns: series and the rate of each object and action. Never: sends. Bounded: 4 096 objects, the least recently reported is forgotten.
 * Guarantees: what is said again and again, as when somebody else provokes it, does not keep back a reason that was not told for ten
 * minutes; ten such reasons at once have a rate of their own.
 */
import type { Clock } from '../time/clock';

/** Repeats within this time after the last one join its series. */
const SERIES_MS = 600_000;
/** Events of one object at once, and one more for every interval. */
const BURST = 10;
const REFILL_MS = 30_000;
const MAX_OBJECTS = 4_096;
/** Different notes, and different reasons, of one object that are remembered. */
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

interface Rate {
  tokens: number;
  refilledMs: number;
}

interface ReportedObject {
  readonly usual: Rate;
  /** Of reasons that were not told for a while. */
  readonly news: Rate;
  readonly series: Map<string, Series>;
  /** When each reason was told last. */
  readonly reasons: Map<string, number>;
}

/** What was said, in the order of how it is told apart. */
export interface Said {
  /** With its type. */
  readonly reason: string;
  readonly note: string;
}

/** `counted` = it is told with its series, sooner or later; `lost` = nobody hears of it. */
export type Occurrence = Series | 'counted' | 'lost';

export class EventSeries {
  private readonly objects = new Map<string, ReportedObject>();

  constructor(private readonly clock: Clock) {}

  /**
   * Counts one occurrence.
   * @returns the series to send now, unless its message already waits or the object has reported too much.
   */
  occur(object: string, { reason, note }: Said): Occurrence {
    const nowMs = this.clock.monotonicMs();
    const reported = this.touch(object, nowMs);
    const series = this.seriesOf(reported, `${reason} ${note}`, nowMs);
    series.count++;
    series.lastMs = nowMs;
    if (series.queued) return 'counted';
    const toldMs = reported.reasons.get(reason) ?? Number.NEGATIVE_INFINITY;
    const isNews = nowMs - toldMs >= SERIES_MS;
    if (!takeToken(reported.usual, nowMs) && !(isNews && takeToken(reported.news, nowMs)))
      return series.name === undefined ? 'lost' : 'counted';
    series.queued = true;
    reported.reasons.delete(reason);
    reported.reasons.set(reason, nowMs);
    if (reported.reasons.size > MAX_SERIES) reported.reasons.delete(reported.reasons.keys().next().value!);
    return series;
  }

  private touch(object: string, nowMs: number): ReportedObject {
    const rate = (): Rate => ({ tokens: BURST, refilledMs: nowMs });
    const reported = this.objects.get(object) ?? { usual: rate(), news: rate(), series: new Map(), reasons: new Map() };
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

function takeToken(rate: Rate, nowMs: number): boolean {
  const refills = Math.floor((nowMs - rate.refilledMs) / REFILL_MS);
  rate.refilledMs = rate.tokens + refills >= BURST ? nowMs : rate.refilledMs + refills * REFILL_MS;
  rate.tokens = Math.min(BURST, rate.tokens + refills);
  if (rate.tokens === 0) return false;
  rate.tokens--;
  return true;
}
