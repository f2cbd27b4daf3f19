/**
 * Turns one declaration into the spec the runtime works from.
 *
 * Owns: defaults and ranges of every decorator. Never: compares handlers with one another (see validate.ts).
 * Source of the numbers: docs/reference of each decorator option.
 */
import type { Declaration, DecoratorName } from '../decorators/declaration';
import type { HandlerClass } from '../decorators/handler';
import type { ClusterChoice } from '../decorators/options';
import type { ConfigProblem } from '../errors/config-error';
import { isKind, type Kind } from '../kinds/kind';
import { type CompiledRetryOptions, compileRetryOptions, type RetryOptions } from '../queue/backoff';
import { QUALIFIED_NAME } from '../watch/selector-syntax';
import { compileClusters, compileFilters, compileSelection } from './compile-selection';
import { compileOwns, compileWatches, noKind } from './compile-watches';
import type { DaemonSpec, HandlerSpec, ReconcileSpec, TimerSpec } from './handler-spec';
import { OptionCheck } from './option-check';

/** setTimeout of every JavaScript engine takes a signed 32-bit number of milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const TEN_HOURS_MS = 36_000_000;
/** A timer that fires more often than this belongs into a daemon. */
const SHORTEST_INTERVAL_MS = 1_000;

const RETRY = ['initialMs', 'factor', 'maxMs', 'jitter', 'maxAttempts'] as const satisfies readonly (keyof RetryOptions)[];
const FILTERS = ['labels', 'annotations', 'field', 'when', 'select', 'clusters', 'id'] as const;
const QUEUED = [...FILTERS, 'timeoutMs', 'retry'] as const;
const ALLOWED: Readonly<Record<DecoratorName, readonly string[]>> = {
  Reconcile: [...QUEUED, 'owns', 'watches', 'changed', 'concurrency', 'whileDeleting', 'resyncMs', 'minIntervalMs', 'failure'],
  OnCreate: [...QUEUED, 'remember'],
  OnResume: QUEUED,
  OnUpdate: QUEUED,
  OnField: [...QUEUED.filter((name) => name !== 'field'), 'path', 'initial'],
  OnTimer: [...QUEUED, 'intervalMs', 'initialDelayMs', 'idleMs', 'sharp'],
  Daemon: [...FILTERS, 'initialDelayMs', 'stopMs', 'maxRunning', 'retry'],
  Index: ['name', 'select', 'clusters'],
  OnDelete: [...QUEUED, 'finalizer', 'optional', 'deadlineMs'],
  OnEvent: FILTERS,
  OnStartup: ['phase', 'order', 'timeoutMs'],
  OnShutdown: ['phase', 'order', 'timeoutMs'],
  Probe: ['name', 'of', 'timeoutMs'],
};

export interface CompileContext {
  readonly Class: HandlerClass;
  readonly classId: string;
  /** Domain for finalizers and annotations without a name of their own. */
  readonly domain: string | undefined;
  readonly problems: ConfigProblem[];
}

/** @returns `undefined` when a mistake makes the declaration unusable; the mistake is in `problems`. */
export function compileHandler(declaration: Declaration, context: CompileContext): HandlerSpec | undefined {
  const check = new OptionCheck(context.Class, declaration, context.problems);
  check.allowOnly(ALLOWED[declaration.decorator]);
  checkSynchronous(check, context.Class);
  const base = {
    id: `${context.classId}.${check.name('id', declaration.method)}`,
    Class: context.Class,
    method: declaration.method,
  };
  switch (declaration.decorator) {
    case 'OnStartup':
    case 'OnShutdown':
      return {
        ...base,
        decorator: declaration.decorator,
        phase: check.choice('phase', 'process', ['process', 'leader']),
        order: check.number('order', 100, Number.NEGATIVE_INFINITY),
        timeoutMs: check.number('timeoutMs', declaration.decorator === 'OnStartup' ? 60_000 : 10_000, 1, MAX_TIMER_MS),
      };
    case 'Probe':
      return {
        ...base,
        decorator: 'Probe',
        name: check.name('name'),
        of: check.choice('of', 'readiness', ['readiness', 'liveness', 'both']),
        timeoutMs: check.number('timeoutMs', 1_000, 1, MAX_TIMER_MS),
      };
    default:
      return isKind(declaration.kind) ? compileKindHandler(declaration.kind, base, check, context) : kindMissing(check);
  }
}

