/**
 * What a handler is given besides its object.
 *
 * Owns: the types handler authors see. Invariant: a context belongs to one run; using it later throws StaleContextError.
 */
import type { KubeClient } from '../client';
import type { Cluster } from '../cluster/cluster';
import type { ClusterRegistry } from '../cluster/cluster-registry';
import type { Condition, KubernetesObject, ObjectKey } from '../kinds/object';
import type { Logger } from '../logging/logger';
import type { Clock } from '../time/clock';

/**
 * Nothing = done; `requeueAfterMs` = success, look again then: never earlier, at most 5 % later, and not within 100 ms. What is no
 * finite number from 0 makes the run a failure.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a method without a return statement is a complete handler
export type ReconcileResult = { readonly requeueAfterMs: number } | undefined | void;
export type HandlerResult = ReconcileResult | Promise<ReconcileResult>;

/** Why a run happens. Several causes fold into one run. */
export type PassReason = 'added' | 'changed' | 'owned' | 'mapped' | 'cluster' | 'requeue' | 'retry' | 'timer' | 'resync' | 'leader';

/** A condition as a handler states it; the framework adds lastTransitionTime and observedGeneration. */
export type ConditionInput = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** Top-level status fields as the kind declares them, each of which may be `undefined`; any fields where it declares no status. */
export type StatusFields<T> = 'status' extends keyof T
  ? { readonly [K in keyof NonNullable<T['status']>]?: NonNullable<T['status']>[K] | undefined }
  : Readonly<Record<string, unknown>>;

/**
 * Staged status: written once, after the run returned or threw, and only if something differs.
 *
 * Both methods throw OperatorError `NO_STATUS` for a virtual kind, and for one that declares no status of ours; and TypeError for what
 * the API server would refuse in any status: a value that is no JSON, a condition whose reason is not one word.
 */
export interface StatusStage<F extends object = Readonly<Record<string, unknown>>> {
  /** Merges top-level status fields; an explicit `undefined` removes one. */
  set(fields: F): void;
  /** Merges by `type`. */
  condition(condition: ConditionInput): void;
}

/** Staged Kubernetes Events: sent after the run, never delaying or failing it. */
export interface EventStage {
  /**
   * @param about the object to report on. @default the handler's own object
   * @throws {OperatorError} `NO_EVENT_OBJECT` without one for a virtual kind.
   * @throws {TypeError} without a reason or a text.
   */
  normal(reason: string, note: string, about?: KubernetesObject): void;
  warning(reason: string, note: string, about?: KubernetesObject): void;
}

// biome-ignore lint/suspicious/noExplicitAny: a method that does not say the type of its object takes the context of any
export interface HandlerContext<T extends KubernetesObject = any> {
  readonly key: ObjectKey;
  readonly cluster: Cluster;
  /** All clusters: the local one and the remote ones that are engaged. */
  readonly clusters: ClusterRegistry;
  /** Talks to `cluster` on behalf of this run: aborts with it and remembers its own writes. */
  readonly client: KubeClient;
  /**
   * The same for another cluster: aborts with this run, and refuses writes when leadership is not held. Use it instead of
   * `Cluster.client`, which knows of neither.
   */
  clientOf(cluster: Cluster): KubeClient;
  /** Carries the object's fields in every line. */
  readonly log: Logger;
  /** Aborts when the run's time is over, leadership is lost or the process stops. */
  readonly signal: AbortSignal;
  /** 1 = first. */
  readonly attempt: number;
  readonly reasons: ReadonlySet<PassReason>;
  readonly clock: Clock;
  readonly status: StatusStage<StatusFields<T>>;
  readonly events: EventStage;
  /** Phantom: carries `T` for inference, never present at run time. */
  readonly __object?: T;
}

// biome-ignore lint/suspicious/noExplicitAny: as HandlerContext
export type ReconcileContext<T extends KubernetesObject = any> = HandlerContext<T>;

/** What a daemon gets: like a handler's context, but it lives as long as the task. */
export interface DaemonContext<T extends KubernetesObject = KubernetesObject> extends Omit<HandlerContext<T>, 'status' | 'reasons'> {
  /** The object as the cache has it now; `undefined` once it is gone. */
  latest(): T | undefined;
}

/** What process and leader hooks get. */
export interface ProcessContext {
  readonly cluster: Cluster;
  /** In leader hooks it refuses writes when leadership is not held; in process hooks it is the cluster's own. */
  readonly client: KubeClient;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}
