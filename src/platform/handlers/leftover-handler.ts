/** Removes what the catalog does not want any more, a key at a time. */
import {
  defineVirtualKind,
  Handler,
  type HandlerClass,
  type KeySink,
  type KeySource,
  Reconcile,
  type ReconcileContext,
  type ReconcileResult,
  Source,
} from '../../framework';
import { PlatformRuntime } from './platform-runtime';

/** The sweep of orphans, or one tombstone. No such object exists in any cluster. */
export interface Leftover {
  readonly key: string;
}
export const Leftover = defineVirtualKind<Leftover>('Leftover');

@Source(Leftover)
export class LeftoverSource implements KeySource<Leftover> {
  constructor(private readonly runtime: PlatformRuntime) {}

  resolve(key: string): Leftover {
    return { key };
  }

  start(sink: KeySink): void {
    this.runtime.leftovers.start(sink);
  }

  stop(): void {
    this.runtime.leftovers.stop();
  }
}

/** @param resyncMs between two looks without a cause. */
export function leftoverHandler(resyncMs: number): HandlerClass {
  @Handler({ id: 'LeftoverHandler' })
  class LeftoverHandler {
    constructor(private readonly runtime: PlatformRuntime) {}

    @Reconcile(Leftover, { concurrency: 1, resyncMs })
    async remove({ key }: Leftover, { client }: ReconcileContext): Promise<ReconcileResult> {
      const requeueAfterMs = await this.runtime.leftovers.run(key, client);
      return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
    }
  }
  return LeftoverHandler;
}
