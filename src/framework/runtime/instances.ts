/**
 * Builds handler instances and the container they live in.
 *
 * Owns: what every handler may inject. Invariant: one instance a class and operator; two operators in a process share nothing.
 */
import { Lifecycle } from 'tsyringe';
import { type DependencyContainer, type InjectionToken, rootContainer } from '../decorators/container';
import type { HandlerClass } from '../decorators/handler';
import { ConfigError } from '../errors/config-error';
import { isOperatorError } from '../errors/operator-error';
import type { Logger } from '../logging/logger';
import type { Clock } from '../time/clock';

/** Inject with `@inject(CLOCK)`. */
export const CLOCK: InjectionToken<Clock> = Symbol('Clock');
/** Inject with `@inject(LOGGER)`. */
export const LOGGER: InjectionToken<Logger> = Symbol('Logger');

export class Instances {
  readonly container: DependencyContainer;
  private readonly built = new Map<HandlerClass, object>();

  /** @param parent container with registrations of the user's own; the operator's is a child of it. */
  constructor(parent: DependencyContainer = rootContainer) {
    this.container = parent.createChildContainer();
  }

  provide<T>(token: InjectionToken<T>, value: T): void {
    this.container.registerInstance(token, value);
  }

  /** @throws {ConfigError} naming the class whose constructor failed. */
  build(classes: readonly HandlerClass[]): void {
    for (const Class of classes) {
      const token = tokenOf(Class);
      this.container.register(token, { useClass: token }, { lifecycle: Lifecycle.ContainerScoped });
    }
    for (const Class of classes) this.built.set(Class, this.resolve(Class));
  }

  /** @throws {TypeError} for a class that was not built: a mistake of the caller. */
  of(Class: HandlerClass): object {
    const instance = this.built.get(Class);
    if (instance === undefined) throw new TypeError(`there is no instance of ${Class.name}; only classes of the registry are built`);
    return instance;
  }

  private resolve(Class: HandlerClass): object {
    try {
      return this.container.resolve(tokenOf(Class));
    } catch (error) {
      if (isOperatorError(error)) throw error;
      const cause = error instanceof Error ? error.message : String(error);
      throw new ConfigError([{ code: 'HANDLER_CONSTRUCTION', text: `${Class.name} could not be built: ${cause}` }]);
    }
  }

  /** Forgets every instance; the container is of no use afterwards. */
  dispose(): void {
    this.built.clear();
    this.container.clearInstances();
  }
}

/** tsyringe types constructors by `any` parameters; handler classes have whatever parameters they have. */
function tokenOf(Class: HandlerClass): new (...args: unknown[]) => object {
  return Class as unknown as new (
    ...args: unknown[]
  ) => object;
}
