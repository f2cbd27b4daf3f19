/**
 * An HTTP proxy in front of a real API server that changes answers.
 *
 * Expected flow: `await HttpFaultProxy.start({ target, targetCa })` -> client uses `proxy.url` and `proxy.ca` -> rules -> `await proxy.stop()`.
 * Guarantees: without a rule that matches, requests and answers pass unchanged, the Authorization header included; watches stream line by line.
 * Assumptions: the target speaks HTTP/1.1 and checks the token itself; client certificates do not pass.
 * Caveats: the proxy ends TLS with its own authority. A line longer than the memory of the process is not guarded against.
 */
import {
  createServer as createHttpServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, request as httpsRequest } from 'node:https';
import { type Clock, SystemClock } from '../../time/clock';
import { type FaultHandle, FaultPlan, type FaultRule, type FaultTarget } from '../fake-api-server/faults/fault-plan';
import type { Fault } from '../fake-api-server/faults/faults';
import { resourceRequestOf } from '../fake-api-server/http/request-info';
import { kubeconfigText } from '../fake-api-server/kubeconfig';
import { expired, StatusError } from '../fake-api-server/status-error';
import { closeServer, listenLocally, SocketTable } from '../socket-table';
import { TestCertificateAuthority } from '../test-certificates';
import { LineFilter } from './line-filter';

/** How long an idle connection stays open. */
const IDLE_MS = 180_000;

export interface HttpFaultProxyOptions {
  /** Base URL of the real server. */
  target: string;
  /** PEM that the target's certificate is checked against; left out for plain HTTP. */
  targetCa?: string;
  /** Serve TLS with a test authority. @default true */
  tls?: boolean;
  clock?: Clock;
}

/** A change to requests or answers, for as long as it is set. */
export interface Rewrite {
  /** Which requests; every request when left out. */
  on?: (request: FaultTarget) => boolean;
  /** Replaces resourceVersion of the query, for example by `1` to provoke a real 410. */
  resourceVersion?: (version: string) => string;
  /** Takes BOOKMARK lines out of watches. */
  stripBookmarks?: boolean;
}

export class HttpFaultProxy {
  private readonly plan = new FaultPlan();
  private readonly rewrites = new Set<Rewrite>();
  private readonly sockets: SocketTable;
  private readonly responses = new Set<ServerResponse>();
  private readonly clock: Clock;
  private readonly authority: TestCertificateAuthority | undefined;
  private readonly server: Server;
  private boundPort = 0;

  private constructor(private readonly options: HttpFaultProxyOptions) {
    this.clock = options.clock ?? new SystemClock();
    const handle = (request: IncomingMessage, response: ServerResponse): void => void this.handle(request, response);
    this.authority = (options.tls ?? true) ? new TestCertificateAuthority() : undefined;
    this.server = this.authority === undefined ? createHttpServer(handle) : createHttpsServer(this.authority.issue(), handle);
    // As API servers do: a connection that was idle for a while must not break under the next request.
    this.server.keepAliveTimeout = IDLE_MS;
    this.sockets = new SocketTable(this.server);
  }

  static async start(options: HttpFaultProxyOptions): Promise<HttpFaultProxy> {
    const proxy = new HttpFaultProxy(options);
    proxy.boundPort = await listenLocally(proxy.server, 0);
    return proxy;
  }

  get url(): string {
    return `${this.authority === undefined ? 'http' : 'https'}://127.0.0.1:${this.boundPort}`;
  }

  /** PEM of the proxy's own authority; `undefined` for plain HTTP. */
  get ca(): string | undefined {
    return this.authority?.cert;
  }

  /** Requests whose answer has not begun. */
  get unanswered(): number {
    return [...this.responses].filter(({ headersSent }) => !headersSent).length;
  }

  kubeconfig(token?: string): string {
    return kubeconfigText({ server: this.url, ca: this.ca, token });
  }

  readonly faults = {
    /**
     * Kinds that a proxy can cause: status, gone (as status), delay, reset, stall, closeAtOnce, loseResponse, expireContinue, truncateLine,
     * garbageLine, dropBookmarks, duplicateEvents, slowBytes.
     */
    add: (rule: FaultRule): FaultHandle => this.plan.add(rule),
    clear: (): void => this.plan.clear(),
  };

  /** @returns a function that takes the rewrite back. */
  rewrite(rule: Rewrite): () => void {
    this.rewrites.add(rule);
    return () => void this.rewrites.delete(rule);
  }

  /** Resets every connection; the proxy goes on listening. */
  cutConnections(): void {
    this.sockets.destroyAll();
  }

