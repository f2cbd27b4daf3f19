/** `@Daemon`: one long-running task for each object, beside the queue. */
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import type { RetryOptions } from '../queue/backoff';
import type { DaemonContext } from '../runtime/context';
import { anyKind, declare, type MethodDecoratorOf } from './declaration';
import type { FilterOptions } from './options';

export interface DaemonOptions<T extends KubernetesObject> extends FilterOptions<T> {
  /** Handler id after the dot. @default the method's name */
  id?: string;
  /** Before the first start, in milliseconds. @default 0 */
  initialDelayMs?: number;
  /** Time to end after the signal aborted, in milliseconds; then it is abandoned and counted. @default 10000 */
  stopMs?: number;
  /** Tasks of this handler at the same time; further objects wait. @default 1000 */
  maxRunning?: number;
  /** Delays between restarts after a throw; the count starts anew after a minute of life. */
  retry?: RetryOptions;
}

/**
 * Method: `(object, ctx) => Promise<void>`, runs until `ctx.signal` aborts: the object is gone or stops matching, leadership is lost,
 * or the process stops. A throw restarts it; a normal return ends it until the object's generation changes.
 */
export function Daemon<T extends KubernetesObject>(
  kind: Kind<T>,
  options: DaemonOptions<T> = {},
): MethodDecoratorOf<(object: T, ctx: DaemonContext<T>) => Promise<void>> {
  return declare('Daemon', anyKind(kind), options);
}
