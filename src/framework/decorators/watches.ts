/**
 * Watches beside a handler's own kind: children it owns and objects that map to its keys.
 *
 * Owns: the values handed to `@Reconcile({ owns, watches })`. Never: watches anything itself.
 */
import type { Cluster } from '../cluster/cluster';
import type { Kind } from '../kinds/kind';
import type { KubernetesObject, ObjectKey } from '../kinds/object';
import type { Selection } from '../watch/informer-contract';
import type { InjectionToken } from './container';
import { anyKind } from './declaration';
import type { ClusterChoice } from './options';

/** A mapping function returns this to enqueue every key of the primary store. */
export const ALL = Symbol('all keys');

export interface OwnedWatch {
  readonly type: 'owned';
  readonly kind: Kind;
  readonly select: Selection | undefined;
  /** Also enqueue owners that are not the controller. */
  readonly anyOwner: boolean;
}

export interface MappedWatch {
  readonly type: 'mapped';
  readonly kind: Kind;
  readonly select: Selection | undefined;
  readonly map: (object: KubernetesObject, source: { cluster: string }) => Iterable<ObjectKey> | typeof ALL;
  readonly when: ((now: KubernetesObject, old: KubernetesObject | undefined) => boolean) | undefined;
  /** `undefined` = the cluster of the handler. */
  readonly clusters: ClusterChoice | undefined;
}

export interface ClusterWatch {
  readonly type: 'clusters';
  readonly map: (cluster: Cluster) => Iterable<ObjectKey> | typeof ALL;
}

/** What `@Reconcile({ watches })` takes. */
export type Watch = MappedWatch | ClusterWatch;

/** Decides on watches at start, with access to the operator's container. */
export type WatchesFunction = (get: <T>(token: InjectionToken<T>) => T) => readonly Watch[];

/** A child kind with options; a bare kind in `owns` is the same without. */
export function owned<T extends KubernetesObject>(
  kind: Kind<T>,
  { select, anyOwner = false }: { select?: Selection; anyOwner?: boolean } = {},
): OwnedWatch {
  return { type: 'owned', kind: anyKind(kind), select, anyOwner };
}

/**
 * Enqueues what `map` returns whenever an object of `kind` changes.
 *
 * @param map pure; called for the old and the new object of an update, the union of both is enqueued. Keys that are not in the
 * primary store are dropped.
 * @param clusters where the objects are, if not in the cluster of the handler; `map` is told the name.
 * @param when pure; a change for which it returns false enqueues nothing. @default every change
 */
export function mapped<T extends KubernetesObject>(
  kind: Kind<T>,
  map: (object: T, source: { cluster: string }) => Iterable<ObjectKey> | typeof ALL,
  { select, when, clusters }: { select?: Selection; when?: (now: T, old: T | undefined) => boolean; clusters?: ClusterChoice } = {},
): MappedWatch {
  return {
    type: 'mapped',
    kind: anyKind(kind),
    select,
    map: map as MappedWatch['map'],
    when: when as MappedWatch['when'],
    clusters,
  };
}

/**
 * Enqueues what `map` returns, in the low lane, whenever a remote cluster was engaged or disengaged, is lost (it does not answer, refuses
 * our credential, or its kubeconfig is refused), or works again.
 *
 * @param map pure; keys that are not in the primary store are dropped.
 */
export function clusterChanges(map: (cluster: Cluster) => Iterable<ObjectKey> | typeof ALL): ClusterWatch {
  return { type: 'clusters', map };
}
