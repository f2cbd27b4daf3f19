/** SIGTERM and SIGINT as an abort signal; a second one forces the end. */

export interface Termination {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal;
  /** Settles with exit code 1 at the second signal. */
  readonly forced: Promise<number>;
  /** Stops listening. */
  release(): void;
}

export function onTermination(): Termination {
  const abort = new AbortController();
  let force: (exitCode: number) => void = () => undefined;
  const forced = new Promise<number>((resolve) => {
    force = resolve;
  });
  const listener = (): void => (abort.signal.aborted ? force(1) : abort.abort());
  process.on('SIGTERM', listener).on('SIGINT', listener);
  return {
    signal: abort.signal,
    forced,
    release: () => void process.off('SIGTERM', listener).off('SIGINT', listener),
  };
}
