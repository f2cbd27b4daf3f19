/** `@OnEvent`: inline on every store change, on every replica, in memory only. */
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import type { ResourceEvent } from '../watch/resource-event';
import { anyKind, declare, type MethodDecoratorOf } from './declaration';
import type { FilterOptions } from './options';

export interface OnEventOptions<T extends KubernetesObject> extends FilterOptions<T> {
  /** Handler id after the dot. @default the method's name */
  id?: string;
}

/** Method: `(event) => void`, synchronous, in order per object. A throw is logged and counted, never retried. */
export function OnEvent<T extends KubernetesObject>(
  kind: Kind<T>,
  options: OnEventOptions<T> = {},
): MethodDecoratorOf<(event: ResourceEvent<T>) => void> {
  return declare('OnEvent', anyKind(kind), options);
}
