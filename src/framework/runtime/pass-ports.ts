/** What a pass needs of the world around it; the operator plugs in the real thing, tests a recording one. */
import type { KubeClient } from '../client';
import type { Cluster } from '../cluster/cluster';
import type { ClusterRegistry } from '../cluster/cluster-registry';
import type { Kind } from '../kinds/kind';
import type { KubernetesObject, ObjectKey } from '../kinds/object';
import type { Logger } from '../logging/logger';
import type { QueuedHandlerSpec } from '../registry/handler-spec';
import type { Clock } from '../time/clock';
import type { ConditionInput, PassReason } from './context';
import type { FilterJudge } from './filter-judge';
import type { StagedEvent } from './stage';

export interface StatusUpdate {
  readonly fields: ReadonlyMap<string, unknown>;
  readonly conditions: readonly ConditionInput[];
  /** Set when the pass has dealt with this generation and the kind keeps it. */
  readonly observedGeneration: number | undefined;
  /** Handlers that ran in this pass; the echo of the write does not wake them. */
  readonly by: readonly QueuedHandlerSpec[];
}

export interface PassPorts {
  readonly kind: Kind;
  readonly cluster: Cluster;
  readonly clusters: ClusterRegistry;
  readonly clock: Clock;
  readonly log: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Aborts when the operator stops or stops leading. */
  readonly signal: AbortSignal;
  /** Value of the handled-by annotation, its name is `<domain>/handled-by`. */
  readonly handledBy: { readonly annotation: string; readonly value: string } | undefined;

  readonly filters: FilterJudge;

  /** The object as the handler's own informer knows it. */
  find(spec: QueuedHandlerSpec, key: ObjectKey): KubernetesObject | undefined;
  instanceOf(spec: QueuedHandlerSpec): object;
  /** @param of the cluster it talks to. @default the cluster of the pass */
  clientFor(spec: QueuedHandlerSpec, signal: AbortSignal, of?: Cluster): KubeClient;
  /** @returns the object with the finalizer, `undefined` when it is gone. */
  addFinalizer(object: KubernetesObject, finalizer: string): Promise<KubernetesObject | undefined>;
  removeFinalizer(object: KubernetesObject, finalizer: string): Promise<KubernetesObject | undefined>;
  /** @returns the object with the annotation, `undefined` when it is gone. */
  annotate(object: KubernetesObject, name: string, value: string): Promise<KubernetesObject | undefined>;
  writeStatus(object: KubernetesObject, update: StatusUpdate): Promise<void>;
  sendEvent(event: StagedEvent): void;
  /** Told of every run that ended, inline. */
  readonly onRun?: ((run: HandlerRun) => void) | undefined;
  readonly hooks: PassHooks;
}

/** A finished run of a handler method. */
export interface HandlerRun {
  /** Handler id. */
  readonly controller: string;
  readonly kind: Kind;
  readonly key: ObjectKey;
  /** 1 = first. */
  readonly attempt: number;
  readonly reasons: readonly PassReason[];
  /** Monotonic milliseconds. */
  readonly startedMs: number;
  readonly durationMs: number;
  /** What the method threw, or that it timed out; `undefined` = success. */
  readonly error: unknown;
  readonly requeueAfterMs: number | undefined;
}

/** `requeue` = another writer got in between, which is no failure of the handler. */
export type HandlerResult = 'success' | 'error' | 'requeue' | 'requeue_after';

/** Observation points for metrics. Called inline; must be cheap and must not throw. */
export interface PassHooks {
  handlerFinished?(spec: QueuedHandlerSpec, result: HandlerResult, durationMs: number): void;
  /** After `handlerFinished`: it will not be tried again before the object changes. */
  handlerGaveUp?(spec: QueuedHandlerSpec): void;
  /** Before `handlerFinished`: the run had exceeded its time limit. */
  handlerTimedOut?(spec: QueuedHandlerSpec): void;
  /** A run ignores its signal; its key stays locked. */
  handlerAbandoned?(spec: QueuedHandlerSpec): void;
  /** A run that was given up has ended after all. */
  abandonedHandlerEnded?(spec: QueuedHandlerSpec): void;
  /** A function of a mapped watch threw, or returned what is no list of keys. */
  mappingFailed?(spec: QueuedHandlerSpec): void;
  /** A key of this kind waits for its next attempt after a failure, of a handler or of the framework's own writes. */
  retryScheduled?(kind: Kind, cluster: string): void;
}
