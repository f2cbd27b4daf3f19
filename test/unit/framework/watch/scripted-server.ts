/**
 * An API server in memory that serves one kind and misbehaves on command.
 *
 * Owns: objects, versions, history and open watches, seen through the same bytes as over the network. Never: waits or uses a timer.
 */
import type { ApiRequest, ApiResponse, ApiStream, ApiTransport } from '../../../../src/framework/client/transport';
import { apiErrorOf, TransportError } from '../../../../src/framework/errors/api-error';
import { defineKind, type Kind } from '../../../../src/framework/kinds/kind';
import { type KubernetesObject, keyOf, objectKey } from '../../../../src/framework/kinds/object';

export interface Widget extends KubernetesObject {
  spec?: { size: number };
}

export const Widget = defineKind<Widget>('example.org/v1', 'Widget', 'widgets', { scope: 'Namespaced' });

type Verb = 'list' | 'watch' | 'discovery';
type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

interface HistoryEntry {
  readonly version: number;
  readonly type: EventType;
  readonly object: Widget;
}

export interface JournalEntry {
  readonly verb: Verb;
  readonly request: ApiRequest;
}

/** A response body that a test writes piece by piece. */
export class ScriptedStream implements ApiStream {
  readonly status = 200;
  readonly headers = {};
  readonly body: AsyncIterable<Uint8Array>;
  isClosed = false;
  private readonly chunks: Uint8Array[] = [];
  private outcome: { error?: unknown } | undefined;
  private wake: () => void = () => undefined;

  constructor(
    readonly namespace: string | undefined,
    readonly request: ApiRequest,
  ) {
    this.body = this.read();
  }

  get isOpen(): boolean {
    return !this.isClosed && this.outcome === undefined;
  }

  send(text: string | Uint8Array): void {
    this.chunks.push(typeof text === 'string' ? Buffer.from(text) : text);
    this.wake();
  }

  sendEvent(type: string, object: unknown): void {
    this.send(`${JSON.stringify({ type, object })}\n`);
  }

  end(): void {
    this.outcome ??= {};
    this.wake();
  }

  fail(error: unknown): void {
    this.outcome ??= { error };
    this.wake();
  }

  close(): void {
    this.isClosed = true;
    this.wake();
  }

  private async *read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.isClosed) throw new TransportError('body', 'unknown', 'closed by the caller');
      const chunk = this.chunks.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.outcome?.error !== undefined) throw this.outcome.error;
      else if (this.outcome !== undefined) return;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}

export class ScriptedServer implements ApiTransport {
  readonly journal: JournalEntry[] = [];
  readonly watches: ScriptedStream[] = [];
  readonly objects = new Map<string, Widget>();
  /** Versions served; empty = the kind does not exist. */
  servedVersions: string[];
  scope: 'Namespaced' | 'Cluster' = 'Namespaced';
  /** How a watch from a forgotten version is refused. */
  goneAs: 'status' | 'event' = 'status';
  /** Ends every watch as soon as it is open. */
  endsWatchesAtOnce = false;
  /** Sends every event twice. */
  duplicatesEvents = false;
  /** Answers lists only when told to, with the state of when they were asked. */
  holdsLists = false;
  version: number;
  private readonly held: (() => void)[] = [];
  private forgottenTo = 0;
  private history: HistoryEntry[] = [];
  private readonly snapshots = new Map<number, Widget[]>();
  private readonly faults: { verb: Verb; error: () => unknown }[] = [];
  private nextUid = 1;

  constructor(
    private readonly kind: Kind = Widget,
    startVersion = 100,
  ) {
    this.version = startVersion;
    this.servedVersions = [kind.version];
  }

  /** The next `times` requests of this verb fail. */
  failNext(verb: Verb, error: unknown, times = 1): void {
    for (let i = 0; i < times; i++) this.faults.push({ verb, error: () => error });
  }

  /** No more scripted failures. */
  heal(): void {
    this.faults.length = 0;
    this.endsWatchesAtOnce = false;
    this.duplicatesEvents = false;
    this.releaseLists();
  }

  /** Answers the lists that were held, and those to come. */
  releaseLists(): void {
    this.holdsLists = false;
    for (const answer of this.held.splice(0)) answer();
  }

  requests(verb: Verb): ApiRequest[] {
    return this.journal.filter((entry) => entry.verb === verb).map(({ request }) => request);
  }

  get openWatches(): ScriptedStream[] {
    return this.watches.filter((watch) => watch.isOpen);
  }

  /** The watch opened last. */
  get watch(): ScriptedStream {
    const last = this.watches.at(-1);
    if (last === undefined) throw new Error('no watch was opened yet');
    return last;
  }

  create(
    name: string,
    { namespace = 'default', size = 1, labels }: { namespace?: string; size?: number; labels?: Record<string, string> } = {},
  ): Widget {
    const uid = `uid-${this.nextUid++}`;
    return this.record('ADDED', { metadata: { name, namespace, uid, ...(labels === undefined ? {} : { labels }) }, spec: { size } });
  }

  update(name: string, size: number, namespace = 'default'): Widget {
    const { metadata } = this.existing(name, namespace);
    return this.record('MODIFIED', { metadata: { ...metadata }, spec: { size } });
  }

  remove(name: string, namespace = 'default'): Widget {
    return this.record('DELETED', structuredClone(this.existing(name, namespace)));
  }

  /** Forgets history, so that every version before now is too old to watch from. */
  compact(): void {
    this.forgottenTo = this.version;
    this.history = [];
    this.snapshots.clear();
  }

