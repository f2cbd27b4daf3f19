/**
 * One Kubernetes cluster as handlers see it: a client to write and ask, stores to read from.
 *
 * Owns: the bundle. Never: shares connections, caches or limits with another cluster, so that losing one never slows another.
 */
import type { KubeClient } from '../client';
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import type { Selection } from '../watch/informer-contract';
import type { StoreReader } from '../watch/store-reader';
import { type InformerFactory, InformerSet } from './informer-set';
import type { ApiKindDiscovery } from './kind-discovery';

/** Name of the cluster the process runs in. */
export const LOCAL_CLUSTER = 'local';

export class Cluster {
  readonly informers: InformerSet;

  constructor(
    readonly name: string,
    /** Works on every replica, leader or not; handlers use the one of their context. */
    readonly client: KubeClient,
    createInformer: InformerFactory,
    private readonly discovery: Pick<ApiKindDiscovery, 'lastAnswer' | 'onAnswer'>,
  ) {
    this.informers = new InformerSet(createInformer);
  }

  /**
   * The cache of a kind.
   * @throws {NotCachedError} when no decorator declares it.
   */
  store<T extends KubernetesObject>(kind: Kind<T>, select?: Selection): StoreReader<T> {
    return this.informers.store(kind, select);
  }

  /** Whether the API server serves a kind that may be absent; `unknown` until it has answered. */
  availability(kind: Kind): 'served' | 'absent' | 'unknown' {
    return this.discovery.lastAnswer(kind);
  }

  /** Listeners are told inline after the status of an informer, or what `availability` answers, has changed. @returns ends it. */
  onChange(listener: () => void): () => void {
    const ends = [this.informers.onStatus(listener), this.discovery.onAnswer(listener)];
    return () => {
      for (const end of ends) end();
    };
  }

  /**
   * Tells when `serves` becomes another answer: an optional kind appeared, was listed, or is gone again.
   * @returns a function that ends it.
   */
  onServedChange(kind: Kind, listener: (serves: boolean) => void): () => void {
    let known = this.serves(kind);
    const look = (): void => {
      const serves = this.serves(kind);
      if (serves === known) return;
      known = serves;
      listener(serves);
    };
    const ends = this.informers
      .list()
      .filter((informer) => informer.kind.id === kind.id)
      .map((informer) => informer.onStatus(look));
    return () => {
      for (const end of ends) end();
    };
  }

  /** The kind was listed, and is still served as far as is known. */
  serves(kind: Kind): boolean {
    const isSynced = this.informers.list().some((informer) => informer.kind.id === kind.id && informer.status().synced);
    return isSynced && this.availability(kind) !== 'absent';
  }
}
