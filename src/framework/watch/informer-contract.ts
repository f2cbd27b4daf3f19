/** What the runtime needs of an informer, whatever drives it. */
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import type { OPERATOR_NAMESPACE } from '../kinds/operator-namespace';
import type { IndexFunction } from './indexes';
import type { ResourceEvent } from './resource-event';
import type { StoreReader } from './store-reader';

/** The states of the watch state machine. */
export type InformerState = 'Waiting' | 'Listing' | 'Watching' | 'Backoff' | 'Denied' | 'Stopped';

/** Server-side choice of objects. */
export interface Selection {
  /** Watch these namespaces only, one stream each. @default all */
  readonly namespaces?: readonly (string | typeof OPERATOR_NAMESPACE)[];
  /** Label selector in its text form, for example `app=wol-agent`; empty: also without that of the engagement of a remote cluster. */
  readonly labels?: string;
  /** Field selector in its text form, for example `metadata.name=bundle`. */
  readonly fields?: string;
  /** Ask for PartialObjectMetadata: spec and status are absent. @default false */
  readonly metadataOnly?: boolean;
}

/** The same with the names that the API server knows. */
export interface ResolvedSelection extends Selection {
  readonly namespaces?: readonly string[];
}

export interface InformerStatus {
  readonly state: InformerState;
  readonly synced: boolean;
  /** Monotonic milliseconds of the last event, bookmark or successful connect; `undefined` before the first. */
  readonly lastActivityMs: number | undefined;
  /** One line for people: why it is not watching. Empty while watching. */
  readonly detail: string;
  /** In `Backoff` because nobody answered, or only with an error of the server; not because of what the answer was. */
  readonly unanswered?: boolean;
  /** The first list took or takes longer than two minutes. False while an optional kind is waited for. */
  readonly late: boolean;
  /** Synced once, but no event, bookmark or connect for five minutes: what the store says may be old. */
  readonly stale: boolean;
}

export interface Informer<T extends KubernetesObject = KubernetesObject> {
  readonly kind: Kind<T>;
  readonly cluster: string;
  readonly store: StoreReader<T>;
  status(): InformerStatus;
  /** Listeners run inline, in the order they subscribed; one that throws is logged and stops nothing. */
  subscribe(listener: (event: ResourceEvent<T>) => void): () => void;
  /** Listeners are told inline after `state` or `synced` changed. */
  onStatus(listener: (status: InformerStatus) => void): () => void;
  /** Adds a named index, also over objects already there. @throws {RangeError} when the name is taken. */
  addIndex(name: string, compute: IndexFunction<T>): void;
  /** Begins listing; returns at once. Calling it twice does nothing. */
  start(): void;
  /** Ends a pause after a failure: the server answers others again. */
  hurry(): void;
  /** No request is open and no listener runs after this resolved. Idempotent. */
  stop(): Promise<void>;
  /** Puts the answer of one of our own writes into the store if it is newer than what is there. */
  putOwnWrite(object: T): void;
}
