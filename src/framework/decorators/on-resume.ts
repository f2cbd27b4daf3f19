/** `@OnResume`: once per object and process start (or leadership), for objects that `@OnCreate` did not claim. */
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import type { HandlerContext } from '../runtime/context';
import { anyKind, declare, type MethodDecoratorOf } from './declaration';
import type { QueuedOptions } from './options';

/** Method: `(object, ctx) => Promise<void>`, idempotent. Leader only; failures are retried. */
export function OnResume<T extends KubernetesObject>(
  kind: Kind<T>,
  options: QueuedOptions<T> = {},
): MethodDecoratorOf<(object: T, ctx: HandlerContext<T>) => void | Promise<void>> {
  return declare('OnResume', anyKind(kind), options);
}
