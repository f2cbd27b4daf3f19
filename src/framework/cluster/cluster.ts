/**
 * One Kubernetes cluster as handlers see it: a client to write and ask, stores to read from.
 *
 * Owns: the bundle. Never: shares connections, caches or limits with another cluster, so that losing one never slows another.
 */
import type { KubeClient } from '../client';
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import type { Informer, Selection } from '../watch/informer-contract';
import type { StoreReader } from '../watch/store-reader';
import type { ClusterState } from './cluster-health';
import { type InformerFactory, InformerSet } from './informer-set';
import type { ApiKindDiscovery } from './kind-discovery';

/** Name of the cluster the process runs in. */
export const LOCAL_CLUSTER = 'local';

export interface ClusterHealth {
  readonly state: ClusterState;
  /** When the state was entered, RFC 3339. */
  readonly since: string;
  /** One line for people: why it is not Ready. Empty while Ready. */
  readonly detail: string;
  /** Why the newest kubeconfig is not in use, while an older one is; `undefined` when it is, or is still being tried. */
  readonly problem: string | undefined;
}

/** What is known of the kinds that the API server serves. */
export type ClusterDiscovery = Pick<ApiKindDiscovery, 'lastAnswer' | 'onAnswer'>;

/** What is known of the connection. */
export interface ClusterContact {
  readonly health: ClusterHealth;
  /** `gitVersion` of the API server; `undefined` before it was asked. */
  readonly version: string | undefined;
  /** What the caller of `engage` calls the kubeconfig of the connection in use; `undefined` = nothing, or there is none. */
  readonly revision: string | undefined;
  /** When something was received last, RFC 3339; `undefined` = never. */
  readonly lastSeen: string | undefined;
}

export class Cluster {
  readonly informers: InformerSet;

  constructor(
    readonly name: string,
    /** Works on every replica, leader or not; handlers use the one of their context. */
    readonly client: KubeClient,
    private readonly createInformer: InformerFactory,
    private readonly discovery: ClusterDiscovery,
    private readonly contact: ClusterContact,
  ) {
    this.informers = new InformerSet(createInformer);
  }

  get isLocal(): boolean {
    return this.name === LOCAL_CLUSTER;
  }

  /** Whether the cluster answers. Stores stay readable whatever it says. */
  get health(): ClusterHealth {
    return this.contact.health;
  }

  get version(): string | undefined {
    return this.contact.version;
  }

  /** Changes when another kubeconfig is used, which may be long after it was offered, or never. */
  get revision(): string | undefined {
    return this.contact.revision;
  }

  get lastSeen(): string | undefined {
    return this.contact.lastSeen;
  }

  /** Every kind that is watched was listed once, or is optional and absent. */
  get hasSynced(): boolean {
    return this.informers.list().every(({ kind, store }) => store.synced || (kind.optional && this.availability(kind) === 'absent'));
  }

  /**
   * The cache of a kind.
   * @throws {NotCachedError} when no decorator declares it.
   */
  store<T extends KubernetesObject>(kind: Kind<T>, select?: Selection): StoreReader<T> {
    return this.informers.store(kind, select);
  }

  /**
   * An informer of the caller's own, who starts and stops it, for what is known only while the process runs. It is not in `store`, nobody
   * waits for it, and no readiness depends on it; metrics show it.
   *
   * @throws {RangeError} as a decorator would, for a selection that is not allowed.
   */
  openInformer<T extends KubernetesObject>(kind: Kind<T>, select?: Selection): Informer<T> {
    const informer = this.createInformer(kind as Kind, select);
    this.informers.accompany(informer);
    return informer as unknown as Informer<T>;
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
