/**
 * One watch connection, from connect to end.
 *
 * Owns: reading the stream, cutting it into events, giving it up when it is silent. Never: reconnects, or touches the store.
 * Invariant: once the signal has aborted no event is handed over.
 */
import type { ApiRequest, ApiStream, ApiTransport } from '../client/transport';
import type { Clock, Timer } from '../time/clock';
import { DecodeError, failureOfStatus, WatchStatusError } from './failure';
import { LineDecoder } from './line-decoder';
import type { TurnBudget } from './turn-budget';
import type { CompiledWatchOptions } from './watch-options';

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: unknown;
}

export interface WatchSessionOptions {
  readonly transport: ApiTransport;
  readonly clock: Clock;
  readonly numbers: CompiledWatchOptions;
  readonly budget: TurnBudget;
}

export interface WatchSessionRequest extends Pick<ApiRequest, 'path' | 'query' | 'accept'> {
  /** Life asked of the server, in seconds. */
  readonly timeoutSeconds: number;
}

export interface WatchSink {
  connected(): void;
  event(event: WatchEvent): void;
}

const EVENT_TYPES: ReadonlySet<unknown> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']);

export class WatchSession {
  private readonly lines: LineDecoder;
  private stream: ApiStream | undefined;
  private timer: Timer | undefined;
  private lastByteMs = 0;
  private silenceMs = 0;
  private isIdle = false;

  constructor(
    private readonly options: WatchSessionOptions,
    private readonly sink: WatchSink,
  ) {
    this.lines = new LineDecoder(options.numbers.maxLineBytes);
  }

  /**
   * Resolves when the server ended the stream as it should, or when it was given up for its silence.
   *
   * @throws {ApiError} {TransportError} {LineError} {DecodeError} {WatchStatusError}, and the signal's reason.
   */
  async run(request: WatchSessionRequest, signal: AbortSignal): Promise<void> {
    const stream = await this.connect(request, signal);
    const close = (): void => stream.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      signal.throwIfAborted();
      this.sink.connected();
      this.watchForSilence(request.timeoutSeconds * 1_000);
      await this.read(stream, signal);
    } catch (error) {
      if (!this.isIdle) throw error;
    } finally {
      this.timer?.cancel();
      signal.removeEventListener('abort', close);
      stream.close();
    }
  }

  private async connect({ path, query, accept, timeoutSeconds }: WatchSessionRequest, signal: AbortSignal): Promise<ApiStream> {
    const watching = { watch: '1', allowWatchBookmarks: 'true', timeoutSeconds: String(timeoutSeconds) };
    this.stream = await this.options.transport.stream({
      method: 'GET',
      path,
      query: { ...query, ...watching },
      ...(accept === undefined ? {} : { accept }),
      signal,
      headersTimeoutMs: this.options.numbers.headersTimeoutMs,
      bodyIdleTimeoutMs: 0,
      totalTimeoutMs: 0,
    });
    return this.stream;
  }

  private async read(stream: ApiStream, signal: AbortSignal): Promise<void> {
    const { clock, budget } = this.options;
    for await (const chunk of stream.body) {
      this.lastByteMs = clock.monotonicMs();
      for (const line of this.lines.push(chunk)) {
        this.handOver(line);
        signal.throwIfAborted();
        if (budget.spend()) await budget.rest();
        signal.throwIfAborted();
      }
    }
    signal.throwIfAborted();
    this.lines.end();
  }

  private handOver(line: string): void {
    const event = parse(line);
    if (event.type === 'ERROR') throw new WatchStatusError(failureOfStatus(event.object));
    if (!isWatchEvent(event)) return; // a type of a later API version: nothing we could do with it
    if (event.type === 'BOOKMARK') this.silenceMs = this.options.numbers.idleTimeoutMs;
    this.sink.event(event);
  }

  /**
   * Servers send a bookmark about every minute, but only one that has sent any on this stream has promised to speak before its life is over.
   * A quiet kind on a server without bookmarks must not count as stale, so the stream is renewed just before.
   */
  private watchForSilence(lifeMs: number): void {
    const { lifeGraceMs, staleAfterMs } = this.options.numbers;
    this.silenceMs = Math.min(lifeMs + lifeGraceMs, staleAfterMs - lifeGraceMs);
    this.lastByteMs = this.options.clock.monotonicMs();
    this.checkSilence();
  }

  /** The timer runs on the shortest silence that could matter and looks again, instead of being set anew with every chunk. */
  private checkSilence(): void {
    const { clock, numbers } = this.options;
    const leftMs = this.lastByteMs + this.silenceMs - clock.monotonicMs();
    if (leftMs <= 0) {
      this.isIdle = true;
      this.stream?.close();
      return;
    }
    this.timer = clock.setTimer(Math.min(leftMs, numbers.idleTimeoutMs), () => this.checkSilence());
  }
}

function parse(line: string): { type: unknown; object: unknown } {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch (error) {
    throw new DecodeError('a watch event is not JSON', { cause: error });
  }
  if (typeof event !== 'object' || event === null || !('type' in event) || !('object' in event)) {
    throw new DecodeError('a watch event has no type or no object');
  }
  return event;
}

function isWatchEvent(event: { type: unknown; object: unknown }): event is WatchEvent {
  return EVENT_TYPES.has(event.type);
}
