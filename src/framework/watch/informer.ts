/**
 * Keeps a store of one kind equal to an API server and tells listeners about every change.
 *
 * Expected flow: `createInformer` -> subscribe, addIndex -> `start` -> synced -> events for ever -> `stop`.
 * Guarantees: listeners run one after another and see the events of an object in order; the store is readable at all times; nothing the
 * network does ends it; nothing runs after `stop` resolved.
 * Assumptions: listeners are quick; limiter and discovery are those of the cluster.
 * Caveats: with several namespaces there is one stream each, and events of different namespaces have no order.
 * Errors: none at run time; they show in `status()`, the log and the hooks.
 */
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, keyOf } from '../kinds/object';
import type { IndexFunction } from './indexes';
import type { Informer, InformerState, InformerStatus, ResolvedSelection } from './informer-contract';
import type { InformerOptions } from './informer-options';
import { InformerReporter } from './informer-reporter';
import { Lateness } from './lateness';
import { ObjectDecoder } from './object-decoder';
import { Reflector } from './reflector';
import type { ResourceEvent } from './resource-event';
import { compareResourceVersions } from './resource-version';
import { matchesSelection, mayWatch } from './selection';
import { Store } from './store';
import type { StoreReader } from './store-reader';
import { nextTurn } from './turn-budget';
import { type CompiledWatchOptions, compileWatchOptions } from './watch-options';
import type { WatchState } from './watch-state';

/** Which of several streams speaks for the informer: the one that is worst off. */
const WORST_FIRST: readonly InformerState[] = ['Denied', 'Waiting', 'Backoff', 'Listing', 'Watching', 'Stopped'];

/**
 * Makes an informer; nothing is contacted before `start`.
 *
 * @throws {RangeError} for a sensitive kind without namespaces and name, namespaces that are empty or of a cluster-scoped kind,
 * or a number out of range.
 */
export function createInformer<T extends KubernetesObject>(options: InformerOptions<T>): ResourceInformer<T> {
  return new ResourceInformer(options);
}

export class ResourceInformer<T extends KubernetesObject> implements Informer<T> {
  readonly kind: Kind<T>;
  readonly cluster: string;
  private readonly selection: ResolvedSelection;
  private readonly numbers: CompiledWatchOptions;
  private readonly reporter: InformerReporter;
  private readonly objects: Store<T>;
  private readonly decoder: ObjectDecoder<T>;
  private readonly reflectors: readonly Reflector<T>[];
  private readonly lateness: Lateness;
  private readonly listeners = new Set<(event: ResourceEvent<T>) => void>();
  private readonly statusListeners = new Set<(status: InformerStatus) => void>();
  private isStopped = false;

  constructor(private readonly options: InformerOptions<T>) {
    this.kind = options.kind;
    this.cluster = options.cluster;
    this.selection = checkSelection(options.kind, options.selection ?? {});
    this.numbers = compileWatchOptions(options.watch);
    this.reporter = new InformerReporter(options.kind, options.cluster, options.logger, options.hooks ?? {});
    this.objects = new Store({
      cluster: options.cluster,
      onEvent: (event) => this.emit(event),
      onIndexError: (index, object, error) => this.reporter.indexFailed(index, object, error),
    });
    this.decoder = new ObjectDecoder({
      kind: options.kind,
      metadataOnly: this.selection.metadataOnly ?? false,
      stripLastApplied: options.stripLastApplied ?? true,
      freeze: options.freezeCache ?? true,
      transform: options.transform,
      onTransformError: (object, error) => this.reporter.transformFailed(object, error),
    });
    this.lateness = new Lateness(options.clock, this.numbers.lateAfterMs, () => this.reportLate());
    this.reflectors = [...new Set(this.selection.namespaces ?? [undefined])].map((namespace) => this.reflector(namespace));
    for (const [name, compute] of Object.entries(options.indexes ?? {})) this.addIndex(name, compute);
  }

  get store(): StoreReader<T> {
    return this.objects;
  }

  /** Adds an index, also over objects already there. @throws {RangeError} when the name is taken. */
  addIndex(name: string, compute: IndexFunction<T>): void {
    this.objects.addIndex(name, compute);
  }

