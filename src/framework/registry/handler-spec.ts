/**
 * A decorated method, checked and with all defaults filled in: what the runtime works from.
 *
 * Owns: the types. Invariant: nothing here is optional that the runtime would have to default again.
 */
import type { HandlerClass } from '../decorators/handler';
import type { ValueFilter } from '../decorators/options';
import type { OwnedWatch, Watch, WatchesFunction } from '../decorators/watches';
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import type { CompiledRetryOptions } from '../queue/backoff';
import type { Selection } from '../watch/informer-contract';

export interface CompiledFilters {
  readonly labels: readonly (readonly [string, ValueFilter])[];
  readonly annotations: readonly (readonly [string, ValueFilter])[];
  /** Paths split at the dots. */
  readonly fields: readonly (readonly string[])[];
  readonly when: ((object: KubernetesObject) => boolean) | undefined;
}

interface SpecBase {
  /** `<class id>.<method>`, unique in an operator. */
  readonly id: string;
  readonly Class: HandlerClass;
  readonly method: string;
}

/** Whether a handler or watch is bound to the cluster of this name. */
export type ClusterTest = (cluster: string) => boolean;

interface KindSpec extends SpecBase {
  readonly kind: Kind;
  readonly clusters: ClusterTest;
  readonly filters: CompiledFilters;
  readonly select: Selection | undefined;
}

interface QueuedSpec extends KindSpec {
  readonly timeoutMs: number;
  readonly retry: CompiledRetryOptions;
}

export interface EventSpec extends KindSpec {
  readonly decorator: 'OnEvent';
}

export interface IndexSpec extends SpecBase {
  readonly decorator: 'Index';
  readonly kind: Kind;
  readonly clusters: ClusterTest;
  readonly select: Selection | undefined;
  /** Of the index. */
  readonly name: string;
}

export interface DaemonSpec extends KindSpec {
  readonly decorator: 'Daemon';
  readonly initialDelayMs: number;
  readonly stopMs: number;
  readonly maxRunning: number;
  readonly retry: CompiledRetryOptions;
}

export interface ResumeSpec extends QueuedSpec {
  readonly decorator: 'OnResume';
}

export interface FieldSpec extends QueuedSpec {
  readonly decorator: 'OnField';
  readonly path: readonly string[];
  readonly initial: boolean;
}

export interface TimerSpec extends QueuedSpec {
  readonly decorator: 'OnTimer';
  readonly intervalMs: number;
  readonly initialDelayMs: number;
  readonly idleMs: number;
  readonly sharp: boolean;
}

export interface CreateSpec extends QueuedSpec {
  readonly decorator: 'OnCreate';
  readonly remember: 'status' | 'annotation' | 'none';
}

export interface UpdateSpec extends QueuedSpec {
  readonly decorator: 'OnUpdate';
}

export interface DeleteSpec extends QueuedSpec {
  readonly decorator: 'OnDelete';
  /** `undefined` = optional clean-up without a finalizer. */
  readonly finalizer: string | undefined;
  readonly deadlineMs: number;
}

export interface ReconcileSpec extends QueuedSpec {
  readonly decorator: 'Reconcile';
  readonly owns: readonly OwnedWatch[];
  /** A function is asked once, at start, when instances can be had. */
  readonly watches: readonly Watch[] | WatchesFunction;
  readonly changed: 'spec' | 'any' | ((now: KubernetesObject, old: KubernetesObject) => boolean);
  readonly concurrency: number;
  readonly whileDeleting: boolean;
  readonly resyncMs: number;
  readonly minIntervalMs: number;
  readonly failure: {
    readonly condition: string | undefined;
    readonly event: boolean;
    /** Virtual kinds: the object that Events about a failure are on. */
    readonly about: ((virtual: KubernetesObject) => KubernetesObject | undefined) | undefined;
  };
}

/** A handler that runs from its kind's queue. */
export type QueuedHandlerSpec = ReconcileSpec | CreateSpec | ResumeSpec | UpdateSpec | FieldSpec | DeleteSpec | TimerSpec;

export interface HookSpec extends SpecBase {
  readonly decorator: 'OnStartup' | 'OnShutdown';
  readonly phase: 'process' | 'leader';
  readonly order: number;
  readonly timeoutMs: number;
}

export interface ProbeSpec extends SpecBase {
  readonly decorator: 'Probe';
  readonly name: string;
  readonly of: 'readiness' | 'liveness' | 'both';
  readonly timeoutMs: number;
}

export type HandlerSpec = QueuedHandlerSpec | DaemonSpec | EventSpec | IndexSpec | HookSpec | ProbeSpec;
