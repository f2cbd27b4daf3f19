/**
 * A copy of all objects of one resource, kept up to date.
 *
 * Expected flow: list -> watch from there -> on any end of the watch, list again.
 * Guarantees: every change, deletions during an outage included, is reported once the API server can be reached again.
 * Assumptions: resource versions of one resource can be compared as numbers.
 * Caveats: between an outage and the next list the copy is old.
 * Errors: none leave this class; it tries for ever, a fraction of a second apart, until it is closed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ObjectMeta } from '../objects';
import { keyOf } from '../objects';
import { ApiError, type KubeApi } from './kube-api';

interface Mirrored {
  readonly metadata: ObjectMeta;
}

interface WatchLine<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

const RETRY_MS = 200;
/** The server ends a watch after this time; a connection that died silently is then found out soon after. */
const WATCH_SECONDS = 60;

export class ObjectMirror<T extends Mirrored> {
  private readonly objects = new Map<string, T>();
  /** UID of the object last deleted under a key: late answers about it must not bring it back. */
  private readonly buried = new Map<string, string>();
  private readonly closing = new AbortController();
  private running: Promise<void> = Promise.resolve();

  /** @param path of the collection over all namespaces. @param onChange called with the key after each change. */
  constructor(
    private readonly api: KubeApi,
    private readonly path: string,
    private readonly onChange: (key: string) => void,
  ) {}

  /** Resolves when the first list has been read. */
  async open(): Promise<void> {
    const version = await this.list();
    this.running = this.follow(version);
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.running;
  }

  get(key: string): T | undefined {
    return this.objects.get(key);
  }

  keys(): Iterable<string> {
    return this.objects.keys();
  }

  /** Takes in an object that a write returned, unless something newer is known. */
  accept(object: T): void {
    const key = keyOf(object);
    if (this.buried.get(key) === object.metadata.uid) return;
    const known = this.objects.get(key);
    if (known !== undefined && known.metadata.uid === object.metadata.uid && versionOf(known) >= versionOf(object)) return;
    this.objects.set(key, object);
    this.onChange(key);
  }

  private async follow(firstVersion: string): Promise<void> {
    let version: string | undefined = firstVersion;
    while (!this.closing.signal.aborted) {
      try {
        version ??= await this.list();
        version = await this.watch(version);
      } catch (error) {
        // A watch that breaks off may be resumed; one that is refused may be too old.
        if (error instanceof ApiError || !(error instanceof WatchBroken)) version = undefined;
        else version = error.version;
        await delay(RETRY_MS, undefined, { signal: this.closing.signal }).catch(() => undefined);
      }
    }
  }

  private async list(): Promise<string> {
    const list = await this.api.ask<{ metadata: { resourceVersion: string }; items: T[] }>({ path: this.path });
    const seen = new Set(list.items.map((item) => keyOf(item)));
    const listedAt = BigInt(list.metadata.resourceVersion);
    for (const [key, object] of [...this.objects]) {
      // What a write returned after the list was made is missing there and yet alive.
      if (!seen.has(key) && versionOf(object) <= listedAt) this.bury(key, object);
    }
    for (const item of list.items) this.accept(item);
    return list.metadata.resourceVersion;
  }

  /** @returns the version to go on from after an ordinary end. */
  private async watch(from: string): Promise<string> {
    let version = from;
    const query = `?watch=1&allowWatchBookmarks=true&timeoutSeconds=${WATCH_SECONDS}&resourceVersion=${from}`;
    const signal = AbortSignal.any([this.closing.signal, AbortSignal.timeout((WATCH_SECONDS + 5) * 1_000)]);
    try {
      for await (const line of this.api.stream(`${this.path}${query}`, signal)) {
        const { type, object } = line as WatchLine<T>;
        if (type === 'ERROR') throw new ApiError(410, 'Expired', 'the watch cannot go on from here');
        version = object.metadata.resourceVersion ?? version;
        if (type === 'DELETED') this.bury(keyOf(object), object);
        else if (type !== 'BOOKMARK') this.accept(object);
      }
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw new WatchBroken(version, error);
    }
    return version;
  }

  private bury(key: string, object: T): void {
    this.buried.set(key, object.metadata.uid ?? '');
    if (this.objects.get(key)?.metadata.uid !== object.metadata.uid) return;
    this.objects.delete(key);
    this.onChange(key);
  }
}

class WatchBroken extends Error {
  constructor(
    readonly version: string,
    cause: unknown,
  ) {
    super('the watch broke off', { cause });
  }
}

function versionOf(object: Mirrored): bigint {
  return BigInt(object.metadata.resourceVersion ?? '0');
}
