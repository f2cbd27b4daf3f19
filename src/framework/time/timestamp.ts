/** Time as Kubernetes (RFC 3339 strings) and libraries (Date) want it. The only place in the framework that makes a Date. */

/** `Date.parse` takes a lot for a date, "5" among it. */
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** @returns milliseconds since 1970, `undefined` for nothing or for text that is no time stamp. */
export function timestampMs(text: string | undefined): number | undefined {
  const parsed = text === undefined || !RFC_3339.test(text) ? Number.NaN : Date.parse(text);
  return Number.isNaN(parsed) ? undefined : parsed;
}

/** RFC 3339 in UTC with whole seconds, as `metav1.Time` is written. */
export function timestampOf(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}

/** RFC 3339 in UTC with microseconds, as `metav1.MicroTime` is written. */
export function microTimestampOf(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 23)}000Z`;
}

/** For libraries that take a Date. */
export function dateOf(timeMs: number): Date {
  return new Date(timeMs);
}
