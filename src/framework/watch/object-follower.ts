/**
 * Follows one object by its name, with no more rights than that takes: `get`, and `watch` where it is granted.
 *
 * Expected flow: read -> watched from there -> the watch ends -> read again; where the watch is refused: read at intervals.
 * Guarantees: every state the server answers with is told once, absence and refusal included; one read at a time; nothing is told after
 * `stop`. Assumptions: the object is small; who follows many of them has a stream for each.
 * Caveats: between the end of a watch and the next one changes are told by the read that comes first.
 * Errors: none; a read that failed is told as `unreadable`.
 */
import type { KubeClient } from '../client';
import { objectPath } from '../client/api-paths';
import { isOperatorError } from '../errors/operator-error';
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, type ObjectKey, splitKey } from '../kinds/object';
import type { Clock } from '../time/clock';
import { sleep } from '../time/sleep';
import { failureOf } from './failure';
import { compareResourceVersions } from './resource-version';
import { nextTurn, TurnBudget } from './turn-budget';
import { compileWatchOptions } from './watch-options';
import { type WatchEvent, WatchSession } from './watch-session';

/** What is known of the object. */
export type FollowedObject<T extends KubernetesObject> =
  | { readonly type: 'unknown' }
  | { readonly type: 'found'; readonly object: T }
  | { readonly type: 'absent'; readonly error: Error }
  | { readonly type: 'unreadable'; readonly error: Error };

export interface FollowObjectOptions<T extends KubernetesObject> {
  readonly client: KubeClient;
  readonly kind: Kind<T>;
  readonly key: ObjectKey;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  /** Between two reads while the watch is refused, in milliseconds. @default 60000 */
  readonly pollMs?: number;
  /** Told inline of every state that differs from the one before. */
  readonly onChange: (now: FollowedObject<T>) => void;
}

const POLL_MS = 60_000;
const numbers = compileWatchOptions();

export class ObjectFollower<T extends KubernetesObject> {
  private known: FollowedObject<T> = { type: 'unknown' };
  private reading: Promise<FollowedObject<T>> | undefined;
  private readonly stopping = new AbortController();
  private watches: 'not yet' | 'yes' | 'refused' = 'not yet';
  private running: Promise<void> | undefined;

  constructor(private readonly options: FollowObjectOptions<T>) {}

  /** As it was told last. */
  get current(): FollowedObject<T> {
    return this.known;
  }

  /** `refused` = it is read at intervals instead. */
  get watching(): 'not yet' | 'yes' | 'refused' {
    return this.watches;
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Reads it now; callers at the same time share one read. */
  read(): Promise<FollowedObject<T>> {
    this.reading ??= this.ask().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  async stop(): Promise<void> {
    this.stopping.abort(new Error('nobody follows the object any more'));
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    let failures = 0;
    while (!signal.aborted) {
      const now = await this.read();
      const lived = now.type === 'unreadable' ? 'failed' : await this.watch(now);
      if (signal.aborted) return;
      failures = lived === 'failed' ? failures + 1 : 0;
      const backoffMs = Math.min(numbers.maxBackoffMs, numbers.backoffMs * 2 ** Math.min(failures, 30));
      await this.rest(lived === 'refused' ? (this.options.pollMs ?? POLL_MS) : lived === 'ended' ? numbers.cleanPauseMs : backoffMs);
    }
  }

  private async ask(): Promise<FollowedObject<T>> {
    const { client, kind, key } = this.options;
    try {
      this.tell({ type: 'found', object: await client.get(kind, key, { signal: this.stopping.signal }) });
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      this.tell({ type: isOperatorError(error, 'NOT_FOUND') ? 'absent' : 'unreadable', error });
    }
    return this.known;
  }

  private async watch(from: FollowedObject<T>): Promise<'ended' | 'failed' | 'refused'> {
    const { client, kind, key, clock, random = Math.random } = this.options;
    const { namespace, name } = splitKey(key);
    const path = objectPath(kind as Kind, key).slice(0, -encodeURIComponent(name).length - 1);
    const resourceVersion = from.type === 'found' ? from.object.metadata?.resourceVersion : undefined;
    const life = numbers.minWatchSeconds + Math.floor(random() * (numbers.maxWatchSeconds - numbers.minWatchSeconds));
    const session = new WatchSession(
      {
        ...{ clock, numbers, budget: new TurnBudget(clock, numbers, nextTurn) },
        transport: { request: (request) => client.raw(request), stream: (request) => client.stream(request) },
      },
      {
        connected: () => {
          this.watches = 'yes';
        },
        event: (event) => this.onEvent(event, `${kind.kind} ${namespace ?? ''}/${name}`),
      },
    );
    try {
      const query = { fieldSelector: `metadata.name=${name}`, resourceVersion };
      await session.run({ path, query, timeoutSeconds: life }, this.stopping.signal);
      return 'ended';
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'gone') return 'ended';
      if (failure.kind !== 'forbidden') return 'failed';
      this.watches = 'refused';
      return 'refused';
    }
  }

  private onEvent({ type, object }: WatchEvent, what: string): void {
    if (type === 'BOOKMARK') return;
    this.tell(type === 'DELETED' ? { type: 'absent', error: new Error(`${what} was deleted`) } : { type: 'found', object: object as T });
  }

  private tell(now: FollowedObject<T>): void {
    if (this.stopping.signal.aborted || isSame(this.known, now) || isOlder(now, this.known)) return;
    this.known = now;
    this.options.onChange(now);
  }

  private async rest(ms: number): Promise<void> {
    await sleep(this.options.clock, ms, this.stopping.signal).catch(() => undefined);
  }
}

/** A read on demand may have been ahead of the watch. */
function isOlder<T extends KubernetesObject>(now: FollowedObject<T>, known: FollowedObject<T>): boolean {
  if (now.type !== 'found' || known.type !== 'found') return false;
  const [a, b] = [now.object.metadata, known.object.metadata];
  return a?.uid === b?.uid && (compareResourceVersions(a?.resourceVersion ?? '', b?.resourceVersion ?? '') ?? 0) < 0;
}

function isSame<T extends KubernetesObject>(before: FollowedObject<T>, now: FollowedObject<T>): boolean {
  if (before.type === 'found' && now.type === 'found') {
    const [a, b] = [before.object.metadata, now.object.metadata];
    return a?.uid === b?.uid && a?.resourceVersion === b?.resourceVersion;
  }
  if (before.type === 'unreadable' && now.type === 'unreadable') return before.error.message === now.error.message;
  return before.type === now.type && now.type !== 'found';
}
