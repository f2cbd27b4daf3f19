/**
 * Keeps one part of a store (a namespace, or everything) equal to the server, by doing what the state machine says.
 *
 * Owns: the one operation under way, and the version up to which the store is complete.
 * Never: decides what comes next (`step` does), logs, or counts (its observer does).
 * Invariant: at most one request is open; an operation that was ended sends no input; after `stop` resolved nothing runs.
 */
import type { ApiTransport } from '../client/transport';
import { type Kind, kindPath } from '../kinds/kind';
import type { KubernetesObject, ObjectKey } from '../kinds/object';
import { keyOf } from '../kinds/object';
import type { Clock } from '../time/clock';
import { sleep } from '../time/sleep';
import { failureOf } from './failure';
import type { Selection } from './informer-contract';
import type { RelistReason } from './informer-hooks';
import type { KindDiscovery } from './kind-discovery-contract';
import type { ObjectDecoder } from './object-decoder';
import { type ListTarget, Pager } from './pager';
import { isOlder, supersedes } from './resource-version';
import { selectionQuery } from './selection';
import { step } from './state-machine';
import type { Store } from './store';
import type { StormLimiter } from './storm-limiter';
import { TurnBudget } from './turn-budget';
import type { CompiledWatchOptions } from './watch-options';
import { type WatchEvent, WatchSession } from './watch-session';
import { initialState, type WatchAction, type WatchInput, type WatchState } from './watch-state';

/** Told what happened, inline; must not throw. */
export interface ReflectorObserver {
  stateChanged(before: WatchState, after: WatchState): void;
  activity(): void;
  relisted(reason: RelistReason): void;
  reconnected(): void;
  /** The first list is complete, or the kind has left the cluster. */
  syncedChanged(): void;
}

export interface ReflectorOptions<T extends KubernetesObject> {
  readonly kind: Kind<T>;
  /** `undefined` = all. */
  readonly namespace: string | undefined;
  readonly selection: Selection;
  readonly transport: ApiTransport;
  readonly clock: Clock;
  readonly limiter: StormLimiter;
  readonly discovery: KindDiscovery;
  readonly numbers: CompiledWatchOptions;
  readonly random: () => number;
  readonly yieldTurn: () => Promise<void>;
  readonly decoder: ObjectDecoder<T>;
  readonly store: Store<T>;
  readonly observer: ReflectorObserver;
}

const PARTIAL = 'g=meta.k8s.io;v=v1,application/json';
const ACCEPT_PARTIAL_LIST = `application/json;as=PartialObjectMetadataList;${PARTIAL}`;
const ACCEPT_PARTIAL = `application/json;as=PartialObjectMetadata;${PARTIAL}`;

export class Reflector<T extends KubernetesObject> {
  private machine: WatchState;
  private operation = new AbortController();
  private readonly running = new Set<Promise<void>>();
  private readonly pager: Pager;
  private readonly budget: TurnBudget;
  private isSynced = false;
  private hasConnected = false;
  private activityMs: number | undefined;
  private completeTo: string | undefined;

  constructor(private readonly options: ReflectorOptions<T>) {
    const { transport, numbers, selection, clock, yieldTurn } = options;
    this.machine = initialState(options.kind.apiVersion);
    this.pager = new Pager({ transport, numbers, accept: selection.metadataOnly ? ACCEPT_PARTIAL_LIST : 'application/json' });
    this.budget = new TurnBudget(clock, numbers, yieldTurn);
  }

  get namespace(): string | undefined {
    return this.options.namespace;
  }

  get state(): WatchState {
    return this.machine;
  }

  get synced(): boolean {
    return this.isSynced;
  }

  /** Monotonic milliseconds of the last event, bookmark or successful connect. */
  get lastActivityMs(): number | undefined {
    return this.activityMs;
  }

  /** Every change up to this version is in the store; `undefined` before the first list. */
  get completeToVersion(): string | undefined {
    return this.completeTo;
  }

  start(): void {
    const { optional, alternatives } = this.options.kind;
    this.dispatch({ type: 'start', await: optional || alternatives.length > 0 });
  }

  /** Ends a pause after a failure. */
  hurry(): void {
    this.dispatch({ type: 'hurry' });
  }

  async stop(): Promise<void> {
    this.dispatch({ type: 'stop' });
    await Promise.all(this.running);
  }

  private dispatch(input: WatchInput): void {
    const before = this.machine;
    const { state, action } = step(before, input, this.options.clock.monotonicMs(), this.options.numbers);
    this.machine = state;
    if (state.phase !== before.phase) this.options.observer.stateChanged(before, state);
    if (action?.type === 'cancel') this.operation.abort(new Error('the informer was stopped'));
    else if (action !== undefined) this.begin((signal) => this.perform(action, signal));
  }

  private perform(action: Exclude<WatchAction, { type: 'cancel' }>, signal: AbortSignal): Promise<WatchInput> {
    switch (action.type) {
      case 'await':
        return this.awaitKind(action.clearFirst, signal);
      case 'discover':
        return this.discover(signal);
      case 'list':
        return this.list(signal);
      case 'watch':
        return this.watch(signal);
      case 'pause':
        return this.pause(action.minMs, action.maxMs, signal);
    }
  }

  /** Starts an operation in place of the one before. Its result is the next input, unless it was ended meanwhile. */
  private begin(operate: (signal: AbortSignal) => Promise<WatchInput>): void {
    this.operation.abort(new Error('another operation began'));
    this.operation = new AbortController();
    const { signal } = this.operation;
    const run = operate(signal)
      .catch((error: unknown): WatchInput => ({ type: 'failed', failure: failureOf(error) }))
      .then((input) => {
        if (!signal.aborted) this.dispatch(input);
      })
      .finally(() => this.running.delete(run));
    this.running.add(run);
  }