  /** A backup comes back: an older version counter, the kept objects, no history, and nobody is told. */
  restore(version: number, kept: readonly string[]): void {
    this.version = version;
    this.history = [];
    this.snapshots.clear();
    this.forgottenTo = 0;
    for (const [key, object] of this.objects) {
      if (!kept.includes(key)) this.objects.delete(key);
      else object.metadata!.resourceVersion = String(version);
    }
  }

  bookmark(): void {
    for (const watch of this.openWatches) {
      watch.sendEvent('BOOKMARK', { kind: this.kind.kind, metadata: { resourceVersion: String(this.version), creationTimestamp: null } });
    }
  }

  endWatches(): void {
    for (const watch of this.openWatches) watch.end();
  }

  resetWatches(): void {
    for (const watch of this.openWatches) watch.fail(new TransportError('body', 'unknown', 'ECONNRESET'));
  }

  /** The definition goes, with all objects. */
  drop(): void {
    for (const object of [...this.objects.values()]) this.remove(object.metadata!.name!, object.metadata!.namespace);
    this.servedVersions = [];
    this.endWatches();
  }

  async request(request: ApiRequest): Promise<ApiResponse> {
    this.arrive('discovery', request);
    const version = this.servedVersions.find((served) => request.path === `/apis/${this.kind.group}/${served}`);
    if (version === undefined) throw statusError(404, 'NotFound', request.path);
    const resources = [
      { name: this.kind.plural, namespaced: this.scope === 'Namespaced', kind: this.kind.kind },
      { name: `${this.kind.plural}/status`, namespaced: true, kind: this.kind.kind },
    ];
    return { status: 200, headers: {}, body: { kind: 'APIResourceList', resources } };
  }

  async stream(request: ApiRequest): Promise<ApiStream> {
    request.signal?.throwIfAborted();
    const isWatch = request.query?.['watch'] === '1';
    this.arrive(isWatch ? 'watch' : 'list', request);
    const version = this.servedVersions.find((served) => request.path.startsWith(`/apis/${this.kind.group}/${served}/`));
    if (version === undefined) throw statusError(404, 'NotFound', request.path);
    const namespace = /\/namespaces\/([^/]+)\//.exec(request.path)?.[1];
    const stream = new ScriptedStream(namespace, request);
    if (isWatch) this.openWatch(stream, `${this.kind.group}/${version}`);
    else this.answerList(stream);
    return stream;
  }

  private arrive(verb: Verb, request: ApiRequest): void {
    this.journal.push({ verb, request });
    const index = this.faults.findIndex((fault) => fault.verb === verb);
    if (index >= 0) throw this.faults.splice(index, 1)[0]!.error();
  }

  private answerList(stream: ScriptedStream): void {
    const { limit, continue: token } = stream.request.query ?? {};
    const [version = this.version, offset = 0] = (token ?? `${this.version}:0`).split(':').map(Number);
    if (token !== undefined && !this.snapshots.has(version)) throw statusError(410, 'Expired', stream.request.path);
    if (!this.snapshots.has(version)) this.snapshots.set(version, [...this.objects.values()]);
    const all = this.snapshots
      .get(version)!
      .filter(({ metadata }) => stream.namespace === undefined || metadata!.namespace === stream.namespace);
    const end = limit === undefined ? all.length : offset + Number(limit);
    const next = end < all.length ? { continue: `${version}:${end}` } : {};
    const list = { kind: 'WidgetList', metadata: { resourceVersion: String(version), ...next }, items: all.slice(offset, end) };
    const body = JSON.stringify(list);
    const answer = (): void => {
      stream.send(body);
      stream.end();
    };
    if (this.holdsLists) this.held.push(answer);
    else answer();
  }

  private openWatch(stream: ScriptedStream, apiVersion: string): void {
    const from = Number(stream.request.query?.['resourceVersion']);
    if (from < this.forgottenTo && this.goneAs === 'status') throw statusError(410, 'Expired', stream.request.path);
    this.watches.push(stream);
    if (from < this.forgottenTo) {
      stream.sendEvent('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' });
      stream.end();
      return;
    }
    for (const entry of this.history) if (entry.version > from) deliver(stream, entry, apiVersion);
    if (this.endsWatchesAtOnce) stream.end();
  }

  private record(type: EventType, object: Widget): Widget {
    this.version++;
    object.metadata!.resourceVersion = String(this.version);
    if (type === 'DELETED') this.objects.delete(keyOf(object));
    else this.objects.set(keyOf(object), object);
    const entry = { version: this.version, type, object: structuredClone(object) };
    this.history.push(entry);
    for (const watch of this.openWatches) {
      deliver(watch, entry, `${this.kind.group}/${this.servedVersions[0]}`);
      if (this.duplicatesEvents) deliver(watch, entry, `${this.kind.group}/${this.servedVersions[0]}`);
    }
    return { apiVersion: this.kind.apiVersion, kind: this.kind.kind, ...structuredClone(object) };
  }

  private existing(name: string, namespace: string): Widget {
    const object = this.objects.get(objectKey(namespace, name));
    if (object === undefined) throw new Error(`there is no ${namespace}/${name}`);
    return object;
  }
}

function deliver(stream: ScriptedStream, { type, object }: HistoryEntry, apiVersion: string): void {
  if (stream.namespace !== undefined && object.metadata!.namespace !== stream.namespace) return;
  stream.sendEvent(type, { apiVersion, kind: 'Widget', ...object });
}

export function statusError(status: number, reason: string, path = '/apis/example.org/v1/widgets', retryAfterMs?: number): unknown {
  return apiErrorOf({ status, reason, message: reason, method: 'GET', path, retryAfterMs });
}
