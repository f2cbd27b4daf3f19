/** `@Source`: makes a class the one that brings the keys of a virtual kind. */

import type { Kind } from '../kinds/kind';
import { asKind, type KeySource, type VirtualKind } from '../kinds/virtual-kind';
import { SOURCE_METADATA } from './constants';
import { injectableAsBase } from './container';
import type { HandlerClass } from './handler';

/** Pass the class to `createOperator` among the handlers; it becomes a singleton of the operator's container. */
export function Source<T extends object>(kind: VirtualKind<T>): (target: new (...args: never[]) => KeySource<T>) => void {
  return (target) => {
    injectableAsBase(target as unknown as new (...args: unknown[]) => object);
    Reflect.defineMetadata(SOURCE_METADATA, asKind(kind), target);
  };
}

/** Whether it was decorated, with whatever. */
export function isSource(target: HandlerClass): boolean {
  return Reflect.hasOwnMetadata(SOURCE_METADATA, target);
}

/** The virtual kind that a class is the source of. */
export function sourceKindOf(target: HandlerClass): Kind | undefined {
  return Reflect.getOwnMetadata(SOURCE_METADATA, target) as Kind | undefined;
}