  private async awaitKind(clearFirst: boolean, signal: AbortSignal): Promise<WatchInput> {
    if (clearFirst) await this.forget(signal);
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const cancel = this.options.discovery.whenServed(this.options.kind, ({ apiVersion }) => resolve({ type: 'served', apiVersion }));
      signal.addEventListener('abort', () => {
        cancel();
        reject(signal.reason);
      });
    });
  }

  private async discover(signal: AbortSignal): Promise<WatchInput> {
    const served = await this.options.discovery.served(this.options.kind, signal);
    return { type: 'discovered', apiVersion: served?.apiVersion };
  }

  private async pause(minMs: number, maxMs: number, signal: AbortSignal): Promise<WatchInput> {
    await sleep(this.options.clock, minMs + this.options.random() * (maxMs - minMs), signal);
    return { type: 'timer' };
  }

  private async list(signal: AbortSignal): Promise<WatchInput> {
    const { limiter } = this.options;
    const release = await limiter.list(signal);
    try {
      await limiter.connect(signal);
      const objects = new Map<ObjectKey, T>();
      const sink = {
        accepted: () => this.dispatch({ type: 'accepted' }),
        page: (items: readonly unknown[]) => this.collect(items, objects, signal),
        restart: () => objects.clear(),
      };
      const resourceVersion = await this.pager.collect(this.target(), sink, signal);
      await this.swap(objects, resourceVersion, signal);
      return { type: 'listed', resourceVersion };
    } finally {
      release();
    }
  }

  private async collect(items: readonly unknown[], objects: Map<ObjectKey, T>, signal: AbortSignal): Promise<void> {
    for (const item of items) {
      const object = this.options.decoder.decode(item, this.machine.apiVersion);
      objects.set(keyOf(object), object);
      if (this.budget.spend()) await this.rest(signal);
    }
    signal.throwIfAborted();
  }

  private async swap(objects: ReadonlyMap<ObjectKey, T>, resourceVersion: string | undefined, signal: AbortSignal): Promise<void> {
    const historyReset = isOlder(resourceVersion, this.completeTo);
    this.completeTo = resourceVersion;
    const { store, namespace, observer } = this.options;
    await this.drain(store.replace({ objects, resourceVersion, namespace, initial: !this.isSynced, historyReset }), signal);
    observer.relisted(this.machine.listReason);
    this.setSynced(true);
  }

  private async forget(signal: AbortSignal): Promise<void> {
    this.completeTo = undefined;
    await this.drain(this.options.store.clear(this.options.namespace), signal);
    this.setSynced(false);
  }

  private async watch(signal: AbortSignal): Promise<WatchInput> {
    const { limiter, transport, clock, numbers, random, selection } = this.options;
    await limiter.connect(signal);
    const sink = { connected: () => this.connected(), event: (event: WatchEvent) => this.take(event) };
    const { path, query } = this.target();
    const request = {
      path,
      query: { ...query, resourceVersion: this.machine.resourceVersion },
      accept: selection.metadataOnly ? ACCEPT_PARTIAL : 'application/json',
      timeoutSeconds: Math.round(numbers.minWatchSeconds + random() * (numbers.maxWatchSeconds - numbers.minWatchSeconds)),
    };
    await new WatchSession({ transport, clock, numbers, budget: this.budget }, sink).run(request, signal);
    return { type: 'ended' };
  }

  private connected(): void {
    this.active();
    if (this.hasConnected) this.options.observer.reconnected();
    this.hasConnected = true;
    this.dispatch({ type: 'connected' });
  }

  private take({ type, object }: WatchEvent): void {
    this.active();
    const { decoder, store } = this.options;
    if (type === 'BOOKMARK') {
      const { resourceVersion } = (object as KubernetesObject | null)?.metadata ?? {};
      this.dispatch({ type: 'bookmark', resourceVersion });
      this.advance(resourceVersion);
      return;
    }
    const state = decoder.decode(object, this.machine.apiVersion);
    const { resourceVersion } = state.metadata ?? {};
    this.advance(resourceVersion);
    if (type === 'DELETED') store.remove(state);
    else store.put(state);
    this.dispatch({ type: 'event', resourceVersion });
  }

  private advance(resourceVersion: string | undefined): void {
    if (resourceVersion !== undefined && supersedes(resourceVersion, this.completeTo)) this.completeTo = resourceVersion;
  }

  private active(): void {
    this.activityMs = this.options.clock.monotonicMs();
    this.options.observer.activity();
  }

  private setSynced(synced: boolean): void {
    if (this.isSynced === synced) return;
    this.isSynced = synced;
    this.options.observer.syncedChanged();
  }

  /** Does work that yields after every object, with rests in between. */
  private async drain(work: Generator<undefined, void>, signal: AbortSignal): Promise<void> {
    while (work.next().done !== true) {
      signal.throwIfAborted();
      if (this.budget.spend()) await this.rest(signal);
    }
  }

  private async rest(signal: AbortSignal): Promise<void> {
    await this.budget.rest();
    signal.throwIfAborted();
  }

  /** Where to list and watch, at the version that is served. */
  private target(): ListTarget {
    const { kind, namespace, selection } = this.options;
    const { apiVersion } = this.machine;
    const version = apiVersion.slice(apiVersion.lastIndexOf('/') + 1);
    return { path: kindPath({ ...kind, apiVersion, version }, namespace), query: selectionQuery(selection) };
  }
}
