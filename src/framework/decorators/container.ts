/**
 * The door to dependency injection: loads reflect-metadata, then tsyringe, in the only order that works.
 *
 * Owns: what handler authors import to make classes injectable. Never: holds a container of its own.
 * A linter rule forbids importing tsyringe anywhere else.
 */
import 'reflect-metadata';
import { type DependencyContainer, injectable, Lifecycle, container as rootContainer, scoped } from 'tsyringe';

export type { DependencyContainer, InjectionToken } from 'tsyringe';
export { inject, injectAll } from 'tsyringe';
export { injectable, rootContainer };

/** A container to register values of one's own in, to be given to `createOperator` as `container`. */
export function createContainer(): DependencyContainer {
  return rootContainer.createChildContainer();
}

/** Where tsyringe 4 keeps the tokens of `@inject(token)`, by parameter index. */
export const INJECTION_TOKENS = 'injectionTokens';

/**
 * Makes a class that has no constructor of its own injectable with the parameters of its base, tokens included; tsyringe alone
 * takes over the types only. Other classes as `injectable` does.
 */
export function injectableAsBase(target: new (...args: unknown[]) => object): void {
  const tokens: unknown = Reflect.getMetadata(INJECTION_TOKENS, target);
  const hasConstructor = Reflect.hasOwnMetadata('design:paramtypes', target);
  if (!hasConstructor && tokens !== undefined) Reflect.defineMetadata(INJECTION_TOKENS, tokens, target);
  injectable()(target);
}

/**
 * One instance an operator: every class of that operator which asks for it gets the same one.
 *
 * Scoped to the operator's container and not to the process, so that two operators in one process (tests) share nothing.
 */
export function singleton<T>(): (target: new (...args: never[]) => T) => void {
  return (target) => scoped(Lifecycle.ContainerScoped)(target as new (...args: unknown[]) => T);
}
