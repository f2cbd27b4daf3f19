/** `@Reconcile`: the level-based form, called whenever the object or something it depends on changed. */
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import { asKind, type VirtualKind } from '../kinds/virtual-kind';
import type { HandlerResult, ReconcileContext } from '../runtime/context';
import { declare, type MethodDecoratorOf } from './declaration';
import type { QueuedOptions } from './options';
import type { OwnedWatch, Watch, WatchesFunction } from './watches';

export interface ReconcileOptions<T extends KubernetesObject> extends QueuedOptions<T> {
  /** Child kinds: a change of a child enqueues its controller owner, matched by group, kind, name and UID. */
  owns?: readonly (Kind | OwnedWatch)[];
  /** A function is asked once, at start, and may use what the container holds. */
  watches?: readonly Watch[] | WatchesFunction;
  /**
   * Which changes of the object itself enqueue it. `spec`: generation, labels, annotations, finalizers, ownerReferences or
   * deletionTimestamp differ; kinds without generation behave as `any`. @default 'spec'
   */
  changed?: 'spec' | 'any' | ((now: T, old: T) => boolean);
  /** Workers of the kind's queue; the largest value named by any handler of the kind counts. @default 4 */
  concurrency?: number;
  /** Also run while the object is Terminating. @default false */
  whileDeleting?: boolean;
  /** Low-priority run without a cause, in milliseconds (plus or minus 10 %); 0 = off. @default 36000000 */
  resyncMs?: number;
  /** Shortest time between two starts for one object, in milliseconds. @default 0 */
  minIntervalMs?: number;
  /** What a failed run writes on the object. @default { condition: 'Ready', event: true } for kinds with conditions */
  failure?: { condition?: string | false; event?: boolean };
}

/** Options that make sense for keys without an object. */
export interface VirtualReconcileOptions<T extends object>
  extends Pick<
    ReconcileOptions<KubernetesObject>,
    'id' | 'timeoutMs' | 'retry' | 'clusters' | 'watches' | 'concurrency' | 'resyncMs' | 'minIntervalMs'
  > {
  /** The object on which a failure is reported by an Event; without one it is only logged and counted. */
  failure?: { about: (virtual: T) => KubernetesObject | undefined };
}

/** Method: `(object, ctx) => Promise<ReconcileResult>`. Leader only; failures are retried. */
export function Reconcile<T extends KubernetesObject>(
  kind: Kind<T>,
  options?: ReconcileOptions<T>,
): MethodDecoratorOf<(object: T, ctx: ReconcileContext<T>) => HandlerResult>;
export function Reconcile<T extends object>(
  kind: VirtualKind<T>,
  options?: VirtualReconcileOptions<T>,
): MethodDecoratorOf<(object: T, ctx: ReconcileContext) => HandlerResult>;
export function Reconcile(kind: Kind | VirtualKind<object>, options: object = {}): MethodDecoratorOf<never> {
  return declare('Reconcile', kind === undefined ? undefined : asKind(kind), options);
}