function kindMissing(check: OptionCheck): undefined {
  check.problem('KIND_MISSING', noKind(`@${check.declaration.decorator}`));
}

/** The compiler refuses most of them; untyped code and a method said to return nothing it cannot. */
function checkSynchronous(check: OptionCheck, { prototype }: HandlerClass): void {
  const { decorator, method } = check.declaration;
  if (decorator !== 'OnEvent' && decorator !== 'Index') return;
  const found = (prototype as Record<string, unknown>)[method];
  if (typeof found !== 'function' || !found.constructor.name.startsWith('Async')) return;
  const remedy = decorator === 'Index' ? 'make it synchronous' : 'make it synchronous, or use @Reconcile';
  check.problem('INLINE_ASYNC', `@${decorator} is called inline and waits for nothing, but the method is async; ${remedy}`);
}

type FailureSubject = NonNullable<ReconcileSpec['failure']['about']>;
type Base = Pick<ReconcileSpec, 'id' | 'Class' | 'method'>;

function compileKindHandler(kind: Kind, base: Base, check: OptionCheck, context: CompileContext): HandlerSpec | undefined {
  const { decorator } = check.declaration;
  if (kind.virtual && decorator !== 'Reconcile' && decorator !== 'OnTimer') {
    const text = `@${decorator} cannot be used on the virtual kind ${kind.kind}; allowed: @Reconcile, @OnTimer`;
    check.problem('VIRTUAL_DECORATOR', text);
    return undefined;
  }
  const select = compileSelection(kind, check);
  const clusters = compileClusters(check.value<ClusterChoice>('clusters'), check);
  if (decorator === 'Index') return { ...base, kind, clusters, select, decorator, name: check.name('name') };
  const common = { ...base, kind, clusters, select, filters: compileFilters(check) };
  if (decorator === 'OnEvent') return { ...common, decorator };
  if (decorator === 'Daemon') return { ...common, decorator, retry: compileRetry(check), ...compileDaemon(check) };
  const queued = { ...common, timeoutMs: check.number('timeoutMs', 60_000, 1, MAX_TIMER_MS), retry: compileRetry(check) };
  switch (decorator) {
    case 'OnCreate':
      return { ...queued, decorator: 'OnCreate', remember: compileRemember(kind, check) };
    case 'OnDelete':
      return {
        ...queued,
        decorator: 'OnDelete',
        finalizer: compileFinalizer(check, context),
        deadlineMs: check.number('deadlineMs', 0, 0),
      };
    case 'Reconcile':
      return { ...queued, ...compileReconcile(kind, check) };
    case 'OnField':
      return { ...queued, decorator, path: check.paths('path')[0] ?? [], initial: check.boolean('initial', true) };
    case 'OnTimer':
      return { ...queued, decorator, ...compileTimer(check) };
    case 'OnResume':
      return { ...queued, decorator };
    default:
      return { ...queued, decorator: 'OnUpdate' };
  }
}

function compileDaemon(check: OptionCheck): Pick<DaemonSpec, 'initialDelayMs' | 'stopMs' | 'maxRunning'> {
  return {
    initialDelayMs: check.number('initialDelayMs', 0, 0, MAX_TIMER_MS),
    stopMs: check.number('stopMs', 10_000, 0, MAX_TIMER_MS),
    maxRunning: check.wholeNumber('maxRunning', 1_000, 1),
  };
}

function compileTimer(check: OptionCheck): Pick<TimerSpec, 'intervalMs' | 'initialDelayMs' | 'idleMs' | 'sharp'> {
  if (check.value('intervalMs') === undefined) check.range('intervalMs', undefined, `numbers from ${SHORTEST_INTERVAL_MS}`);
  return {
    intervalMs: check.number('intervalMs', SHORTEST_INTERVAL_MS, SHORTEST_INTERVAL_MS, MAX_TIMER_MS),
    initialDelayMs: check.number('initialDelayMs', 0, 0, MAX_TIMER_MS),
    idleMs: check.number('idleMs', 0, 0, MAX_TIMER_MS),
    sharp: check.boolean('sharp', false),
  };
}

