/** `@OnField`: when the value at one path differs from the last handled one. */
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import type { HandlerContext } from '../runtime/context';
import { anyKind, declare, type MethodDecoratorOf } from './declaration';
import type { QueuedOptions } from './options';

export interface FieldChange<T extends KubernetesObject, V = unknown> {
  readonly object: T;
  /** The value last handled; `undefined` on first sight. */
  readonly old: V | undefined;
  /** The value now; `undefined` when the field is gone. */
  readonly value: V | undefined;
}

export interface OnFieldOptions<T extends KubernetesObject> extends Omit<QueuedOptions<T>, 'field'> {
  /** Also run on first sight if the field exists, with `old: undefined`. @default true */
  initial?: boolean;
}

/**
 * Method: `(change, ctx) => Promise<void>`, idempotent. Leader only; failures are retried.
 *
 * @param path dotted, for example `spec.cpu.cores`.
 */
export function OnField<T extends KubernetesObject>(
  kind: Kind<T>,
  path: string,
  options: OnFieldOptions<T> = {},
  // biome-ignore lint/suspicious/noExplicitAny: the type of the field is the method's to state, the path is text
): MethodDecoratorOf<(change: FieldChange<T, any>, ctx: HandlerContext<T>) => void | Promise<void>> {
  return declare('OnField', anyKind(kind), { ...options, path });
}
