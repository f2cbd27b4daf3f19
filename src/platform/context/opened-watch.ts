/**
 * One watch that was opened while the process runs, and what may be read from it.
 *
 * Owns: one informer. Invariant: what it says is complete or it says nothing: before the first list, and while the right to read is
 * missing, reading throws.
 */
import type { Clock, Informer, KubernetesObject, ResourceEvent, StoreReader, Timer } from '../../framework';

export interface OpenedWatchOptions {
  readonly informer: Informer;
  readonly clock: Clock;
  /** Told inline of every change after the first list. */
  readonly onEvent: (event: ResourceEvent) => void;
}

/** Longest wait for a first list, in milliseconds. */
const FIRST_LIST_MS = 15_000;

export class OpenedWatch {
  /** Monotonic milliseconds. */
  lastUsedMs: number;
  private readonly unsubscribe: () => void;

  constructor(private readonly options: OpenedWatchOptions) {
    const { informer, clock, onEvent } = options;
    this.lastUsedMs = clock.monotonicMs();
    this.unsubscribe = informer.subscribe((event) => {
      if (!event.initial) onEvent(event);
    });
    informer.start();
  }

  /** @throws {Error} why nothing can be read. */
  async read(): Promise<StoreReader<KubernetesObject>> {
    const { informer, clock } = this.options;
    this.lastUsedMs = clock.monotonicMs();
    if (!informer.store.synced && isPending(informer)) await settled(informer, clock);
    const { state, synced, detail } = informer.status();
    if (state === 'Denied' || !synced) throw new Error(`${informer.kind.id} cannot be read: ${detail || 'not listed yet'}`);
    return informer.store;
  }

  async close(): Promise<void> {
    this.unsubscribe();
    await this.options.informer.stop();
  }
}

function isPending(informer: Informer): boolean {
  const { state } = informer.status();
  return state === 'Waiting' || state === 'Listing';
}

/** Until the first list is complete, has failed, or takes too long. */
function settled(informer: Informer, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    let limit: Timer | undefined;
    const end = informer.onStatus(() => look());
    const done = (): void => {
      end();
      limit?.cancel();
      resolve();
    };
    const look = (): void => {
      if (informer.store.synced || !isPending(informer)) done();
    };
    limit = clock.setTimer(FIRST_LIST_MS, done);
    look();
  });
}