/** Every mistake in it, although what judges the numbers stops at the first. */
function compileRetry(check: OptionCheck): CompiledRetryOptions {
  const retry = check.nested('retry', RETRY);
  if (retry === undefined) return compileRetryOptions();
  const given: RetryOptions = {};
  for (const name of RETRY) {
    const value = retry.value<unknown>(name);
    if (typeof value === 'number') given[name] = value;
    else if (value !== undefined) retry.range(name, value, 'numbers');
  }
  const { initialMs, maxMs, ...others } = given;
  const delays = { ...(initialMs === undefined ? {} : { initialMs }), ...(maxMs === undefined ? {} : { maxMs }) };
  const parts: RetryOptions[] = [delays, ...Object.entries(others).map(([name, value]) => ({ [name]: value }))];
  const mistakes = parts.flatMap((part) => rangeMistake(() => compileRetryOptions(part)) ?? []);
  for (const mistake of mistakes) check.problem('OPTION_RANGE', mistake);
  return compileRetryOptions(mistakes.length === 0 ? given : {});
}

function rangeMistake(compile: () => unknown): string | undefined {
  try {
    compile();
    return undefined;
  } catch (error) {
    return (error as RangeError).message;
  }
}

function compileRemember(kind: Kind, check: OptionCheck): 'status' | 'annotation' | 'none' {
  const remember = check.choice('remember', 'status', ['status', 'annotation', 'none']);
  if (remember === 'status' && !kind.observedGeneration) {
    const text = `@OnCreate(${kind.kind}) needs remember: 'annotation' or 'none' because the kind has no observedGeneration`;
    check.problem('REMEMBER_REQUIRED', text);
  }
  return remember;
}

function compileFinalizer(check: OptionCheck, { domain }: CompileContext): string | undefined {
  if (check.boolean('optional', false)) return undefined;
  const finalizer = check.value<string>('finalizer') ?? (domain === undefined ? undefined : `${domain}/cleanup`);
  if (finalizer === undefined) {
    check.problem('FINALIZER_DOMAIN', '@OnDelete without a finalizer name needs OperatorOptions.domain');
  } else if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(finalizer)) {
    check.problem('FINALIZER_NAME', `finalizer ${finalizer} must be <domain>/<name>, at most 63 characters after the slash`);
  }
  return finalizer;
}

function compileReconcile(
  kind: Kind,
  check: OptionCheck,
): Omit<ReconcileSpec, 'id' | 'Class' | 'method' | 'kind' | 'clusters' | 'filters' | 'select' | 'timeoutMs' | 'retry'> {
  return {
    decorator: 'Reconcile',
    owns: compileOwns(check),
    watches: compileWatches(check),
    changed: compileChanged(check),
    concurrency: check.wholeNumber('concurrency', 4, 1, 1_000),
    whileDeleting: check.boolean('whileDeleting', false),
    resyncMs: check.number('resyncMs', TEN_HOURS_MS, 0, MAX_TIMER_MS),
    minIntervalMs: check.number('minIntervalMs', 0, 0, MAX_TIMER_MS),
    failure: compileFailure(kind, check),
  };
}

function compileChanged(check: OptionCheck): ReconcileSpec['changed'] {
  const changed = check.value<unknown>('changed') ?? 'spec';
  if (changed === 'spec' || changed === 'any' || typeof changed === 'function') return changed as ReconcileSpec['changed'];
  check.range('changed', changed, 'spec, any, a function');
  return 'spec';
}

function compileFailure(kind: Kind, check: OptionCheck): ReconcileSpec['failure'] {
  const failure = check.nested('failure', kind.virtual ? ['about'] : ['condition', 'event']);
  const given = failure?.value<unknown>('condition');
  if (given !== undefined && given !== false && !(typeof given === 'string' && QUALIFIED_NAME.test(given))) {
    failure?.range('condition', given, 'a condition type such as Ready, false');
  } else if (typeof given === 'string' && !kind.conditions) {
    const text = `failure.condition is ${given} but ${kind.kind} was defined without conditions: true; set failure.condition: false or the kind option`;
    check.problem('CONDITIONS_UNDECLARED', text);
  }
  const wanted = given ?? (kind.conditions ? 'Ready' : false);
  return {
    condition: typeof wanted === 'string' ? wanted : undefined,
    event: failure?.boolean('event', true) ?? true,
    about: failure?.callable<FailureSubject>('about'),
  };
}
