/**
 * An operator as a whole process: from its start to the exit code.
 *
 * Expected flow: start -> works until SIGTERM or SIGINT -> stops in order -> exit code; or a second signal -> exit code 1 at once.
 * Guarantees: every end has an exit code or an error; the listeners for signals are gone afterwards.
 * Assumptions: the caller ends the process with the exit code, by `process.exit`: after a second signal something still hangs.
 * Caveats: a signal during the start ends it; that counts as an orderly stop.
 * Errors: what the start rejects with.
 */
import type { StewardOperator } from './steward-operator';
import { onTermination, type SignalSource } from './termination';

/** What of an operator this needs. */
export type RunnableOperator = Pick<StewardOperator, 'start' | 'stop' | 'finished'>;

/**
 * Starts an operator and stops it at the first SIGTERM or SIGINT.
 *
 * @returns the exit code: 0 when everything ended by itself, 1 when something had to be given up, or at once after a second signal.
 * @throws what `start` throws, for example {ConfigError}, unless it was told to stop meanwhile.
 */
export async function runOperator(operator: RunnableOperator, source?: SignalSource): Promise<number> {
  const { signal, forced, release } = onTermination(source);
  // It tells of its failures by `finished`, and in the log.
  signal.addEventListener('abort', () => void operator.stop().catch(() => undefined), { once: true });
  try {
    return await Promise.race([workUntilStopped(operator, signal), forced]);
  } finally {
    release();
  }
}

async function workUntilStopped(operator: RunnableOperator, signal: AbortSignal): Promise<number> {
  try {
    await operator.start();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return operator.finished;
}
