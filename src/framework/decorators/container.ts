/**
 * The door to dependency injection: loads reflect-metadata, then tsyringe, in the only order that works.
 *
 * Owns: what handler authors import to make classes injectable. Never: holds a container of its own.
 * A linter rule forbids importing tsyringe anywhere else.
 */
import 'reflect-metadata';
import { Lifecycle, scoped } from 'tsyringe';

export type { DependencyContainer, InjectionToken } from 'tsyringe';
export { container as rootContainer, inject, injectable } from 'tsyringe';

/**
 * One instance an operator: every class of that operator which asks for it gets the same one.
 *
 * Scoped to the operator's container and not to the process, so that two operators in one process (tests) share nothing.
 */
export function singleton<T>(): (target: new (...args: never[]) => T) => void {
  return (target) => scoped(Lifecycle.ContainerScoped)(target as new (...args: unknown[]) => T);
}
