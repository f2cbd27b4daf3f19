/**
 * Finds out which kinds a cluster serves.
 *
 * Expected flow: `whenServed` asks at once, then polls with growing pauses; `kick` asks at once again when a definition changed.
 * Guarantees: an answer is never older than the question; questions about one group and version that are asked at the same time share
 * one request; trouble with one group does not touch another.
 * Assumptions: discovery is allowed, as it is to every authenticated user by default.
 * Caveats: a definition that was just created is served a moment later; the poll starts over at its shortest pause after a kick.
 * Errors: `served` throws what the transport throws; polling logs it at debug and goes on.
 */
import type { ApiTransport } from '../client/transport';
import { isOperatorError } from '../errors/operator-error';
import type { Kind } from '../kinds/kind';
import type { Logger } from '../logging/logger';
import type { Clock, Timer } from '../time/clock';
import type { KindDiscovery, ServedKind } from '../watch/kind-discovery-contract';

export interface KindDiscoveryOptions {
  readonly transport: ApiTransport;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Uniform in [0, 1). @default Math.random */
  readonly random?: () => number;
  /** First pause between two polls, in milliseconds; grows by half each time, times random 0.8 to 1.2. @default 5000 */
  readonly pollMs?: number;
  /** Longest pause between two polls, in milliseconds. @default 60000 */
  readonly maxPollMs?: number;
}

interface ApiResource {
  readonly name: string;
  readonly namespaced: boolean;
}

const POLL_FACTOR = 1.5;

export class ApiKindDiscovery implements KindDiscovery {
  private readonly polls = new Set<Poll>();
  private readonly asking = new Map<string, Promise<readonly ApiResource[]>>();
  private readonly answers = new Map<string, 'served' | 'absent'>();
  private readonly listeners = new Set<() => void>();
  private readonly closing = new AbortController();

  constructor(private readonly options: KindDiscoveryOptions) {}

  async served(kind: Kind, signal?: AbortSignal): Promise<ServedKind | undefined> {
    const served = await this.ask(kind, signal);
    const answer = served === undefined ? 'absent' : 'served';
    if (this.answers.get(kind.id) !== answer) {
      this.answers.set(kind.id, answer);
      for (const listener of this.listeners) listener();
    }
    return served;
  }

  /** What the API server said last; `unknown` before it was asked. Only kinds that may be absent are asked about. */
  lastAnswer(kind: Kind): 'served' | 'absent' | 'unknown' {
    return this.answers.get(kind.id) ?? 'unknown';
  }

  /** Listeners are told inline after `lastAnswer` of some kind became another one. @returns a function that ends it. */
  onAnswer(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  whenServed(kind: Kind, listener: (served: ServedKind) => void): () => void {
    const poll: Poll = new Poll(
      kind,
      this.options,
      () => this.served(kind, this.closing.signal),
      (served) => {
        this.polls.delete(poll);
        listener(served);
      },
    );
    this.polls.add(poll);
    if (!this.closing.signal.aborted) poll.ask();
    return () => {
      poll.end();
      this.polls.delete(poll);
    };
  }

  /** Something about the definition `<plural>.<group>` changed, or about all of them: those who wait ask at once. */
  kick(kindId?: string): void {
    for (const poll of this.polls) if (kindId === undefined || poll.kind.id === kindId) poll.kick();
  }

  /**
   * Compares a kind's scope with what the cluster says.
   *
   * @returns a sentence for people when they differ, `undefined` when they agree or the kind is not served.
   * @throws as `served`.
   */
  async scopeProblem(kind: Kind, signal?: AbortSignal): Promise<string | undefined> {
    const served = await this.served(kind, signal);
    if (served === undefined || served.scope === kind.scope || kind.eitherScope) return undefined;
    return `${kind.id} is defined with scope ${kind.scope} but the cluster serves it with scope ${served.scope}`;
  }

  /** Ends all polling and closes open requests. Final. */
  stop(): void {
    for (const poll of this.polls) poll.end();
    this.polls.clear();
    this.closing.abort(new Error('discovery was stopped'));
  }

  private async ask(kind: Kind, signal: AbortSignal | undefined): Promise<ServedKind | undefined> {
    for (const apiVersion of [kind.apiVersion, ...kind.alternatives]) {
      const resources = await orAborted(this.resources(apiVersion), signal);
      const resource = resources.find(({ name }) => name === kind.plural);
      if (resource !== undefined) return { apiVersion, scope: resource.namespaced ? 'Namespaced' : 'Cluster' };
    }
    return undefined;
  }

  private resources(apiVersion: string): Promise<readonly ApiResource[]> {
    const asked = this.asking.get(apiVersion);
    if (asked !== undefined) return asked;
    const answer = this.fetch(apiVersion).finally(() => this.asking.delete(apiVersion));
    this.asking.set(apiVersion, answer);
    return answer;
  }

  private async fetch(apiVersion: string): Promise<readonly ApiResource[]> {
    const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    try {
      const { body } = await this.options.transport.request({ method: 'GET', path, signal: this.closing.signal });
      const resources = (body as { resources?: unknown } | undefined)?.resources;
      return Array.isArray(resources) ? resources.filter(isResource) : [];
    } catch (error) {
      if (isOperatorError(error, 'NOT_FOUND')) return [];
      throw error;
    }
  }
}

/** Waits for one kind. */
class Poll {
  private timer: Timer | undefined;
  private pauseMs: number;
  private isAsking = false;
  private isKicked = false;
  private isOver = false;

  constructor(
    readonly kind: Kind,
    private readonly options: KindDiscoveryOptions,
    private readonly served: () => Promise<ServedKind | undefined>,
    private readonly listener: (served: ServedKind) => void,
  ) {
    this.pauseMs = options.pollMs ?? 5_000;
  }

  ask(): void {
    this.isAsking = true;
    this.served()
      .catch((error: unknown) => {
        this.options.logger.debug('discovery did not answer', { kind: this.kind.id, error });
        return undefined;
      })
      .then((served) => this.answered(served));
  }

  /** The answer under way may be older than the change, so it is asked for once more after it. */
  kick(): void {
    this.pauseMs = this.options.pollMs ?? 5_000;
    if (this.isAsking) {
      this.isKicked = true;
      return;
    }
    this.timer?.cancel();
    this.ask();
  }

  end(): void {
    this.isOver = true;
    this.timer?.cancel();
  }

  private answered(served: ServedKind | undefined): void {
    this.isAsking = false;
    if (this.isOver) return;
    if (served !== undefined) {
      this.isOver = true;
      this.listener(served);
    } else if (this.isKicked) {
      this.isKicked = false;
      this.ask();
    } else {
      this.pause();
    }
  }

  private pause(): void {
    const { clock, random = Math.random, maxPollMs = 60_000 } = this.options;
    this.timer = clock.setTimer(this.pauseMs * (0.8 + 0.4 * random()), () => this.ask());
    this.pauseMs = Math.min(maxPollMs, this.pauseMs * POLL_FACTOR);
  }
}

function isResource(value: unknown): value is ApiResource {
  return typeof value === 'object' && value !== null && typeof (value as ApiResource).name === 'string';
}

/** A caller may stop waiting for an answer that others wait for too. */
function orAborted<V>(answer: Promise<V>, signal: AbortSignal | undefined): Promise<V> {
  if (signal === undefined) return answer;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
