/**
 * Calls and streams to one API server over HTTP or HTTPS.
 *
 * Expected flow: place in flight -> credentials -> connection -> guard -> answer; a 401 renews the credentials and repeats once.
 * Guarantees: at most 32 calls in flight, first come first served; one credential refresh for any number of parallel 401s; every
 * call ends by its time limits or its signal; after `close` no socket and no timer is left.
 * Assumptions: callers decide about repeats after failures (see call-retry.ts); informers have a backoff of their own.
 * Caveats: redirects are not followed; a 429 with Retry-After holds up every other call of this transport as well.
 * Errors: ApiError for any status of 300 or more, TransportError without an answer, the signal's reason on abort.
 */
import { TransportError } from '../errors/api-error';
import type { Clock } from '../time/clock';
import { AgentPair } from './agents';
import { errorOfAnswer, parseBody, plainHeaders, retryAfterMs } from './api-answer';
import { CallDeadline, CallTimeout, whileAlive } from './call-deadline';
import type { ClientMetrics } from './client-metrics';
import type { CredentialSource, ResolvedCredentials } from './credentials';
import { Exchange } from './exchange';
import { InFlightLimit } from './in-flight-limit';
import { type RequestJournal, requestInfo } from './request-info';
import type { ApiRequest, ApiResponse, ApiStream, ApiTransport } from './transport';

const CONNECT_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 30_000;
const BODY_IDLE_TIMEOUT_MS = 30_000;
const TOTAL_TIMEOUT_MS = 60_000;
/** No answer is kept in memory beyond this; the largest list pages are a few MiB. */
const MAX_BODY_BYTES = 128 * 1_048_576;
/** An error body is read this far. */
const MAX_ERROR_BYTES = 65_536;

export interface HttpTransportOptions {
  /** Name in metrics and journal; `local` for the cluster the process runs in. */
  cluster: string;
  credentials: CredentialSource;
  clock: Clock;
  /** For example `virt-steward/1.2.0 (wol)`, see `userAgentOf`. */
  userAgent: string;
  /** Ask for gzip: worth it over a WAN, not beside the API server. Watches are never compressed. @default false */
  compress?: boolean;
  /** Calls at a time. @default 32 */
  maxInFlight?: number;
  /** Calls a second, 0 = off. @default 0 */
  qps?: number;
  burst?: number;
  metrics?: ClientMetrics | undefined;
  journal?: RequestJournal | undefined;
}

/** @param module the module that calls, or what stands for all of them. */
export function userAgentOf(version: string, module: string): string {
  return `virt-steward/${version} (${module})`;
}

interface Opened {
  readonly exchange: Exchange;
  readonly status: number;
  readonly statusText: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly fingerprint: string;
}

export class HttpTransport implements ApiTransport {
  private readonly limit: InFlightLimit;
  private agents: AgentPair | undefined;
  private readonly retiring = new Set<AgentPair>();
  private readonly running = new Set<CallDeadline>();
  private closed = false;

  constructor(private readonly options: HttpTransportOptions) {
    const { clock, maxInFlight, qps, burst, cluster, metrics } = options;
    this.limit = new InFlightLimit(clock, {
      ...(maxInFlight === undefined ? {} : { maxInFlight }),
      ...(qps === undefined ? {} : { qps }),
      ...(burst === undefined ? {} : { burst }),
      onWaiting: (calls) => metrics?.waiting?.(cluster, calls),
    });
  }

  async request(request: ApiRequest): Promise<ApiResponse> {
    const startMs = this.options.clock.monotonicMs();
    const deadline = this.begin(request);
    let leave: (() => void) | undefined;
    let code = '<error>';
    try {
      leave = await this.limit.enter(deadline.signal);
      const opened = await this.answer(request, 'calls', deadline);
      code = String(opened.status);
      const { exchange, status, headers } = opened;
      const bytes = await exchange.readAll(MAX_BODY_BYTES);
      return { status, headers, body: this.parsed(exchange, headers, bytes) };
    } catch (error) {
      code = codeOf(error) ?? code;
      throw this.unsent(error);
    } finally {
      leave?.();
      this.end(deadline);
      this.measure(request, code, startMs);
    }
  }

  async stream(request: ApiRequest): Promise<ApiStream> {
    const startMs = this.options.clock.monotonicMs();
    const deadline = this.begin(request);
    try {
      await this.limit.clearance(deadline.signal);
      const { exchange, status, headers } = await this.answer(request, 'streams', deadline);
      this.measure(request, String(status), startMs);
      deadline.signal.addEventListener('abort', () => this.end(deadline), { once: true });
      return { status, headers, body: this.streamBody(exchange, deadline), close: () => this.closeStream(exchange, deadline) };
    } catch (error) {
      this.end(deadline);
      this.measure(request, codeOf(error) ?? '<error>', startMs);
      throw this.unsent(error);
    }
  }

  /** Aborts what runs and closes every connection. Idempotent. */
  close(): void {
    this.closed = true;
    for (const deadline of [...this.running]) deadline.abort(new TransportError('connect', 'unknown', `${this.name} was closed`));
    for (const pair of [this.agents, ...this.retiring]) pair?.destroy();
    this.agents = undefined;
    this.retiring.clear();
  }

  private begin({ totalTimeoutMs = TOTAL_TIMEOUT_MS, signal }: ApiRequest): CallDeadline {
    if (this.closed) throw new TransportError('connect', 'not-sent', `${this.name} was closed`);
    const deadline = new CallDeadline(this.options.clock, totalTimeoutMs, signal);
    this.running.add(deadline);
    return deadline;
  }

