/**
 * Looks after one asset of the catalog at a time.
 *
 * Owns: the way from the queue to the run. Never: decides anything; see asset-run.ts.
 */
import {
  Handler,
  type HandlerClass,
  OnShutdown,
  OnStartup,
  Probe,
  type ProcessContext,
  Reconcile,
  type ReconcileContext,
  type ReconcileResult,
} from '../../framework';
import { Asset } from './asset';
import { PlatformRuntime } from './platform-runtime';

/** A run is a handful of calls, each of which may be repeated. */
const TIMEOUT_MS = 120_000;

/** @param concurrency keys at the same time, which decorators cannot read from settings. */
export function assetHandler(concurrency: number): HandlerClass {
  @Handler({ id: 'AssetHandler' })
  class AssetHandler {
    constructor(private readonly runtime: PlatformRuntime) {}

    @OnStartup({ phase: 'leader' })
    begin({ client }: ProcessContext): Promise<void> {
      return this.runtime.begin(client);
    }

    @OnShutdown({ phase: 'leader' })
    end(): Promise<void> {
      return this.runtime.end();
    }

    @Probe('platform')
    probe(): string {
      return this.runtime.summary;
    }

    // Keys have resyncs of their own, which are spread wider.
    @Reconcile(Asset, { concurrency, timeoutMs: TIMEOUT_MS, resyncMs: 0 })
    async reconcile({ key }: Asset, { client }: ReconcileContext): Promise<ReconcileResult> {
      const requeueAfterMs = await this.runtime.reconcile(key, client);
      return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
    }
  }
  return AssetHandler;
}
