/** Options that method decorators share, as handler authors write them. Compiled and checked by the registry. */
import type { KubernetesObject } from '../kinds/object';
import type { RetryOptions } from '../queue/backoff';
import type { Selection } from '../watch/informer-contract';

/** Matches a label or annotation that is there, whatever its value. */
export const PRESENT = Symbol('present');
/** Matches a label or annotation that is not there. */
export const ABSENT = Symbol('absent');

export type ValueFilter = string | readonly string[] | RegExp | typeof PRESENT | typeof ABSENT | ((value?: string) => boolean);

/** Clusters a handler or watch is bound to: the one the process runs in, every engaged one, both, or those whose name is accepted. */
export type ClusterChoice = 'local' | 'remotes' | 'all' | ((name: string) => boolean);

/** Which objects a handler cares about; judged on the new object. All parts must hold. */
export interface FilterOptions<T extends KubernetesObject> {
  /** Label key to what its value must be. */
  labels?: Readonly<Record<string, ValueFilter>>;
  /** Annotation key to what its value must be. */
  annotations?: Readonly<Record<string, ValueFilter>>;
  /** Dotted path(s) such as `spec.ports` that must exist; for `@OnUpdate` it must have changed as well. */
  field?: string | readonly string[];
  /** Pure. A throw counts as false. */
  when?: (object: T) => boolean;
  /** Server-side choice; handlers with the same kind and selection share one informer. */
  select?: Selection;
  /** Clusters whose objects it handles; each has a queue of its own. A function must be pure. @default 'local' */
  clusters?: ClusterChoice;
}

/** Options of handlers that run from the queue. */
export interface QueuedOptions<T extends KubernetesObject> extends FilterOptions<T> {
  /** Handler id after the dot. @default the method's name */
  id?: string;
  /** Time for one run, in milliseconds; then `ctx.signal` aborts. @default 60000 */
  timeoutMs?: number;
  /** When and how often a failed run is repeated. @default 1 s, doubling up to 5 min, without end */
  retry?: RetryOptions;
}
