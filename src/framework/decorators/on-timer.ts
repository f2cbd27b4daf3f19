/** `@OnTimer`: periodically, for each object, in the object's place in the queue. */
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import { asKind, type VirtualKind } from '../kinds/virtual-kind';
import type { HandlerContext } from '../runtime/context';
import { declare, type MethodDecoratorOf } from './declaration';
import type { QueuedOptions } from './options';

export interface TimerOptions {
  /** Milliseconds from the end of one run to the start of the next; at least 1000. */
  intervalMs: number;
  /** Before the first run, in milliseconds, plus up to 10 % of the interval. @default 0 */
  initialDelayMs?: number;
  /** Run only when the object has not changed for this long, in milliseconds. @default 0 */
  idleMs?: number;
  /** Count the interval from the start of a run instead of its end; missed beats are skipped. @default false */
  sharp?: boolean;
}

export interface OnTimerOptions<T extends KubernetesObject> extends QueuedOptions<T>, TimerOptions {}

/** Method: `(object, ctx) => Promise<void>`. Leader only; a failure is retried by the retry rule. */
export function OnTimer<T extends KubernetesObject>(
  kind: Kind<T>,
  options: OnTimerOptions<T>,
): MethodDecoratorOf<(object: T, ctx: HandlerContext<T>) => void | Promise<void>>;
export function OnTimer<T extends object>(
  kind: VirtualKind<T>,
  options: TimerOptions & Pick<QueuedOptions<KubernetesObject>, 'id' | 'timeoutMs' | 'retry' | 'clusters'>,
): MethodDecoratorOf<(object: T, ctx: HandlerContext) => void | Promise<void>>;
export function OnTimer(kind: Kind | VirtualKind<object>, options: object): MethodDecoratorOf<never> {
  return declare('OnTimer', kind === undefined ? undefined : asKind(kind), options);
}
