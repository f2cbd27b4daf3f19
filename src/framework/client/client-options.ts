/** What the client and its calls can be told. */
import type { Kind } from '../kinds/kind';
import type { KubernetesObject, ObjectKey } from '../kinds/object';
import type { Clock } from '../time/clock';
import type { ClientMetrics } from './client-metrics';
import type { ApiTransport, HttpMethod } from './transport';

export interface KubeClientOptions {
  /** Name in metrics and errors. */
  cluster: string;
  transport: ApiTransport;
  clock: Clock;
  /** Owner of the fields we apply. @default virt-steward */
  fieldManager?: string;
  /** Value of the managed-by label on children. @default virt-steward */
  managedBy?: string;
  /** Values of the managed-by label that older operators set and whose objects we take over. @default [] */
  adoptedManagers?: readonly string[];
  /** Asked right before every write is sent; throws `NotLeaderError` to refuse it. @default allows everything */
  guard?: (() => void) | undefined;
  /** Told of the answer of every write, for the cache. */
  onWritten?: ((kind: Kind, object: KubernetesObject) => void) | undefined;
  /** The object as a complete, synced, untrimmed cache has it; `undefined` when it is not there or there is no such cache. */
  cached?: (<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey) => T | undefined) | undefined;
  metrics?: ClientMetrics | undefined;
  /** Aborts every call of this client. */
  signal?: AbortSignal | undefined;
  /** Repeat what may safely be repeated. @default true */
  retry?: boolean;
  /** Longest duration of one call, in milliseconds. @default 60000 */
  totalTimeoutMs?: number | undefined;
  /** Uniform in [0, 1). */
  random?: () => number;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

export interface ReadOptions extends CallOptions {
  /** Read through a subresource, for example `status`, whose rights are its own. */
  subresource?: string;
}

export interface WriteOptions extends CallOptions {
  /** Check and answer, change nothing. @default false */
  dryRun?: boolean;
}

export interface ApplyOptions<T extends KubernetesObject = KubernetesObject> extends WriteOptions {
  /** Take fields from other owners. @default false */
  force?: boolean;
  /** @default the client's */
  fieldManager?: string;
  /**
   * The object as it is now, whose UID goes with the request so that a re-created one is never hit; `absent` when it is known
   * not to exist. @default read first, unless the object applied carries a UID
   */
  live?: T | 'absent';
  /** Apply to a subresource, for example `status`. */
  subresource?: string;
}

export interface PatchOptions extends WriteOptions {
  subresource?: string;
}

export interface DeleteOptions extends WriteOptions {
  /** The object meant; another one of the same name is left alone. */
  uid: string;
  /** Only as it was read: `ConflictError` when it has changed since. @default whatever it is now */
  resourceVersion?: string | undefined;
  /** @default Background */
  propagation?: 'Background' | 'Foreground' | 'Orphan';
  gracePeriodSeconds?: number;
}

/** `deleted` = gone now, `deleting` = finalizers or a grace period hold it, `gone` = the object meant did not exist any more. */
export type DeleteResult = 'deleted' | 'deleting' | 'gone';

export interface SubresourceOptions extends CallOptions {
  /** @default GET */
  method?: HttpMethod;
  body?: unknown;
  query?: Readonly<Record<string, string | undefined>>;
  contentType?: string;
}
