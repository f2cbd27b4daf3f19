/** `@OnDelete`: clean-up while the object is Terminating, held open by a finalizer. */
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import type { HandlerContext, HandlerResult } from '../runtime/context';
import { anyKind, declare, type MethodDecoratorOf } from './declaration';
import type { QueuedOptions } from './options';

export interface OnDeleteOptions<T extends KubernetesObject> extends QueuedOptions<T> {
  /** `<domain>/<name>`. Handlers that share it all have to succeed before it is taken off. @default <domain>/cleanup */
  finalizer?: string;
  /** No finalizer: best effort once the object is gone, at most 5 attempts. @default false */
  optional?: boolean;
  /** Give up after the object has been Terminating this long, in milliseconds; 0 = never. @default 0 */
  deadlineMs?: number;
}

/** Method: `(object, ctx) => Promise<void | { requeueAfterMs }>`; a requeue means not finished, the finalizer stays. */
export function OnDelete<T extends KubernetesObject>(
  kind: Kind<T>,
  options: OnDeleteOptions<T> = {},
): MethodDecoratorOf<(object: T, ctx: HandlerContext<T>) => HandlerResult> {
  return declare('OnDelete', anyKind(kind), options);
}
