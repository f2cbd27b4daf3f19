/**
 * Removes what has to go, one key at a time.
 *
 * Owns: the way from the queue to the run. Never: decides anything; see the folder removal.
 */
import { Handler, Reconcile, type ReconcileContext, type ReconcileResult } from '../../framework';
import { Leftover } from './leftover';
import { PlatformRuntime } from './platform-runtime';

const TIMEOUT_MS = 120_000;
/** Many objects change at once when a switch is turned; one sweep is enough. */
const MIN_INTERVAL_MS = 500;

@Handler()
export class LeftoverHandler {
  constructor(private readonly runtime: PlatformRuntime) {}

  // Keys have resyncs of their own.
  @Reconcile(Leftover, { timeoutMs: TIMEOUT_MS, minIntervalMs: MIN_INTERVAL_MS, resyncMs: 0 })
  async reconcile({ key }: Leftover, { client }: ReconcileContext): Promise<ReconcileResult> {
    return { requeueAfterMs: await this.runtime.reconcileLeftover(key, client) };
  }
}
