/** What a run needs of the rest of the module and of the cluster, so that each of them can be another one. */
import type { Kind, KubernetesObject, ObjectKey } from '../../framework';
import type { Json } from '../json';
import type { PatchOperation } from './object-api';
import type { Target } from './outcome';

export type { PatchOperation };

/** Calls of a run. Errors: what the API server or the connection answered. */
export interface ObjectApi {
  get(kind: Kind, key: ObjectKey): Promise<KubernetesObject | undefined>;
  /** Server-side apply with force; `dryRun` changes nothing. The body is exactly the object. */
  apply(kind: Kind, object: KubernetesObject, dryRun: boolean): Promise<KubernetesObject>;
  /** JSON Patch; every use begins with a `test` of the version. */
  patch(kind: Kind, key: ObjectKey, operations: readonly PatchOperation[]): Promise<KubernetesObject>;
  /** Puts the annotation on that pauses, under a field manager of its own. */
  pause(kind: Kind, key: ObjectKey): Promise<KubernetesObject>;
}

/** Step 11. */
export interface RolloutGate {
  admit(object: KubernetesObject, live: KubernetesObject | undefined, position: number): RolloutAnswer;
  /** Told after a write of a node-level object. */
  wrote(object: KubernetesObject, before?: KubernetesObject): void;
  /** Told of an end otherwise than by waiting for the gate. @returns whether others may go on because of it. */
  ended(object: KubernetesObject): boolean;
}

export type RolloutAnswer = { readonly open: true } | { readonly open: false; readonly reason: string; readonly pool: string };

export interface EventOptions {
  /** The managed object, which is named beside the anchor and reported on as well where the reason says so. */
  readonly object?: KubernetesObject;
  /** While it stays the same nothing is told again within an hour. @default the message */
  readonly cause?: string;
}

/** Tells people. Never fails a run; transitions, repeats and limits are its own business. */
export interface RunEvents {
  normal(reason: string, key: string, message: string, options?: EventOptions): void;
  warning(reason: string, key: string, message: string, options?: EventOptions): void;
}

export interface RunCounters {
  dryRun(): void;
  applied(result: 'created' | 'changed' | 'failed'): void;
  thrashing(target: Pick<Target, 'kind' | 'namespace' | 'name'>): void;
}

/** A namespace as the cache knows it. */
export type NamespaceState = 'active' | 'absent' | 'terminating' | 'unknown';

export type SchemaSource = () => Promise<Json | undefined>;
