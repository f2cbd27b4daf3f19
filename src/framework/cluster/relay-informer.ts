/**
 * An informer whose source can be replaced: listeners, indexes and store stay, the connection behind them changes.
 *
 * Expected flow: made without a source -> `attach` -> events -> `attach` of another, synced one -> the differences as events -> events.
 * Guarantees: over a change of source listeners see well-formed events of every object: what is missing in the new source is DELETED with
 * `lost`, another object of the same name is DELETED and ADDED; no event of the new source overtakes the difference of its object.
 * Assumptions: a source that replaces a synced one is synced itself; `attach` is not called again before it has resolved; attached sources
 * are stopped by this class only.
 * Caveats: both stores are in memory until the differences have been delivered.
 * Errors: those of listeners are logged.
 */
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, keyOf, type ObjectKey } from '../kinds/object';
import type { Logger } from '../logging/logger';
import type { Informer, InformerStatus, ResourceEvent, StoreReader } from '../watch';
import type { IndexFunction } from '../watch/indexes';
import { nextTurn } from '../watch/turn-budget';

/** Differences delivered before other work gets a turn. */
const TURN_OBJECTS = 500;

type Listener = (event: ResourceEvent) => void;
type StatusListener = (status: InformerStatus) => void;

export interface RelayInformerOptions {
  readonly kind: Kind;
  readonly cluster: string;
  readonly log: Logger;
  /** Why there is no source, for people. */
  readonly detail: () => string;
}

export class RelayInformer implements Informer {
  readonly store: StoreReader;
  private source: Informer | undefined;
  private readonly indexes = new Map<string, IndexFunction>();
  /** Listeners with what ends their subscription to the present source. */
  private readonly listeners = new Map<Listener, () => void>();
  private readonly statusListeners = new Map<StatusListener, () => void>();
  /** Objects whose difference to the source before has not been delivered yet. */
  private pending = new Set<ObjectKey>();
  private isStarted = false;
  private isStopped = false;

  constructor(private readonly options: RelayInformerOptions) {
    this.store = new RelayStore(() => this.source?.store);
  }

  get kind(): Kind {
    return this.options.kind;
  }

  get cluster(): string {
    return this.options.cluster;
  }

  status(): InformerStatus {
    if (this.source !== undefined) return this.source.status();
    const state = this.isStopped ? 'Stopped' : 'Backoff';
    return { state, synced: false, lastActivityMs: undefined, detail: this.options.detail(), late: false, stale: false };
  }

  subscribe(listener: Listener): () => void {
    this.listeners.set(listener, this.source === undefined ? () => undefined : this.connect(this.source, listener));
    return () => {
      this.listeners.get(listener)?.();
      this.listeners.delete(listener);
    };
  }

  onStatus(listener: StatusListener): () => void {
    this.statusListeners.set(listener, this.source?.onStatus(listener) ?? (() => undefined));
    return () => {
      this.statusListeners.get(listener)?.();
      this.statusListeners.delete(listener);
    };
  }

  addIndex(name: string, compute: IndexFunction): void {
    if (this.indexes.has(name)) throw new RangeError(`index ${name} of ${this.kind.id} exists already`);
    this.indexes.set(name, compute);
    this.source?.addIndex(name, compute);
  }

  start(): void {
    this.isStarted = true;
    if (!this.isStopped) this.source?.start();
  }

  hurry(): void {
    this.source?.hurry();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.source?.stop();
  }

  putOwnWrite(object: KubernetesObject): void {
    this.source?.putOwnWrite(object);
  }

  /** Gives a source that is to be attached later its indexes. */
  prepare(source: Informer): Informer {
    for (const [name, compute] of this.indexes) source.addIndex(name, compute);
    return source;
  }

  /** Continues with a prepared source and stops the one before. Resolves when every difference has been delivered. */
  async attach(next: Informer): Promise<void> {
    const before = this.source;
    if (this.isStopped) {
      await next.stop();
      return;
    }
    for (const disconnect of [...this.listeners.values(), ...this.statusListeners.values()]) disconnect();
    this.source = next;
    if (before !== undefined) {
      this.pending = new Set([...before.store.list(), ...next.store.list()].map(keyOf));
    }
    for (const listener of this.listeners.keys()) this.listeners.set(listener, this.connect(next, listener));
    for (const listener of this.statusListeners.keys()) this.statusListeners.set(listener, next.onStatus(listener));
    if (this.isStarted) next.start();
    for (const listener of this.statusListeners.keys()) listener(next.status());
    if (before === undefined) return;
    await this.deliverDifferences(before, next);
    await before.stop();
  }

  private connect(source: Informer, listener: Listener): () => void {
    return source.subscribe((event) => {
      if (!this.pending.has(keyOf(event.object))) listener(event);
    });
  }

  private async deliverDifferences(before: Informer, next: Informer): Promise<void> {
    const { pending } = this;
    let delivered = 0;
    for (const key of pending) {
      if (this.isStopped || this.source !== next) return;
      pending.delete(key);
      for (const event of difference(before.store.get(key), next.store.get(key), this.cluster)) this.emit(event);
      if (++delivered % TURN_OBJECTS === 0) await nextTurn();
    }
  }

  private emit(event: ResourceEvent): void {
    for (const listener of this.listeners.keys()) {
      try {
        listener(event);
      } catch (error) {
        this.options.log.error('a listener failed', { cluster: this.cluster, kind: this.kind.id, error });
      }
    }
  }
}

function difference(old: KubernetesObject | undefined, now: KubernetesObject | undefined, cluster: string): ResourceEvent[] {
  const common = { initial: false, cluster };
  const isSame = old !== undefined && now !== undefined && old.metadata?.uid === now.metadata?.uid;
  if (isSame) {
    const isChanged = old.metadata?.resourceVersion !== now.metadata?.resourceVersion;
    return isChanged ? [{ ...common, type: 'MODIFIED', object: now, old, lost: false }] : [];
  }
  const events: ResourceEvent[] = [];
  if (old !== undefined) events.push({ ...common, type: 'DELETED', object: old, old, lost: true });
  if (now !== undefined) events.push({ ...common, type: 'ADDED', object: now, old: undefined, lost: false });
  return events;
}

/** Reads the store of whatever source there is. */
class RelayStore implements StoreReader {
  constructor(private readonly store: () => StoreReader | undefined) {}

  get synced(): boolean {
    return this.store()?.synced ?? false;
  }

  get size(): number {
    return this.store()?.size ?? 0;
  }

  get(key: ObjectKey): KubernetesObject | undefined {
    return this.store()?.get(key);
  }

  list(): IterableIterator<KubernetesObject> {
    return this.store()?.list() ?? [].values();
  }

  by(index: string, value: string): readonly KubernetesObject[] {
    return this.store()?.by(index, value) ?? [];
  }
}
