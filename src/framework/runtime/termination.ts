/**
 * SIGTERM and SIGINT as an abort signal; a second one forces the end.
 *
 * Owns: the two listeners of the process, for as long as somebody needs them. Never: ends the process.
 */

/** 1: what was running has not ended by itself. */
const EXIT_FORCED = 1;

export interface Termination {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal;
  /** Settles with exit code 1 at the second signal: whoever waits for it has to call `process.exit`, since something may hang. */
  readonly forced: Promise<number>;
  /** Stops listening. */
  release(): void;
}

/** The part of `process` that this needs. */
export interface SignalSource {
  on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  off(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
}

export function onTermination(source: SignalSource = process): Termination {
  const abort = new AbortController();
  const { promise: forced, resolve: force } = Promise.withResolvers<number>();
  const listener = (): void => (abort.signal.aborted ? force(EXIT_FORCED) : abort.abort());
  const signals = ['SIGTERM', 'SIGINT'] as const;
  for (const signal of signals) source.on(signal, listener);
  return {
    signal: abort.signal,
    forced,
    release: () => {
      for (const signal of signals) source.off(signal, listener);
    },
  };
}