  private end(deadline: CallDeadline): void {
    deadline.release();
    this.running.delete(deadline);
  }

  /** Sends and waits for headers; renews credentials and repeats once after a 401. @throws {ApiError} for an answer that is an error. */
  private async answer(request: ApiRequest, purpose: 'calls' | 'streams', deadline: CallDeadline): Promise<Opened> {
    const { credentials } = this.options;
    let opened = await this.send(request, purpose, deadline, await whileAlive(credentials.current(), deadline.signal));
    if (opened.status === 401) {
      await opened.exchange.readAll(MAX_ERROR_BYTES);
      const renewed = await whileAlive(credentials.refresh(opened.fingerprint), deadline.signal);
      opened = await this.send(request, purpose, deadline, renewed);
    }
    const { exchange, status, statusText, headers } = opened;
    if (status < 300) return opened;
    const waitMs = retryAfterMs(headers);
    if (status === 429 && waitMs !== undefined) this.limit.pause(waitMs);
    throw errorOfAnswer(request, status, statusText, headers, await this.errorBody(exchange));
  }

  private async send(
    request: ApiRequest,
    purpose: 'calls' | 'streams',
    deadline: CallDeadline,
    credentials: ResolvedCredentials,
  ): Promise<Opened> {
    const { clock, journal, cluster } = this.options;
    const payload = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const exchange = new Exchange({
      url: urlOf(credentials.server, request),
      method: request.method,
      headers: this.headersFor(request, credentials, payload),
      payload,
      agent: this.agentsFor(credentials)[purpose],
      clock,
      signal: deadline.signal,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      headersTimeoutMs: request.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
      bodyIdleTimeoutMs: request.bodyIdleTimeoutMs ?? BODY_IDLE_TIMEOUT_MS,
      beforeSend: () => {
        request.beforeSend?.();
        journal?.(requestInfo(request.method, request.path, request.query), cluster);
      },
    });
    const response = await exchange.open();
    return {
      exchange,
      status: response.statusCode ?? 0,
      statusText: response.statusMessage ?? '',
      headers: plainHeaders(response.headers),
      fingerprint: credentials.fingerprint,
    };
  }

  private headersFor(request: ApiRequest, credentials: ResolvedCredentials, payload: Buffer | undefined): Record<string, string> {
    const isWatch = request.query?.['watch'] !== undefined;
    return {
      ...credentials.headers,
      accept: request.accept ?? 'application/json',
      'user-agent': this.options.userAgent,
      ...(this.options.compress === true && !isWatch ? { 'accept-encoding': 'gzip' } : {}),
      ...(payload === undefined
        ? {}
        : { 'content-type': request.contentType ?? 'application/json', 'content-length': String(payload.length) }),
    };
  }

  /** The agents of a credential; those of an older one close as their calls end. */
  private agentsFor(credentials: ResolvedCredentials): AgentPair {
    const current = this.agents;
    if (this.closed) throw new TransportError('connect', 'not-sent', `${this.name} was closed`);
    if (current?.credentials.fingerprint === credentials.fingerprint) return current;
    if (current !== undefined) {
      current.retire();
      // A new token does not make a running watch wrong; another certificate, CA or server does.
      if (current.credentials.connectionFingerprint !== credentials.connectionFingerprint) current.cutStreams();
      for (const pair of this.retiring) if (pair.isEmpty) this.retiring.delete(pair);
      this.retiring.add(current);
    }
    this.agents = new AgentPair(credentials, this.options.clock);
    return this.agents;
  }

  private async *streamBody(exchange: Exchange, deadline: CallDeadline): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* exchange.chunks();
    } finally {
      this.end(deadline);
    }
  }

  private closeStream(exchange: Exchange, deadline: CallDeadline): void {
    exchange.close();
    this.end(deadline);
  }

  private async errorBody(exchange: Exchange): Promise<Buffer> {
    try {
      return await exchange.readAll(MAX_ERROR_BYTES);
    } catch {
      return Buffer.alloc(0); // The status is known, and it is what counts.
    }
  }

  private parsed(exchange: Exchange, headers: Readonly<Record<string, string | undefined>>, bytes: Buffer): unknown {
    try {
      return parseBody(headers, bytes);
    } catch {
      throw exchange.bodyError('the body is not valid JSON');
    }
  }

  /** Time that ran out before anything was sent is an error of the transport like any other. */
  private unsent(error: unknown): unknown {
    return error instanceof CallTimeout ? new TransportError('connect', 'not-sent', `${this.name}: ${error.message}`) : error;
  }

  private measure({ method, path, query }: ApiRequest, code: string, startMs: number): void {
    const { metrics, cluster, clock } = this.options;
    const durationSeconds = (clock.monotonicMs() - startMs) / 1_000;
    metrics?.request?.({ cluster, method, verb: requestInfo(method, path, query).verb, code, durationSeconds });
  }

  private get name(): string {
    return `the connection to cluster ${this.options.cluster}`;
  }
}

function codeOf(error: unknown): string | undefined {
  const { status } = (error ?? {}) as { status?: unknown };
  return typeof status === 'number' ? String(status) : undefined;
}

/** Base path of the server, path and query of the request. */
function urlOf(server: URL, { path, query = {} }: ApiRequest): URL {
  const url = new URL(server);
  url.pathname = `${server.pathname.replace(/\/$/, '')}${path}`;
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.append(name, value);
  return url;
}
