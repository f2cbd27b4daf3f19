/**
 * Reads and writes objects of one cluster.
 *
 * Owns: the verbs, and what every write has in common: guard, metrics, telling the cache. Never: caches; reads go to the API server.
 * Invariant: objects go in and out as plain JSON, fields nobody knows are kept.
 */

import { ApiError, NotFoundError } from '../errors/api-error';
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, keyOf, type ObjectKey } from '../kinds/object';
import type { Clock } from '../time/clock';
import { creationPath, objectPath } from './api-paths';
import { type AppliedObject, type ApplyChildOptions, type ApplyIfChangedOptions, applyChild, applyIfChanged } from './apply-if-changed';
import { ApplyMemo } from './apply-memo';
import { APPLY_PATCH, JSON_PATCH, RetryingTransport } from './call-retry';
import type { WriteResult } from './client-metrics';
import type {
  ApplyOptions,
  CallOptions,
  DeleteOptions,
  DeleteResult,
  KubeClientOptions,
  PatchOptions,
  ReadOptions,
  SubresourceOptions,
  WriteOptions,
} from './client-options';
import { Discovery } from './discovery';
import { withoutEmptiedMaps } from './emptied-maps';
import { migrateFieldManager } from './field-manager-migration';
import { addFinalizer, removeFinalizer } from './finalizer';
import type { JsonPatchOperation } from './json-patch';
import { type ListOptions, PagedList } from './paged-list';
import { isAnotherObject } from './provenance';
import { type StatusChange, writeStatus } from './status-writer';
import type { ApiRequest, ApiResponse, ApiStream, ApiTransport } from './transport';

export class KubeClient {
  readonly cluster: string;
  readonly fieldManager: string;
  readonly managedBy: string;
  readonly adoptedManagers: readonly string[];
  readonly clock: Clock;
  readonly discovery: Discovery;
  private readonly calls: ApiTransport;

  constructor(
    private readonly options: KubeClientOptions,
    /** Shared by all clients derived from one. */
    private readonly memo: ApplyMemo = new ApplyMemo(),
  ) {
    const { transport, clock, retry = true, random } = options;
    this.cluster = options.cluster;
    this.fieldManager = options.fieldManager ?? 'virt-steward';
    this.managedBy = options.managedBy ?? 'virt-steward';
    this.adoptedManagers = options.adoptedManagers ?? [];
    this.clock = clock;
    this.calls = retry ? new RetryingTransport(transport, clock, random) : transport;
    this.discovery = new Discovery({ request: (request) => this.send(request), stream: (request) => this.calls.stream(request) });
  }

  /** The same connection and memory with other hooks, for example for one run of one handler. */
  derive(options: Partial<Pick<KubeClientOptions, 'guard' | 'onWritten' | 'cached' | 'signal' | 'metrics'>>): KubeClient {
    return new KubeClient({ ...this.options, ...options }, this.memo);
  }

