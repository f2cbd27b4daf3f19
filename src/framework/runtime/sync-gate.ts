/**
 * Holds a piece of leader-only work back until the caches it reads are filled, and only those.
 *
 * Expected flow: open (leading) -> every informer filled -> work begins -> close (not leading any more) -> open ...
 * Guarantees: `begin` is called at most once between `open` and `close`, never outside of them; a kind that cannot be listed holds up
 * nobody who does not read it.
 * Assumptions: whoever owns the gate calls `look` after every change of an informer and of what discovery says.
 * Caveats: once begun, work goes on while a cache is old or its kind is gone; events tell it.
 * Errors: none of its own.
 */
import type { Cluster } from '../cluster/cluster';
import type { Informer } from '../watch/informer-contract';

export interface SyncGateOptions {
  readonly cluster: Pick<Cluster, 'availability'>;
  readonly informers: readonly Informer[];
  /** What else has to be there. */
  readonly also?: () => boolean;
  readonly begin: () => void;
}

export class SyncGate {
  private isOpen = false;
  private hasBegun = false;

  constructor(private readonly options: SyncGateOptions) {}

  open(): void {
    this.isOpen = true;
    this.look();
  }

  close(): void {
    this.isOpen = false;
    this.hasBegun = false;
  }

  look(): void {
    if (!this.isOpen || this.hasBegun) return;
    const { cluster, informers, also, begin } = this.options;
    if (!informers.every((informer) => isFilled(informer, cluster)) || also?.() === false) return;
    this.hasBegun = true;
    begin();
  }
}

/** Everything there is was listed; of a kind that may be absent and is, that is nothing. */
export function isFilled({ kind, store }: Informer, cluster: Pick<Cluster, 'availability'>): boolean {
  return store.synced || (kind.optional && cluster.availability(kind) === 'absent');
}