  subscribe(listener: (event: ResourceEvent<T>) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Called inline after `state` or `synced` changed. */
  onStatus(listener: (status: InformerStatus) => void): () => void {
    this.statusListeners.add(listener);
    return () => this.statusListeners.delete(listener);
  }

  status(): InformerStatus {
    const speaker = this.speaker();
    const { phase: state, detail, lastFailure } = speaker.state;
    const seen = this.reflectors.map(({ lastActivityMs }) => lastActivityMs);
    const lastActivityMs = seen.includes(undefined) ? undefined : Math.min(...seen.map((ms) => ms!));
    const silentMs = this.options.clock.monotonicMs() - (lastActivityMs ?? Number.NEGATIVE_INFINITY);
    return {
      state,
      synced: this.objects.synced,
      lastActivityMs,
      detail: speaker.namespace === undefined || detail === '' ? detail : `namespace ${speaker.namespace}: ${detail}`,
      unanswered: state === 'Backoff' && lastFailure === 'other',
      late: this.lateness.isLate,
      stale: this.objects.synced && state !== 'Stopped' && silentMs >= this.numbers.staleAfterMs,
    };
  }

  start(): void {
    if (this.isStopped) return;
    for (const reflector of this.reflectors) reflector.start();
    if (this.reflectors.some(({ state }) => state.doing === 'awaiting')) this.reporter.waiting();
    this.changed();
  }

  hurry(): void {
    for (const reflector of this.reflectors) reflector.hurry();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.reflectors.map((reflector) => reflector.stop()));
  }

  /**
   * What is not there yet is added only when it is certainly selected and newer than all that the watch has told: a watch that is further
   * on may have told of its deletion already.
   */
  putOwnWrite(object: T): void {
    const { namespace, name, resourceVersion, uid } = object.metadata ?? {};
    const reflector = this.reflectors.find((one) => one.namespace === undefined || one.namespace === namespace);
    if (this.isStopped || name === undefined || reflector?.synced !== true) return;
    const { apiVersion } = reflector.state;
    if (object.apiVersion !== undefined && object.apiVersion !== apiVersion) return;
    const current = this.objects.get(keyOf(object))?.metadata;
    const isUpdate = current !== undefined && current.uid === uid;
    if (!isUpdate && matchesSelection(object, this.selection) !== true) return;
    const known = isUpdate ? current.resourceVersion : reflector.completeToVersion;
    if ((compareResourceVersions(resourceVersion, known) ?? 0) > 0) this.objects.put(this.decoder.adopt(object, apiVersion));
  }

  private reflector(namespace: string | undefined): Reflector<T> {
    const { kind, transport, clock, limiter, discovery, random = Math.random, yieldTurn = nextTurn } = this.options;
    return new Reflector<T>({
      ...{ kind, namespace, transport, clock, limiter, discovery, random, yieldTurn },
      selection: this.selection,
      numbers: this.numbers,
      decoder: this.decoder,
      store: this.objects,
      observer: {
        stateChanged: (before, after) => this.stateChanged(namespace, before, after),
        syncedChanged: () => this.syncedChanged(),
        activity: () => this.reporter.hook((hooks, labels) => hooks.activity?.(labels)),
        reconnected: () => this.reporter.hook((hooks, labels) => hooks.reconnected?.(labels)),
        relisted: (reason) => this.reporter.hook((hooks, labels) => hooks.relisted?.(labels, reason)),
      },
    });
  }

  private stateChanged(namespace: string | undefined, before: WatchState, after: WatchState): void {
    this.reporter.stateChanged(namespace, before, after);
    this.changed();
  }

  private syncedChanged(): void {
    const synced = this.reflectors.every((reflector) => reflector.synced);
    if (synced === this.objects.synced) return;
    this.objects.synced = synced;
    this.reporter.hook((hooks, labels) => hooks.synced?.(labels, synced));
    this.changed();
  }

  private changed(): void {
    const status = this.status();
    const isExpected = !status.synced && !this.isStopped && !(this.kind.optional && status.state === 'Waiting');
    if (isExpected) this.lateness.begin();
    else this.lateness.end();
    for (const listener of this.statusListeners) this.guarded(() => listener(status));
  }

  private reportLate(): void {
    const { state, detail } = this.status();
    this.reporter.late(state, detail, this.numbers.lateAfterMs);
  }

  private emit(event: ResourceEvent<T>): void {
    if (this.isStopped) return;
    this.reporter.hook((hooks, labels) => hooks.objects?.(labels, this.objects.size));
    if (event.lost) this.reporter.hook((hooks, labels) => hooks.lostEvent?.(labels));
    for (const listener of this.listeners) this.guarded(() => listener(event));
  }

  private guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.reporter.listenerFailed(error);
    }
  }

  private speaker(): Reflector<T> {
    return [...this.reflectors].sort((a, b) => WORST_FIRST.indexOf(a.state.phase) - WORST_FIRST.indexOf(b.state.phase))[0]!;
  }
}

function checkSelection(kind: Kind, selection: ResolvedSelection): ResolvedSelection {
  const { namespaces } = selection;
  if (namespaces !== undefined && kind.scope === 'Cluster')
    throw new RangeError(`namespaces of ${kind.id} are given, but the kind has none`);
  if (namespaces !== undefined && namespaces.length === 0) throw new RangeError(`namespaces of ${kind.id} is empty; leave it out for all`);
  if (!mayWatch(kind, selection)) {
    throw new RangeError(`a watch on ${kind.id} needs namespaces and fields "metadata.name=<name>", because the kind is sensitive`);
  }
  return selection;
}
