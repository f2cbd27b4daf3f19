/** `@OnCreate`: once per object, at least. */
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import type { HandlerContext } from '../runtime/context';
import { anyKind, declare, type MethodDecoratorOf } from './declaration';
import type { QueuedOptions } from './options';

export interface OnCreateOptions<T extends KubernetesObject> extends QueuedOptions<T> {
  /**
   * What proves after a restart that an object was handled. `status`: `status.observedGeneration` (only if the kind has it);
   * `annotation`: `<domain>/handled-by`, written after success; `none`: objects already present never count as created.
   * Required for kinds without observedGeneration. @default 'status'
   */
  remember?: 'status' | 'annotation' | 'none';
}

/** Method: `(object, ctx) => Promise<void>`, idempotent. Leader only; failures are retried. */
export function OnCreate<T extends KubernetesObject>(
  kind: Kind<T>,
  options: OnCreateOptions<T> = {},
): MethodDecoratorOf<(object: T, ctx: HandlerContext<T>) => void | Promise<void>> {
  return declare('OnCreate', anyKind(kind), options);
}
