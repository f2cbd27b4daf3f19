/**
 * How long to wait before the next attempt.
 *
 * Owns: the arithmetic. Never: a clock. Source of the defaults: one second doubling to five minutes is what kubelet and
 * controller-runtime users expect of a failing object; 20 % jitter spreads objects that failed together.
 */
export interface RetryOptions {
  /** Delay before the second attempt, in milliseconds. @default 1000 */
  initialMs?: number;
  /** Growth from one delay to the next. @default 2 */
  factor?: number;
  /** Longest delay, in milliseconds. @default 300000 */
  maxMs?: number;
  /** Relative spread of each delay, 0 to 1. @default 0.2 */
  jitter?: number;
  /** Attempts before giving up until the object changes. @default unlimited */
  maxAttempts?: number;
}

export interface CompiledRetryOptions {
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
  readonly jitter: number;
  readonly maxAttempts: number;
}

/** Fills in defaults and checks ranges. @throws {RangeError} naming the option, its value and what is allowed. */
export function compileRetryOptions({
  initialMs = 1_000,
  factor = 2,
  maxMs = 300_000,
  jitter = 0.2,
  maxAttempts = Number.POSITIVE_INFINITY,
}: RetryOptions = {}): CompiledRetryOptions {
  if (!(initialMs > 0 && initialMs <= maxMs))
    throw new RangeError(`retry.initialMs is ${initialMs}; allowed: above 0 and at most maxMs (${maxMs})`);
  if (!(factor >= 1)) throw new RangeError(`retry.factor is ${factor}; allowed: 1 or more`);
  if (!(jitter >= 0 && jitter < 1)) throw new RangeError(`retry.jitter is ${jitter}; allowed: 0 to below 1`);
  if (!(maxAttempts >= 1)) throw new RangeError(`retry.maxAttempts is ${maxAttempts}; allowed: 1 or more`);
  return Object.freeze({ initialMs, factor, maxMs, jitter, maxAttempts });
}

/**
 * Delay before the attempt after `failures` failures in a row.
 *
 * @param failures 1 or more.
 * @param random uniform in [0, 1).
 * @returns milliseconds, spread by plus or minus the jitter.
 */
export function backoffMs(retry: CompiledRetryOptions, failures: number, random: () => number): number {
  const exponent = Math.min(failures - 1, 64);
  const base = Math.min(retry.maxMs, retry.initialMs * retry.factor ** exponent);
  return base * (1 - retry.jitter + 2 * retry.jitter * random());
}
