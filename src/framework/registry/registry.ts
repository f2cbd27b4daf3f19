/**
 * All handlers of an operator, checked.
 *
 * Owns: the step from classes to specs, and the checks between handlers. Never: contacts a cluster or builds an instance.
 * Invariant: a Registry exists only when nothing is wrong; otherwise one ConfigError lists every problem.
 */
import type { DependencyContainer } from '../decorators/container';
import { type HandlerClass, handlerOptionsOf, type RbacClaim } from '../decorators/handler';
import { ConfigError, type ConfigProblem } from '../errors/config-error';
import type { Kind } from '../kinds/kind';
import { classChain, mergedDeclarations, withoutReplaced } from './class-chain';
import { compileHandler } from './compile-handler';
import { checkDependencies } from './dependencies';
import type { EventSpec, HandlerSpec, HookSpec, ProbeSpec, QueuedHandlerSpec } from './handler-spec';

export interface RegistryOptions {
  readonly handlers: readonly HandlerClass[];
  /** Domain for finalizers and annotations, for example `virt-steward.io`. */
  readonly domain?: string | undefined;
  /** When given, constructor dependencies are checked against it. */
  readonly container?: DependencyContainer | undefined;
}

export interface DeclaredClaim extends RbacClaim {
  /** Class id of the handler that declares it. */
  readonly handler: string;
}

export interface Registry {
  /** Classes to instantiate, replaced ones left out. */
  readonly classes: readonly HandlerClass[];
  /** In registration order. */
  readonly specs: readonly HandlerSpec[];
  readonly claims: readonly DeclaredClaim[];
}

/** @throws {ConfigError} with every problem found. */
export function buildRegistry({ handlers, domain, container }: RegistryOptions): Registry {
  const problems: ConfigProblem[] = [];
  const decorated = handlers.filter((Class) => isDecorated(Class, problems));
  const classes = withoutReplaced(decorated, problems);
  const specs: HandlerSpec[] = [];
  const claims: DeclaredClaim[] = [];
  for (const Class of classes) {
    const classId = handlerOptionsOf(Class)?.id ?? Class.name;
    const declarations = mergedDeclarations(Class, problems);
    if (declarations.length === 0) {
      problems.push({ code: 'HANDLER_EMPTY', text: `${Class.name} has @Handler() but no decorated method` });
    }
    for (const declaration of declarations) {
      const spec = compileHandler(declaration, { Class, classId, domain, problems });
      if (spec !== undefined) specs.push(spec);
    }
    claims.push(...claimsOf(Class).map((claim) => ({ ...claim, handler: classId })));
  }
  problems.push(...idClashes(specs), ...kindClashes(specs));
  if (container !== undefined) problems.push(...checkDependencies(classes, container));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze({ classes: Object.freeze(classes), specs: Object.freeze(specs), claims: Object.freeze(claims) });
}

function isDecorated(Class: HandlerClass, problems: ConfigProblem[]): boolean {
  if (handlerOptionsOf(Class) !== undefined) return true;
  problems.push({
    code: 'HANDLER_NOT_DECORATED',
    text: `${Class.name} is registered as a handler but has no @Handler(); add it, else its constructor gets undefined dependencies`,
  });
  return false;
}

/** A subclass needs what its base needs, whether or not the base is registered. */
function claimsOf(Class: HandlerClass): RbacClaim[] {
  return classChain(Class).flatMap((level) => handlerOptionsOf(level)?.rbac ?? []);
}

function idClashes(specs: readonly HandlerSpec[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const seen = new Map<string, HandlerSpec>();
  for (const spec of specs) {
    // One method may carry several decorators; they share its id.
    const other = seen.get(spec.id);
    if (other !== undefined && (other.Class !== spec.Class || other.method !== spec.method)) {
      const places = `${other.Class.name}.${other.method} and ${spec.Class.name}.${spec.method}`;
      problems.push({ code: 'HANDLER_ID_CLASH', text: `handler id ${spec.id} is used by ${places}; set a different id on one of them` });
    }
    seen.set(spec.id, spec);
  }
  return problems;
}

/** Every kind the handlers name: their own, owned and mapped ones. */
export function kindsOf(spec: HandlerSpec): Kind[] {
  if (!('kind' in spec)) return [];
  if (spec.decorator !== 'Reconcile') return [spec.kind];
  return [spec.kind, ...spec.owns.map(({ kind }) => kind), ...spec.watches.map(({ kind }) => kind)];
}

function kindClashes(specs: readonly HandlerSpec[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const seen = new Map<string, Kind>();
  for (const kind of specs.flatMap(kindsOf)) {
    const name = `${kind.kind}.${kind.group}`;
    const other = seen.get(name);
    if (other === undefined) seen.set(name, kind);
    else if (other !== kind) problems.push(...differences(name, other, kind));
  }
  return problems;
}

function differences(name: string, a: Kind, b: Kind): ConfigProblem[] {
  const fields = ['apiVersion', 'plural', 'scope', 'optional', 'status', 'observedGeneration', 'conditions', 'sensitive'] as const;
  return fields
    .filter((field) => a[field] !== b[field])
    .map((field) => ({ code: 'KIND_CLASH', text: `kind ${name} is defined twice with different ${field}: ${a[field]} and ${b[field]}` }));
}

export const isQueued = (spec: HandlerSpec): spec is QueuedHandlerSpec =>
  spec.decorator === 'Reconcile' || spec.decorator === 'OnCreate' || spec.decorator === 'OnUpdate' || spec.decorator === 'OnDelete';
export const isEvent = (spec: HandlerSpec): spec is EventSpec => spec.decorator === 'OnEvent';
export const isHook = (spec: HandlerSpec): spec is HookSpec => spec.decorator === 'OnStartup' || spec.decorator === 'OnShutdown';
export const isProbe = (spec: HandlerSpec): spec is ProbeSpec => spec.decorator === 'Probe';
