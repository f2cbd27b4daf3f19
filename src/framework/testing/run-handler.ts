/**
 * One pass of one handler class over one object, from the outside: what it is given, what it has done.
 *
 * Owns: the arrangement. Never: a second way of running handlers: it is the engine on a fake API server, with time standing still, so
 * that retries, requeues and timers do not happen.
 */
import { createContainer, type InjectionToken } from '../decorators/container';
import type { HandlerClass } from '../decorators/handler';
import type { Kind } from '../kinds/kind';
import { type Condition, type KubernetesObject, keyOf, type ObjectKey } from '../kinds/object';
import { buildRegistry, isQueued, kindsOf, type Registry } from '../registry/registry';
import type { ReconcileResult } from '../runtime/context';
import { FakeApiServer } from './fake-api-server/fake-api-server';
import type { JournalEntry } from './fake-api-server/journal';
import { FakeClock } from './fake-clock';
import { TestOperator } from './test-operator';

export interface RunHandlerOptions<T extends KubernetesObject = KubernetesObject> {
  /** Created in the cluster before the pass, with its status; metadata is completed as the API server does. */
  object: T;
  /** The cluster around it, started with `clock`. @default a new one that holds nothing but `object` */
  cluster?: FakeApiServer;
  /** What the class injects. @default [] */
  providers?: readonly { readonly token: InjectionToken; readonly useValue: unknown }[];
  /** @default a new one */
  clock?: FakeClock;
  /** How far time moves during the pass, for handlers that wait. @default 0 */
  advanceMs?: number;
  /** Of finalizers and annotations. @default example.org */
  domain?: string;
  /** As of `createOperator`. @default [] */
  exceptionalRights?: readonly string[];
}

export interface HandlerEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly note: string;
}

export interface HandlerOutcome {
  /** What the last handler that ran returned. */
  readonly result: ReconcileResult;
  /** What the first handler that failed threw. */
  readonly error: unknown;
  /** Of the object afterwards; `undefined` when it has none or is gone. */
  readonly status: Readonly<Record<string, unknown>> | undefined;
  readonly conditions: readonly Condition[];
  /** Kubernetes Events, in the order they were sent. */
  readonly events: readonly HandlerEvent[];
  /** Requests that changed something, Events left out. */
  readonly writes: readonly JournalEntry[];
  readonly requeueAfterMs: number | undefined;
}

/**
 * Lets the handlers of a class see an object once.
 *
 * @throws {ConfigError} as the start of an operator would; {TypeError} when no handler of the class is for this kind of object;
 * {Error} when no handler has run or ended.
 */
export async function runHandler<T extends KubernetesObject>(Class: HandlerClass, options: RunHandlerOptions<T>): Promise<HandlerOutcome> {
  const { clock = new FakeClock(), domain = 'example.org', exceptionalRights = [], object } = options;
  const container = createContainer();
  for (const { token, useValue } of options.providers ?? []) container.registerInstance(token, useValue);
  const registry = buildRegistry({ handlers: [Class], domain, exceptionalRights, container });
  const kind = kindFor(registry, Class, object);
  const server = options.cluster ?? (await FakeApiServer.start({ clock }));
  try {
    for (const named of registry.specs.flatMap(kindsOf)) if (!named.virtual && !server.serves(named)) server.serve(named);
    const created = server.objects.get(kind, keyOf(object)) ?? server.objects.create(kind, object as KubernetesObject);
    const operator = await TestOperator.start({ handlers: [Class], server, clock, domain, exceptionalRights, container });
    try {
      if (options.advanceMs !== undefined) await operator.advance(options.advanceMs);
      return await outcomeOf(operator, server, kind, keyOf(created));
    } finally {
      await operator.kill();
    }
  } finally {
    if (options.cluster === undefined) await server.stop();
  }
}

function kindFor(registry: Registry, Class: HandlerClass, object: KubernetesObject): Kind {
  const kinds = new Map(registry.specs.filter(isQueued).map(({ kind }) => [kind.id, kind]));
  const { kind: name } = object;
  const fitting = [...kinds.values()].filter((kind) => !kind.virtual && (name === undefined || kind.kind === name));
  if (fitting.length === 1) return fitting[0]!;
  const known = [...kinds.values()].map(({ kind }) => kind).join(', ');
  throw new TypeError(
    `${Class.name} has ${fitting.length} kinds for an object of kind ${name ?? '(not said)'}; its handlers are for ${known}`,
  );
}

async function outcomeOf(operator: TestOperator, server: FakeApiServer, kind: Kind, key: ObjectKey): Promise<HandlerOutcome> {
  const { history } = operator.key(kind, key);
  const last = history.at(-1);
  if (last === undefined) throw new Error(`no handler has run for ${key} and ended; a filter may not match, or it waits: see advanceMs`);
  const writes = operator.writes();
  // Events are sent after the pass; an orderly end flushes them.
  await operator.stop();
  const status = (server.objects.get(kind, key) as { status?: Record<string, unknown> } | undefined)?.status;
  const { requeueAfterMs } = last;
  return {
    result: requeueAfterMs === undefined ? undefined : { requeueAfterMs },
    error: history.find(({ error }) => error !== undefined)?.error,
    status,
    conditions: (status?.['conditions'] as readonly Condition[] | undefined) ?? [],
    events: server.journal.writes({ verb: 'create', resource: 'events' }).map(({ body }) => eventOf(body)),
    writes: writes.filter(({ resource }) => resource !== 'events'),
    requeueAfterMs,
  };
}

function eventOf(body: unknown): HandlerEvent {
  const { type, reason, note } = body as HandlerEvent;
  return { type, reason, note };
}