  /** @throws {NotFoundError} */
  async get<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey, options: ReadOptions = {}): Promise<T> {
    const path = objectPath(kind as Kind, key, options.subresource);
    const { body } = await this.send({ method: 'GET', path, signal: options.signal });
    return body as T;
  }

  /** As `get`, but absence is an ordinary answer. */
  async find<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey, options: ReadOptions = {}): Promise<T | undefined> {
    try {
      return await this.get(kind, key, options);
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  list<T extends KubernetesObject>(kind: Kind<T>, options: ListOptions = {}): PagedList<T> {
    const transport: ApiTransport = { request: (request) => this.send(request), stream: (request) => this.calls.stream(request) };
    return new PagedList(transport, kind, options);
  }

  /** @throws {AlreadyExistsError} so that the caller can adopt or refuse. After an unknown outcome read first. */
  async create<T extends KubernetesObject>(kind: Kind<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.write(kind, 'create', undefined, options, {
      method: 'POST',
      path: creationPath(kind as Kind, object),
      query: { fieldManager: this.fieldManager },
      body: typed(kind, object),
    });
  }

  /** Replaces the whole object. @throws {TypeError} without resourceVersion, {ConflictError} when it has changed since. */
  async replace<T extends KubernetesObject>(kind: Kind<T>, object: T, options: PatchOptions = {}): Promise<T> {
    const key = keyOf(object);
    if (object.metadata?.resourceVersion === undefined) {
      throw new TypeError(`${kind.kind} "${key}": replace needs the resourceVersion that was read`);
    }
    return this.write(kind, 'replace', object, options, {
      method: 'PUT',
      path: objectPath(kind as Kind, key, options.subresource),
      query: { fieldManager: this.fieldManager },
      body: typed(kind, object),
    });
  }

  /**
   * Server-side apply. `D` is free, since kinds declare only the fields somebody reads.
   * @throws {ApplyConflictError} when fields belong to others and `force` is not set.
   */
  async apply<T extends KubernetesObject, D extends KubernetesObject>(kind: Kind<T>, object: D, options: ApplyOptions<T> = {}): Promise<T> {
    try {
      return await this.applyAsIs(kind, object, options);
    } catch (error) {
      const rest = withoutEmptiedMaps(object, error);
      if (rest === undefined) throw error;
      const written = await this.applyAsIs(kind, rest, options);
      // A dry run has taken nothing away, so that the maps could be set now.
      return options.dryRun === true ? written : this.applyAsIs(kind, object, { ...options, live: written });
    }
  }

  private async applyAsIs<T extends KubernetesObject>(kind: Kind<T>, object: KubernetesObject, options: ApplyOptions<T>): Promise<T> {
    const { force = false, fieldManager = this.fieldManager, subresource } = options;
    const key = keyOf(object);
    const live = await this.liveFor(kind, key, object, options);
    const uid = object.metadata?.uid ?? live?.metadata?.uid;
    const { managedFields: _, ...metadata } = object.metadata ?? {};
    return this.write(kind, subresource === 'status' ? 'status' : 'apply', live, options, {
      method: 'PATCH',
      path: objectPath(kind as Kind, key, subresource),
      query: { fieldManager, force: force ? 'true' : undefined },
      contentType: APPLY_PATCH,
      body: typed(kind, { ...object, metadata: uid === undefined ? metadata : { ...metadata, uid } }),
    });
  }

  /** Applies only what would change something. @see apply-if-changed.ts */
  applyIfChanged<T extends KubernetesObject, D extends KubernetesObject>(
    kind: Kind<T>,
    desired: D,
    options: ApplyIfChangedOptions<T> = {},
  ): Promise<AppliedObject<T>> {
    return applyIfChanged(this, this.memo, kind, desired, options);
  }

  /** Applies an object that belongs to `owner`. @throws {NotOursError} when there is one that is not provably ours. */
  applyChild<T extends KubernetesObject, D extends KubernetesObject>(
    owner: KubernetesObject,
    kind: Kind<T>,
    desired: D,
    options: ApplyChildOptions<T> = {},
  ): Promise<AppliedObject<T>> {
    return applyChild(this, this.memo, owner, kind, desired, options);
  }

  /** Merges fields and conditions into the status of `object` and writes it if it differs. @returns `undefined` when the object is gone. */
  applyStatus<T extends KubernetesObject>(
    kind: Kind<T>,
    object: T,
    change: StatusChange,
    options: CallOptions = {},
  ): Promise<T | undefined> {
    return writeStatus(this, kind, object, change, options);
  }

  /** RFC 6902 only. @throws {InvalidError} when a `test` fails. */
  async patch<T extends KubernetesObject>(
    kind: Kind<T>,
    key: ObjectKey,
    operations: readonly JsonPatchOperation[],
    options: PatchOptions = {},
  ): Promise<T> {
    return this.write(kind, 'patch', undefined, options, {
      method: 'PATCH',
      path: objectPath(kind as Kind, key, options.subresource),
      query: { fieldManager: this.fieldManager },
      contentType: JSON_PATCH,
      body: operations,
    });
  }

  /** @throws {ConflictError} when a version is given and the object has another one. */
  async delete(kind: Kind, key: ObjectKey, options: DeleteOptions): Promise<DeleteResult> {
    const { uid, resourceVersion, propagation = 'Background', gracePeriodSeconds } = options;
    const request: ApiRequest = {
      method: 'DELETE',
      path: objectPath(kind, key),
      query: { dryRun: options.dryRun === true ? 'All' : undefined },
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: propagation,
        preconditions: { uid, resourceVersion },
        ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
      },
      signal: options.signal,
    };
    try {
      const { status, body } = await this.measured(
        kind,
        'delete',
        () => this.send(request),
        () => 'changed',
      );
      const { metadata } = (body ?? {}) as KubernetesObject;
      return status === 202 || metadata?.deletionTimestamp !== undefined ? 'deleting' : 'deleted';
    } catch (error) {
      if (isAnotherObject(error)) return 'gone';
      throw error;
    }
  }

  /** Puts a finalizer on. @returns the object with it; `undefined` when the object is gone. */
  addFinalizer<T extends KubernetesObject>(kind: Kind<T>, object: T, finalizer: string, options: CallOptions = {}): Promise<T | undefined> {
    return addFinalizer(this, kind, object, finalizer, options);
  }

  /** Takes a finalizer off. @returns the object without it; `undefined` when the object is gone. */
  removeFinalizer<T extends KubernetesObject>(
    kind: Kind<T>,
    object: T,
    finalizer: string,
    options: CallOptions = {},
  ): Promise<T | undefined> {
    return removeFinalizer(this, kind, object, finalizer, options);
  }

  /** Takes over what older field managers own. @returns the object; `undefined` when it is gone. */
  migrateFieldManager<T extends KubernetesObject>(
    kind: Kind<T>,
    object: T,
    from: readonly string[],
    options: CallOptions = {},
  ): Promise<T | undefined> {
    return migrateFieldManager(this, kind, object, from, options);
  }

  /** Calls a subresource of one object, for example `start` of a virtual machine. @returns the body; `undefined` when empty. */
  async subresource(kind: Kind, key: ObjectKey, name: string, options: SubresourceOptions = {}): Promise<unknown> {
    const { method = 'GET', body, query, contentType, signal } = options;
    const request: ApiRequest = {
      method,
      path: objectPath(kind, key, name),
      ...(query === undefined ? {} : { query }),
      ...(contentType === undefined ? {} : { contentType }),
      body,
      signal,
    };
    const call = (): Promise<ApiResponse> => this.send(request);
    const answer = method === 'GET' ? await call() : await this.measured(kind, name, call, () => 'changed');
    return answer.body;
  }

  /** Any other call; writes pass the guard as all do. */
  raw(request: ApiRequest): Promise<ApiResponse> {
    return this.send(request);
  }

  /** Any other call whose answer is a stream. */
  stream(request: ApiRequest): Promise<ApiStream> {
    return this.calls.stream({ ...request, signal: joined(this.options.signal, request.signal) });
  }

  /** The object to compare with: given, cached or read. */
  async live<T extends KubernetesObject>(
    kind: Kind<T>,
    key: ObjectKey,
    options: CallOptions & { live?: T | 'absent' },
  ): Promise<T | undefined> {
    if (options.live !== undefined) return options.live === 'absent' ? undefined : options.live;
    // A trimmed or missing cache entry proves nothing.
    const cached = kind.trim === undefined ? this.options.cached?.(kind, key) : undefined;
    return cached ?? this.find(kind, key, options);
  }

  private async liveFor<T extends KubernetesObject>(
    kind: Kind<T>,
    key: ObjectKey,
    object: KubernetesObject,
    options: ApplyOptions<T>,
  ): Promise<T | undefined> {
    if (options.live === undefined && object.metadata?.uid !== undefined) return undefined;
    return this.live(kind, key, options);
  }

  /** A write whose answer is the object; compares versions to tell whether it changed anything. */
  private async write<T extends KubernetesObject>(
    kind: Kind<T>,
    verb: string,
    before: KubernetesObject | undefined,
    options: WriteOptions,
    request: ApiRequest,
  ): Promise<T> {
    const dryRun = options.dryRun === true;
    const query = { ...request.query, dryRun: dryRun ? 'All' : undefined };
    const call = async (): Promise<T> => (await this.send({ ...request, query, signal: options.signal })).body as T;
    if (dryRun) return call();
    const version = before?.metadata?.resourceVersion;
    const object = await this.measured(kind as Kind, verb, call, (written) =>
      version !== undefined && written?.metadata?.resourceVersion === version ? 'unchanged' : 'changed',
    );
    if (object?.metadata?.uid !== undefined) this.options.onWritten?.(kind as Kind, object);
    return object;
  }

  private async measured<R>(kind: Kind, verb: string, call: () => Promise<R>, resultOf: (answer: R) => WriteResult): Promise<R> {
    const count = (result: WriteResult): void => this.options.metrics?.write?.({ cluster: this.cluster, kind: kind.id, verb, result });
    try {
      const answer = await call();
      count(resultOf(answer));
      return answer;
    } catch (error) {
      count(error instanceof ApiError && error.status === 409 ? 'conflict' : 'error');
      throw error;
    }
  }

  private send(request: ApiRequest): Promise<ApiResponse> {
    const { guard, signal, totalTimeoutMs } = this.options;
    const isWrite = request.method !== 'GET' && request.method !== 'HEAD';
    return this.calls.request({
      ...(totalTimeoutMs === undefined ? {} : { totalTimeoutMs }),
      ...request,
      signal: joined(signal, request.signal),
      beforeSend: isWrite ? both(guard, request.beforeSend) : request.beforeSend,
    });
  }
}

function typed<T extends KubernetesObject>(kind: Kind<T>, object: KubernetesObject): KubernetesObject {
  return { ...object, apiVersion: kind.apiVersion, kind: kind.kind };
}

function joined(first: AbortSignal | undefined, second: AbortSignal | undefined): AbortSignal | undefined {
  return first !== undefined && second !== undefined && first !== second ? AbortSignal.any([first, second]) : (second ?? first);
}

function both(first: (() => void) | undefined, second: (() => void) | undefined): (() => void) | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return () => {
    first();
    second();
  };
}
