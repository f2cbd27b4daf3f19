/**
 * One run of one handler method, with a time limit.
 *
 * Expected flow: call -> value or throw -> outcome; or time is over -> signal aborts -> the run ends late -> outcome `timeout`;
 * or it never ends -> after a grace period it is given up, while its key stays locked until it does end.
 * Guarantees: exactly one outcome; the promise settles only when the method has ended, so nothing runs beside it.
 * Assumptions: the method honours its signal. Caveats: one that does not keeps its key for ever; liveness counts it.
 * Errors: none thrown; whatever the method throws, also non-errors, is in the outcome.
 */
import { TemporaryError } from '../errors/handler-errors';
import type { Clock } from '../time/clock';
import type { ReconcileResult } from './context';

export type RunOutcome =
  | { readonly kind: 'ok'; readonly requeueAfterMs: number | undefined }
  | { readonly kind: 'failed'; readonly error: unknown; readonly timedOut: boolean };

/** A run that goes on this long after its signal aborted is stuck. */
const ABANDON_AFTER_MS = 10_000;

export interface RunOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Aborts the run from outside: shutdown, lost leadership. */
  readonly parent: AbortSignal;
  readonly call: (signal: AbortSignal) => unknown;
  /** Told once when the run is stuck. */
  readonly onAbandon: () => void;
}

export async function runHandlerMethod({ clock, timeoutMs, parent, call, onAbandon }: RunOptions): Promise<RunOutcome> {
  const abort = new AbortController();
  let timedOut = false;
  let abandonTimer: { cancel(): void } | undefined;
  const stop = (reason: unknown): void => {
    if (abort.signal.aborted) return;
    abort.abort(reason);
    abandonTimer = clock.setTimer(ABANDON_AFTER_MS, onAbandon);
  };
  const timeout = new TemporaryError(`timed out after ${timeoutMs} ms`, { reason: 'Timeout' });
  const timer = clock.setTimer(timeoutMs, () => {
    timedOut = true;
    stop(timeout);
  });
  const onParentAbort = (): void => stop(parent.reason);
  if (parent.aborted) onParentAbort();
  else parent.addEventListener('abort', onParentAbort, { once: true });
  try {
    const result = (await call(abort.signal)) as ReconcileResult;
    return timedOut ? { kind: 'failed', error: timeout, timedOut } : { kind: 'ok', requeueAfterMs: requeueOf(result) };
  } catch (error) {
    return { kind: 'failed', error: timedOut ? timeout : error, timedOut };
  } finally {
    timer.cancel();
    abandonTimer?.cancel();
    parent.removeEventListener('abort', onParentAbort);
  }
}

/** @throws {TypeError} for a result that is neither nothing nor a requeue: a mistake the types would have caught. */
function requeueOf(result: unknown): number | undefined {
  if (result === undefined) return undefined;
  const after = (result as { requeueAfterMs?: unknown } | null)?.requeueAfterMs;
  if (typeof after === 'number') {
    if (after >= 0 && Number.isFinite(after)) return after;
    const found = `requeueAfterMs ${after}, which is no finite number from 0`;
    throw new TypeError(`a handler returned ${found}; allowed: nothing, or { requeueAfterMs: number }`);
  }
  // Its type only: the value ends up in conditions and Events, and it may be an object of a sensitive kind.
  const found = result === null ? 'null' : `a value of type ${typeof result}`;
  throw new TypeError(`a handler returned ${found}; allowed: nothing, or { requeueAfterMs: number }`);
}
