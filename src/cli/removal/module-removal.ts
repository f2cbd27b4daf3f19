/** What a module tells of the things that its manager has made, for the time when there is no manager any more. */
import type { Kind, KubeClient, KubernetesObject } from '../../framework';

export interface NamedThing {
  readonly kind: Kind;
  /** In the manager's namespace. */
  readonly name: string;
}

export interface ModuleRemoval {
  /** Deleted when they carry the label of this operator. */
  readonly made: readonly NamedThing[];
  /** Told and left: a later installation takes them up again. */
  readonly kept: readonly (NamedThing & { readonly why: string })[];
  /** Their definitions and objects stay. */
  readonly ownKinds: readonly Kind[];
  /** That a manager puts on those objects: without one they cannot be deleted. */
  readonly finalizers?: readonly string[];
  /** Of those objects, whether this operator looks after it: others use the same finalizers. @default all of them */
  readonly isOurs?: (object: KubernetesObject) => boolean;
  /** What runs on nodes: deleted with its pods. */
  readonly workload?: {
    readonly kind: Kind;
    /** Those that are provably ours. */
    ours(client: Pick<KubeClient, 'list'>, namespace: string): Promise<readonly KubernetesObject[]>;
  };
}
