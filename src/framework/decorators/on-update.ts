/** `@OnUpdate`: after a change against the last state this handler succeeded with. */
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import type { HandlerContext } from '../runtime/context';
import type { Change } from '../runtime/diff';
import { anyKind, declare, type MethodDecoratorOf } from './declaration';
import type { QueuedOptions } from './options';

export interface Update<T extends KubernetesObject> {
  readonly object: T;
  /** The state this handler last succeeded with; `undefined` once after a restart for objects changed meanwhile. */
  readonly old: T | undefined;
  /** Several changes may be folded into one. Time stamps and managedFields are left out. */
  readonly diff: readonly Change[];
}

/** Method: `(update, ctx) => Promise<void>`, idempotent. Leader only; failures are retried. */
export function OnUpdate<T extends KubernetesObject>(
  kind: Kind<T>,
  options: QueuedOptions<T> = {},
): MethodDecoratorOf<(update: Update<T>, ctx: HandlerContext<T>) => void | Promise<void>> {
  return declare('OnUpdate', anyKind(kind), options);
}
