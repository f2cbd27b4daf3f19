/**
 * The door to dependency injection: loads reflect-metadata, then tsyringe, in the only order that works.
 *
 * Owns: what handler authors import to make classes injectable. Never: holds a container of its own.
 * A linter rule forbids importing tsyringe anywhere else.
 */
import 'reflect-metadata';
import { type DependencyContainer, Lifecycle, container as rootContainer, scoped } from 'tsyringe';

export type { DependencyContainer, InjectionToken } from 'tsyringe';
export { inject, injectable } from 'tsyringe';
export { rootContainer };

/** A container to register values of one's own in, to be given to `createOperator` as `container`. */
export function createContainer(): DependencyContainer {
  return rootContainer.createChildContainer();
}

/**
 * One instance an operator: every class of that operator which asks for it gets the same one.
 *
 * Scoped to the operator's container and not to the process, so that two operators in one process (tests) share nothing.
 */
export function singleton<T>(): (target: new (...args: never[]) => T) => void {
  return (target) => scoped(Lifecycle.ContainerScoped)(target as new (...args: unknown[]) => T);
}
