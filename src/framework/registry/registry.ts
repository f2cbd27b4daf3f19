/**
 * All handlers of an operator, checked.
 *
 * Owns: the step from classes to specs, and the checks between handlers. Never: contacts a cluster or builds an instance.
 * Invariant: a Registry exists only when nothing is wrong; otherwise one ConfigError lists every problem.
 */
import type { DependencyContainer } from '../decorators/container';
import { type HandlerClass, handlerOptionsOf, type RbacClaim } from '../decorators/handler';
import { isSource, sourceKindOf } from '../decorators/source';
import { ConfigError, type ConfigProblem } from '../errors/config-error';
import type { Kind } from '../kinds/kind';
import { claimProblems } from './claim-check';
import { classChain, mergedDeclarations, withoutReplaced } from './class-chain';
import { handlerClasses, handlerOptionProblems, sourceClasses } from './class-check';
import { clientCopyProblems, loadedClientCopies } from './client-copies';
import { compileHandler } from './compile-handler';
import { checkDependencies } from './dependencies';
import type { DaemonSpec, EventSpec, HandlerSpec, HookSpec, IndexSpec, ProbeSpec, QueuedHandlerSpec } from './handler-spec';

export interface RegistryOptions {
  readonly handlers: readonly HandlerClass[];
  /** Domain for finalizers and annotations, for example `virt-steward.io`. */
  readonly domain?: string | undefined;
  /** When given, constructor dependencies are checked against it. */
  readonly container?: DependencyContainer | undefined;
  /** Rights that handlers may claim although they are refused otherwise, as `claimProblems` writes them. @default [] */
  readonly exceptionalRights?: readonly string[] | undefined;
  /** Folders of the copies of the Kubernetes client in this process. @default what is found */
  readonly clientCopies?: readonly string[];
}

export interface DeclaredClaim extends RbacClaim {
  /** Class id of the handler that declares it. */
  readonly handler: string;
}

export interface Registry {
  /** Classes to instantiate, replaced ones left out. */
  readonly classes: readonly HandlerClass[];
  /** Classes that bring the keys of virtual kinds. */
  readonly sources: readonly HandlerClass[];
  /** In registration order. */
  readonly specs: readonly HandlerSpec[];
  readonly claims: readonly DeclaredClaim[];
}

/** @throws {ConfigError} with every problem found. */
export function buildRegistry(options: RegistryOptions): Registry {
  const { handlers, domain, container, exceptionalRights = [], clientCopies = loadedClientCopies() } = options;
  const problems: ConfigProblem[] = [];
  problems.push(...clientCopyProblems(clientCopies));
  const registered = handlerClasses(handlers, problems);
  const sources = sourceClasses(registered, problems);
  // A class may be both: bring keys and handle objects.
  const isOnlySource = (Class: HandlerClass): boolean => isSource(Class) && handlerOptionsOf(Class) === undefined;
  const decorated = registered.filter((Class) => !isOnlySource(Class) && isDecorated(Class, problems));
  const classes = withoutReplaced(decorated, problems);
  const specs: HandlerSpec[] = [];
  const claims: DeclaredClaim[] = [];
  for (const Class of classes) {
    const classId = handlerOptionsOf(Class)?.id ?? Class.name;
    problems.push(...handlerOptionProblems(Class));
    const declarations = mergedDeclarations(Class, problems);
    if (declarations.length === 0) {
      problems.push({ code: 'HANDLER_EMPTY', text: `${Class.name} has @Handler() but no decorated method` });
    }
    for (const declaration of declarations) {
      const spec = compileHandler(declaration, { Class, classId, domain, problems });
      if (spec !== undefined) specs.push(spec);
    }
    const claimed = claimsOf(Class);
    problems.push(...claimProblems(Class, claimed, exceptionalRights));
    claims.push(...claimed.map((claim) => ({ ...claim, handler: classId })));
  }
  problems.push(...idClashes(specs), ...kindClashes(specs), ...indexClashes(specs), ...sourceProblems(specs, sources));
  if (container !== undefined) problems.push(...checkDependencies([...classes, ...sources], container));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze({
    sources: Object.freeze(sources),
    classes: Object.freeze(classes),
    specs: Object.freeze(specs),
    claims: Object.freeze(claims),
  });
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
  return classChain(Class).flatMap((level) => {
    const rbac: unknown = handlerOptionsOf(level)?.rbac;
    return Array.isArray(rbac) ? (rbac as RbacClaim[]) : [];
  });
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

function indexClashes(specs: readonly HandlerSpec[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const seen = new Map<string, HandlerSpec>();
  for (const spec of specs.filter(isIndex)) {
    const id = `${spec.kind.id} ${spec.name}`;
    const other = seen.get(id);
    if (other !== undefined) {
      const text = `index ${spec.name} on ${spec.kind.kind} is declared by ${other.Class.name} and ${spec.Class.name}`;
      problems.push({ code: 'INDEX_CLASH', text });
    }
    seen.set(id, spec);
  }
  return problems;
}

/** Every virtual kind that is used has exactly one source. */
function sourceProblems(specs: readonly HandlerSpec[], sources: readonly HandlerClass[]): ConfigProblem[] {
  const used = new Map(specs.flatMap((spec) => ('kind' in spec && spec.kind.virtual ? [[spec.kind.id, spec.kind]] : [])));
  return [...used.values()].flatMap((kind) => {
    const classes = sources.filter((Class) => sourceKindOf(Class)?.id === kind.id);
    if (classes.length === 1) return [];
    const names = classes.map(({ name }) => name).join(', ');
    const count = `${classes.length} sources (${names === '' ? 'none' : names})`;
    return [{ code: 'VIRTUAL_SOURCE', text: `virtual kind ${kind.kind} has ${count}; exactly one is needed` }];
  });
}

/** Every kind the handlers name: their own, owned and mapped ones. */
export function kindsOf(spec: HandlerSpec): Kind[] {
  if (!('kind' in spec)) return [];
  if (spec.decorator !== 'Reconcile') return [spec.kind];
  const watches = typeof spec.watches === 'function' ? [] : spec.watches;
  return [spec.kind, ...spec.owns.map(({ kind }) => kind), ...watches.flatMap((watch) => (watch.type === 'mapped' ? [watch.kind] : []))];
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

const QUEUED: ReadonlySet<string> = new Set(['Reconcile', 'OnCreate', 'OnResume', 'OnUpdate', 'OnField', 'OnDelete', 'OnTimer']);

export const isQueued = (spec: HandlerSpec): spec is QueuedHandlerSpec => QUEUED.has(spec.decorator);
export const isDaemon = (spec: HandlerSpec): spec is DaemonSpec => spec.decorator === 'Daemon';
export const isIndex = (spec: HandlerSpec): spec is IndexSpec => spec.decorator === 'Index';
export const isEvent = (spec: HandlerSpec): spec is EventSpec => spec.decorator === 'OnEvent';
export const isHook = (spec: HandlerSpec): spec is HookSpec => spec.decorator === 'OnStartup' || spec.decorator === 'OnShutdown';
export const isProbe = (spec: HandlerSpec): spec is ProbeSpec => spec.decorator === 'Probe';
