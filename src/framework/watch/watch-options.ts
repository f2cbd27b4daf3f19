/**
 * The numbers of listing and watching.
 *
 * Owns: names, units, defaults and ranges. Never: decides anything.
 * Origin: unless a field says otherwise the defaults follow client-go's reflector and the API server's own limits.
 */
export interface WatchOptions {
  /** Objects asked for per list page. @default 500 */
  pageLimit?: number;
  /** Smallest page the pager falls back to when bodies are too large. @default 25 */
  minPageLimit?: number;
  /** A page body above this many bytes halves the page. @default 16777216 (16 MiB) */
  maxPageBytes?: number;
  /** Longest wait for response headers of a list page or a watch, in milliseconds. @default 30000 */
  headersTimeoutMs?: number;
  /** Longest silence within a page's body, in milliseconds. @default 30000 */
  pageIdleTimeoutMs?: number;
  /** Longest duration of one page, in milliseconds. @default 60000 */
  pageTimeoutMs?: number;
  /** Objects handled before other work gets a turn. @default 500 */
  turnObjects?: number;
  /** Time spent on objects before other work gets a turn, in milliseconds. @default 20 */
  turnMs?: number;
  /** Shortest life asked for a watch, in seconds; the life is random so that streams do not end together. @default 290 */
  minWatchSeconds?: number;
  /** Longest life asked for a watch, in seconds. @default 590 */
  maxWatchSeconds?: number;
  /** Silence after which a stream that has sent a bookmark is given up, in milliseconds; bookmarks come every minute. @default 90000 */
  idleTimeoutMs?: number;
  /** While a stream has sent no bookmark, it may be silent for its asked life and this long, in milliseconds, but for less than `staleAfterMs`. @default 5000 */
  lifeGraceMs?: number;
  /** A stream that ended cleanly after at least this life is no failure, in milliseconds. @default 5000 */
  cleanEndAfterMs?: number;
  /** Longest random wait before reconnecting after a clean end, in milliseconds. @default 1000 */
  cleanPauseMs?: number;
  /** Shortest time between two connects of one stream, in milliseconds. @default 1000 */
  minConnectIntervalMs?: number;
  /** First failure backoff, in milliseconds; doubles, times random 0.5 to 1. @default 800 */
  backoffMs?: number;
  /** Longest failure backoff, in milliseconds. @default 30000 */
  maxBackoffMs?: number;
  /** A stream that lived this long clears the backoff, in milliseconds. @default 120000 */
  steadyAfterMs?: number;
  /** Longest Retry-After that is honoured, in milliseconds. @default 60000 */
  maxRetryAfterMs?: number;
  /** First wait after a 403, in milliseconds; doubles. @default 30000 */
  deniedMs?: number;
  /** Longest wait after a 403, in milliseconds. @default 300000 */
  maxDeniedMs?: number;
  /** Time between the two discovery answers that confirm that a kind is gone, in milliseconds. @default 5000 */
  confirmMs?: number;
  /** Longest line of a watch, in bytes. @default 16777216 (16 MiB) */
  maxLineBytes?: number;
  /** Unreadable lines at one version before a relist. @default 3 */
  maxDecodeFailures?: number;
  /** First sync later than this is logged as an error, in milliseconds. @default 120000 */
  lateAfterMs?: number;
  /** No event, bookmark or connect for this long makes the informer stale, in milliseconds. @default 300000 */
  staleAfterMs?: number;
}

export type CompiledWatchOptions = Readonly<Required<WatchOptions>>;

export const DEFAULT_WATCH_OPTIONS: CompiledWatchOptions = Object.freeze({
  pageLimit: 500,
  minPageLimit: 25,
  maxPageBytes: 16 * 1024 * 1024,
  headersTimeoutMs: 30_000,
  pageIdleTimeoutMs: 30_000,
  pageTimeoutMs: 60_000,
  turnObjects: 500,
  turnMs: 20,
  minWatchSeconds: 290,
  maxWatchSeconds: 590,
  idleTimeoutMs: 90_000,
  lifeGraceMs: 5_000,
  cleanEndAfterMs: 5_000,
  cleanPauseMs: 1_000,
  minConnectIntervalMs: 1_000,
  backoffMs: 800,
  maxBackoffMs: 30_000,
  steadyAfterMs: 120_000,
  maxRetryAfterMs: 60_000,
  deniedMs: 30_000,
  maxDeniedMs: 300_000,
  confirmMs: 5_000,
  maxLineBytes: 16 * 1024 * 1024,
  maxDecodeFailures: 3,
  lateAfterMs: 120_000,
  staleAfterMs: 300_000,
});

/** Pairs of which the first must not exceed the second. */
const ORDERED: readonly (readonly [keyof WatchOptions, keyof WatchOptions])[] = [
  ['minPageLimit', 'pageLimit'],
  ['minWatchSeconds', 'maxWatchSeconds'],
  ['backoffMs', 'maxBackoffMs'],
  ['deniedMs', 'maxDeniedMs'],
];

/** Fills in defaults and checks ranges. @throws {RangeError} naming the option, its value and what is allowed. */
export function compileWatchOptions(options: WatchOptions = {}): CompiledWatchOptions {
  const compiled = { ...DEFAULT_WATCH_OPTIONS, ...options };
  for (const [name, value] of Object.entries(compiled)) {
    if (!(Number.isFinite(value) && value > 0)) throw new RangeError(`${name} is ${value}; allowed: a number above 0`);
  }
  for (const [low, high] of ORDERED) {
    if (compiled[low] > compiled[high]) throw new RangeError(`${low} is ${compiled[low]}; allowed: at most ${high} (${compiled[high]})`);
  }
  return Object.freeze(compiled);
}
