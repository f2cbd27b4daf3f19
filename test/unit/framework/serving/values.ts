/** Reads single values out of a registry. */
import type { Registry } from 'prom-client';

/**
 * The value of one series as it is exposed.
 * @param name with the suffix of a histogram, `_count` or `_sum`. @returns `undefined` when there is no such series.
 */
export async function seriesValue(
  registry: Registry,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number | undefined> {
  const wanted = Object.entries(labels)
    .map(([label, value]) => `${label}="${value}"`)
    .sort();
  for (const line of (await registry.metrics()).split('\n')) {
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match?.[1] !== name) continue;
    const found = (match[2] ?? '').match(/[a-z_]+="[^"]*"/g) ?? [];
    if (found.sort().join() === wanted.join()) return Number(match[3]);
  }
  return undefined;
}
