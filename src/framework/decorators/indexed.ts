/** `@Index`: files cached objects under keys, so that they can be found without a search. */
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import type { Selection } from '../watch/informer-contract';
import { anyKind, declare, type MethodDecoratorOf } from './declaration';
import type { ClusterChoice } from './options';

export interface IndexOptions {
  /** Server-side choice of the objects it files. @default all */
  select?: Selection;
  /** Clusters whose objects it files. @default 'local' */
  clusters?: ClusterChoice;
}

/**
 * Method: `(object) => key, keys or nothing`, pure and synchronous. A throw leaves the object out of this index.
 * Read with `cluster.store(kind).by(name, key)`.
 */
export function Index<T extends KubernetesObject>(
  kind: Kind<T>,
  name: string,
  options: IndexOptions = {},
): MethodDecoratorOf<(object: T) => string | readonly string[] | undefined> {
  return declare('Index', anyKind(kind), { ...options, name });
}
