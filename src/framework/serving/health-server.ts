/**
 * `/healthz` and `/readyz` over plain HTTP.
 *
 * Owns: one listening socket. Never: decides what healthy means; checks are handed in.
 * Invariant: answers from memory within a second, whatever the API server does.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Clock } from '../time/clock';
import type { ListenAddress } from './address';
import { type HealthCheck, type HealthReport, reportHealth } from './checks';
import { close, listen } from './listening';

export type Endpoint = 'healthz' | 'readyz';

/** A slow client must not hold a socket for ever. */
const REQUEST_TIMEOUT_MS = 5_000;

export class HealthServer {
  private readonly server: Server;
  private readonly checks: Record<Endpoint, HealthCheck[]> = { healthz: [], readyz: [] };

  constructor(private readonly clock: Clock) {
    this.server = createServer((request, response) => {
      this.answer(request, response).catch(() => response.destroy());
    });
    this.server.requestTimeout = REQUEST_TIMEOUT_MS;
    this.server.headersTimeout = REQUEST_TIMEOUT_MS;
  }

  addCheck(endpoint: Endpoint, check: HealthCheck): void {
    this.checks[endpoint].push(check);
  }

  /** @returns the port in use. @throws the socket's error when the address cannot be bound. */
  listen(address: ListenAddress): Promise<number> {
    return listen(this.server, address);
  }

  close(): Promise<void> {
    return close(this.server);
  }

  /** What the endpoint answers with `?verbose`, without a request. */
  report(endpoint: Endpoint): Promise<HealthReport> {
    return reportHealth(endpoint, this.checks[endpoint], true, this.clock);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'method not allowed', { allow: 'GET, HEAD' });
    const asked = questionOf(request.url ?? '/');
    if (asked === undefined) return send(response, 404, 'not found');
    const { endpoint, name, excluded, verbose } = asked;
    const checks = this.checks[endpoint].filter((check) => (name === undefined || name === check.name) && !excluded.has(check.name));
    if (name !== undefined && !this.checks[endpoint].some((check) => check.name === name)) return send(response, 404, 'no such check');
    const { healthy, text } = await reportHealth(endpoint, checks, verbose, this.clock);
    return send(response, healthy ? 200 : 503, text);
  }
}

interface Question {
  readonly endpoint: Endpoint;
  /** One check only. */
  readonly name: string | undefined;
  readonly excluded: ReadonlySet<string>;
  readonly verbose: boolean;
}

/** @returns `undefined` for an address that is none of ours. */
function questionOf(url: string): Question | undefined {
  const parsed = URL.parse(url, 'http://localhost');
  const [, endpoint, name, ...rest] = parsed?.pathname.split('/') ?? [];
  if (parsed === null || (endpoint !== 'healthz' && endpoint !== 'readyz') || rest.length > 0) return undefined;
  const { searchParams } = parsed;
  const excluded = new Set(searchParams.getAll('exclude'));
  return { endpoint, name: name === '' ? undefined : name, excluded, verbose: searchParams.has('verbose') };
}

function send(response: ServerResponse, status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff', ...headers });
  response.end(text);
}
