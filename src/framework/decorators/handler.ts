/** `@Handler`: makes a class a handler, one instance an operator. */
import type { Kind } from '../kinds/kind';
import type { OPERATOR_NAMESPACE } from '../kinds/operator-namespace';
import { HANDLER_METADATA } from './constants';
import { injectableAsBase } from './container';
import type { ClusterChoice } from './options';

/** In the order in which rules show them. The last four concern rights themselves: `use` of a policy, and what widens rights. */
export const API_VERBS = [
  ...(['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] as const),
  ...(['use', 'bind', 'escalate', 'impersonate'] as const),
] as const;
export type ApiVerb = (typeof API_VERBS)[number];

/** An API right a handler needs for calls it makes itself; what decorators need is derived from them. */
export interface RbacClaim {
  /** What is called. */
  kind: Kind;
  /** As the server's authorizer names them. */
  verbs: readonly ApiVerb[];
  /** Of the kind, for example `start`. @default the object itself */
  subresource?: string;
  /** Only these object names. */
  names?: readonly string[];
  /** Role in this namespace instead of a ClusterRole. */
  namespace?: string | typeof OPERATOR_NAMESPACE;
  /** Clusters in which the call is made. @default 'local' */
  clusters?: ClusterChoice;
  /** For the reader of the generated role: what the right is used for. */
  why: string;
}

export interface HandlerOptions {
  /** Appears in handler ids, logs and metrics: keep it stable. @default the class name */
  id?: string;
  /** Take the place of a registered base class that is a handler itself. @default true */
  replaces?: boolean;
  /** Calls that the class makes itself, beyond what its decorators imply. @default none */
  rbac?: readonly RbacClaim[];
}

export type HandlerClass = new (...args: never[]) => object;

/**
 * Registers a class as a holder of decorated methods. It becomes a singleton of the operator's container;
 * its constructor takes dependencies and does no I/O.
 */
export function Handler(options: HandlerOptions = {}): (target: HandlerClass) => void {
  return (target) => {
    injectableAsBase(target as unknown as new (...args: unknown[]) => object);
    Reflect.defineMetadata(HANDLER_METADATA, options, target);
  };
}

/** Options of the class's own `@Handler`, not of one it inherits. */
export function handlerOptionsOf(target: object): HandlerOptions | undefined {
  return Reflect.getOwnMetadata(HANDLER_METADATA, target) as HandlerOptions | undefined;
}
