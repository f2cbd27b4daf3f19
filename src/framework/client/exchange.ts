/**
 * One request on one connection.
 *
 * Expected flow: connection stands -> guard -> request written -> headers -> body to its end.
 * Guarantees: nothing is written before the connection stands and the guard agreed; every end leads to exactly one outcome;
 * all timers and listeners are gone afterwards.
 * Assumptions: the agent gives connections in the order asked for.
 * Caveats: after the first byte nobody knows whether the server acted; the outcome says so.
 * Errors: TransportError with phase and outcome; the signal's reason on abort; whatever the guard throws.
 */
import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createGunzip } from 'node:zlib';
import { TransportError } from '../errors/api-error';
import type { Clock, Timer } from '../time/clock';
import { whenEstablished } from './agents';
import { CallTimeout } from './call-deadline';

export interface ExchangeOptions {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Buffer | undefined;
  readonly agent: Agent;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  /** 0 = none. */
  readonly bodyIdleTimeoutMs: number;
  readonly beforeSend: (() => void) | undefined;
}

type Phase = TransportError['phase'];

export class Exchange {
  private phase: Phase = 'connect';
  private outcome: TransportError['outcome'] = 'not-sent';
  private timer: Timer | undefined;
  private request: ClientRequest | undefined;
  private response: IncomingMessage | undefined;
  private failure: unknown;
  private closedByUs = false;

  constructor(private readonly options: ExchangeOptions) {}

  /** Sends the request. @returns the answer, its body unread. */
  async open(): Promise<IncomingMessage> {
    const { signal } = this.options;
    signal.throwIfAborted();
    signal.addEventListener('abort', this.onAbort, { once: true });
    try {
      this.response = await this.headers();
      return this.response;
    } catch (error) {
      this.release();
      throw this.explained(error);
    }
  }

  /** The body in chunks; ends the exchange when it ends, however it ends. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    const response = this.response!;
    try {
      const source = response.headers['content-encoding'] === 'gzip' ? this.unzipped(response) : response;
      const iterator = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
      for (;;) {
        this.limit(this.options.bodyIdleTimeoutMs, 'the body was silent for');
        const { done, value } = await iterator.next();
        this.timer?.cancel();
        if (done === true) return;
        yield value;
      }
    } catch (error) {
      if (this.closedByUs) return;
      throw this.explained(error);
    } finally {
      this.close();
    }
  }

  /** Reads the body to its end. @throws {TransportError} when it is larger than `maxBytes`. */
  async readAll(maxBytes: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of this.chunks()) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new TransportError('body', this.outcome, `${this.where}: the body is larger than ${maxBytes} bytes`);
      parts.push(chunk);
    }
    return Buffer.concat(parts, bytes);
  }

  /** Ends the exchange; a connection whose answer was read to its end stays open for the next one. */
  close(): void {
    this.closedByUs = true;
    this.release();
    if (this.response?.complete === true && this.response.readableEnded) return;
    this.response?.destroy();
    this.request?.destroy();
  }

  /** A failure after the headers: the answer was there but could not be used. */
  bodyError(message: string): TransportError {
    return new TransportError('body', this.outcome, `${this.where}: ${message}`);
  }

  private headers(): Promise<IncomingMessage> {
    const { url, method, headers, agent, payload, connectTimeoutMs } = this.options;
    return new Promise((resolve, reject) => {
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, { method, headers, agent });
      this.request = request;
      // Stays on for the whole life of the request: a late error of a connection nobody reads from must not end the process.
      request.on('error', reject);
      request.once('response', (response) => {
        this.timer?.cancel();
        this.phase = 'body';
        response.on('error', (error) => this.remember(error));
        resolve(response);
      });
      request.once('close', () => reject(new Error('the connection was closed')));
      this.limit(connectTimeoutMs, 'no connection within');
      request.once('socket', (socket) => whenEstablished(socket, () => this.send(request, payload)));
    });
  }

  private send(request: ClientRequest, payload: Buffer | undefined): void {
    if (request.destroyed) return;
    try {
      this.options.beforeSend?.();
    } catch (error) {
      this.fail(error);
      return;
    }
    this.phase = 'headers';
    this.outcome = 'unknown';
    this.limit(this.options.headersTimeoutMs, 'no answer within');
    request.end(payload);
  }

  /** gzip as it arrives; errors of either side end the iteration. */
  private unzipped(response: IncomingMessage): AsyncIterable<Uint8Array> {
    const gunzip = createGunzip();
    response.once('error', (error) => gunzip.destroy(error));
    return response.pipe(gunzip);
  }

  private readonly onAbort = (): void => {
    const { reason } = this.options.signal as { reason: unknown };
    this.fail(reason instanceof CallTimeout ? this.transportError(reason.message) : reason);
  };

  private limit(timeoutMs: number, what: string): void {
    this.timer?.cancel();
    this.timer =
      timeoutMs === 0 ? undefined : this.options.clock.setTimer(timeoutMs, () => this.fail(this.transportError(`${what} ${timeoutMs} ms`)));
  }

  private fail(error: unknown): void {
    this.remember(error);
    const cause = error instanceof Error ? error : new Error(String(error));
    this.response?.destroy(cause);
    this.request?.destroy(cause);
  }

  /** The first failure is the cause, what follows from it is noise. */
  private remember(error: unknown): void {
    this.failure ??= error;
  }

  private explained(error: unknown): unknown {
    const cause = this.failure ?? error;
    if (cause instanceof TransportError || cause === this.options.signal.reason) return cause;
    if (this.failure !== undefined && this.phase === 'connect') return cause;
    return this.transportError(textOf(cause), cause);
  }

  private transportError(message: string, cause?: unknown): TransportError {
    return new TransportError(this.phase, this.outcome, `${this.where}: ${message}`, cause);
  }

  private get where(): string {
    const { method, url } = this.options;
    return `${method} ${url.pathname} at ${url.host}`;
  }

  private release(): void {
    this.timer?.cancel();
    this.options.signal.removeEventListener('abort', this.onAbort);
  }
}

/** Node's network errors say what happened in `message` and `code`; addresses tried one by one are joined. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(textOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}
