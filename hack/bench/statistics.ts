/** Percentiles of what was measured. Owns: arithmetic only. */

/**
 * Nearest-rank percentile: always a value that was measured.
 * @param share 0.5 = median. @throws {RangeError} without samples.
 */
export function percentile(samples: readonly number[], share: number): number {
  if (samples.length === 0) throw new RangeError('there is no percentile of nothing');
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

export interface Bucket {
  /** Upper bound, inclusive; Infinity for the last one. */
  readonly upTo: number;
  /** Samples at or below it. */
  readonly count: number;
}

/**
 * What Prometheus' histogram_quantile gives: linear within the bucket that holds the rank, and the highest finite bound beyond it.
 * @param buckets cumulative, in ascending order. @returns NaN when nothing was observed.
 */
export function histogramQuantile(buckets: readonly Bucket[], share: number): number {
  const total = buckets.at(-1)?.count ?? 0;
  if (total === 0) return Number.NaN;
  const rank = share * total;
  const at = buckets.findIndex(({ count }) => count >= rank);
  const { upTo, count } = buckets[at]!;
  const below = buckets[at - 1] ?? { upTo: 0, count: 0 };
  if (upTo === Number.POSITIVE_INFINITY) return below.upTo;
  return below.upTo + ((upTo - below.upTo) * (rank - below.count)) / (count - below.count);
}
