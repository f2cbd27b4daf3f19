/** Durations as people write them in flags. Pure. */
const MS_OF: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * Reads `2s`, `500ms`, `1.5m`, `1m30s`, `1h` or `0`.
 *
 * @returns milliseconds, or `undefined` for anything else, negative ones included.
 * @source Go, `time.ParseDuration`, without the units below a millisecond.
 */
export function parseDurationMs(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) totalMs += Number(amount) * (MS_OF[unit as string] as number);
  return totalMs;
}