  /** Idempotent. Nothing listens and no socket is open afterwards. */
  async stop(): Promise<void> {
    this.faults.clear();
    await closeServer(this.server, this.sockets);
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.responses.add(response);
    response.once('close', () => this.responses.delete(response));
    const url = new URL(request.url ?? '/', 'http://proxy');
    const method = request.method ?? 'GET';
    const info = resourceRequestOf(method, url.pathname, url.searchParams);
    const target: FaultTarget = { ...info, method, path: url.pathname, query: url.searchParams, user: { token: '', name: '' } };
    const fault = this.plan.next(target);
    const rewrites = [...this.rewrites].filter(({ on }) => on?.(target) ?? true);
    if (fault?.kind === 'delay') await new Promise<void>((resolve) => void this.clock.setTimer(fault.delayMs, resolve));
    if (fault !== undefined && this.isAnswered(fault, request, response)) return;
    for (const { resourceVersion } of rewrites) {
      const version = url.searchParams.get('resourceVersion');
      if (resourceVersion !== undefined && version !== null) url.searchParams.set('resourceVersion', resourceVersion(version));
    }
    this.forward(
      request,
      response,
      url,
      target,
      fault,
      rewrites.some(({ stripBookmarks }) => stripBookmarks === true),
    );
  }

  private forward(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    target: FaultTarget,
    fault: Fault | undefined,
    stripsBookmarks: boolean,
  ): void {
    const upstreamUrl = new URL(`${url.pathname}${url.search}`, this.options.target);
    const { host: _host, connection: _connection, 'accept-encoding': _encoding, ...headers } = request.headers;
    const send = upstreamUrl.protocol === 'https:' ? httpsRequest : httpRequest;
    const ca = this.options.targetCa === undefined ? {} : { ca: this.options.targetCa };
    const upstream = send(upstreamUrl, { method: request.method ?? 'GET', headers, agent: false, ...ca }, (answer) => {
      if (fault?.kind === 'loseResponse') {
        answer
          .resume()
          .on('end', () => request.socket.destroy())
          .on('error', () => request.socket.destroy());
        return;
      }
      this.pass(request, answer, response, target, fault, stripsBookmarks);
    });
    upstream.on('error', () => this.sockets.reset(request.socket));
    response.on('close', () => upstream.destroy());
    request.pipe(upstream);
  }

  private pass(
    request: IncomingMessage,
    answer: IncomingMessage,
    response: ServerResponse,
    target: FaultTarget,
    fault: Fault | undefined,
    stripsBookmarks: boolean,
  ): void {
    const { connection: _connection, 'transfer-encoding': _transfer, ...headers } = answer.headers;
    const isShaped = target.verb === 'watch' || fault !== undefined;
    if (isShaped) delete headers['content-length'];
    response.writeHead(answer.statusCode ?? 502, headers);
    if (!isShaped) {
      answer.pipe(response);
      return;
    }
    response.flushHeaders();
    const filter = new LineFilter(response, this.clock, fault, stripsBookmarks, () => this.sockets.reset(request.socket));
    answer
      .on('data', (bytes: Buffer) => filter.push(bytes))
      .on('end', () => filter.end())
      .on('error', () => response.destroy());
  }

  /** Faults that need no target. @returns true when the request is done with. */
  private isAnswered(fault: Fault, request: IncomingMessage, response: ServerResponse): boolean {
    const answer = (error: StatusError): boolean => {
      const retryAfterS = error.details?.['retryAfterSeconds'];
      response.writeHead(error.code, {
        'content-type': 'application/json',
        ...(typeof retryAfterS === 'number' ? { 'retry-after': String(retryAfterS) } : {}),
      });
      response.end(`${JSON.stringify(error.toBody())}\n`);
      return true;
    };
    switch (fault.kind) {
      case 'status': {
        const details = fault.retryAfterS === undefined ? undefined : { retryAfterSeconds: fault.retryAfterS };
        return answer(new StatusError(fault.code, fault.reason ?? '', fault.message ?? `injected ${fault.code}`, details));
      }
      case 'gone':
        return fault.as === 'status' ? answer(expired('too old resource version')) : false;
      case 'expireContinue':
        return answer(expired('The provided continue parameter is too old to display a consistent list result.'));
      case 'reset':
        if (fault.afterEvents > 0) return false;
        this.sockets.reset(request.socket);
        return true;
      case 'stall':
        return fault.afterEvents === 0;
      default:
        return false;
    }
  }
}
