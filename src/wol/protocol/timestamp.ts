/**
 * `google.protobuf.Timestamp` to and from milliseconds.
 *
 * Owns: the conversion. Invariant: total; whatever a peer sends gives a finite number or `undefined`.
 */
import type { Timestamp } from './generated/wol-descriptor';

const NANOS_PER_MS = 1_000_000;

/** @param epochMs milliseconds since 1970-01-01T00:00:00Z; fractions are kept to the nanosecond. */
export function timestampFromMs(epochMs: number): Timestamp {
  const seconds = Math.floor(epochMs / 1_000);
  const nanos = Math.round((epochMs - seconds * 1_000) * NANOS_PER_MS);
  // Rounding may reach a whole second, which is not a valid nanosecond count.
  return nanos < 1_000 * NANOS_PER_MS ? { seconds, nanos } : { seconds: seconds + 1, nanos: 0 };
}

/** @returns milliseconds since 1970-01-01T00:00:00Z, or `undefined` when there is no timestamp. */
export function timestampToMs(timestamp: Timestamp | undefined): number | undefined {
  return timestamp === undefined ? undefined : timestamp.seconds * 1_000 + timestamp.nanos / NANOS_PER_MS;
}
