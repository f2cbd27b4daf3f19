/**
 * What a method decorator leaves behind, and the one factory that makes all method decorators.
 *
 * Owns: recording. Never: judges options or kinds; the registry does, so that all mistakes are reported together at start.
 * Invariant: declarations are stored on the class that was decorated; inheritance is resolved by the registry.
 */
import 'reflect-metadata';
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import { DECLARATIONS_METADATA } from './constants';

export type DecoratorName =
  | 'Reconcile'
  | 'OnCreate'
  | 'OnResume'
  | 'OnUpdate'
  | 'OnField'
  | 'OnDelete'
  | 'OnTimer'
  | 'Daemon'
  | 'OnEvent'
  | 'Index'
  | 'OnStartup'
  | 'OnShutdown'
  | 'Probe';

/** One decoration of one method. */
export interface Declaration {
  readonly decorator: DecoratorName;
  readonly method: string;
  /** Absent for life-cycle decorators; absent by mistake for the others (a circular import). */
  readonly kind: Kind | undefined;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A decorator that only fits methods of the given signature, or of one that takes fewer parameters. */
export type MethodDecoratorOf<F> = <M extends F>(target: object, method: string, descriptor: TypedPropertyDescriptor<M>) => void;

/** Makes a method decorator that records a declaration. @throws {TypeError} on a static method: there is no instance to call. */
export function declare<F>(decorator: DecoratorName, kind: Kind | undefined, options: object): MethodDecoratorOf<F> {
  return (target, method) => {
    if (typeof target === 'function') throw new TypeError(`@${decorator} on ${target.name}.${method}: static; allowed: instance methods`);
    const declarations = declarationsOf(target.constructor);
    declarations.push({ decorator, method, kind, options: { ...options } });
    Reflect.defineMetadata(DECLARATIONS_METADATA, declarations, target.constructor);
  };
}

/** Declarations made in this class itself, in source order. */
export function declarationsOf(target: object): Declaration[] {
  return (Reflect.getOwnMetadata(DECLARATIONS_METADATA, target) as Declaration[] | undefined) ?? [];
}

/** Erases the object type where the framework only needs to know that it is a kind. */
export function anyKind<T extends KubernetesObject>(kind: Kind<T>): Kind {
  return kind as unknown as Kind;
}
