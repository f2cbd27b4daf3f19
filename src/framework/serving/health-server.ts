/**
 * `/healthz` and `/readyz` over plain HTTP.
 *
 * Owns: one listening socket. Never: decides what healthy means; checks are handed in.
 * Invariant: answers from memory within a second, whatever the API server does.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { ListenAddress } from './address';
import { type HealthCheck, reportHealth } from './checks';
import { close, listen } from './listening';

export type Endpoint = 'healthz' | 'readyz';

/** A slow client must not hold a socket for ever. */
const REQUEST_TIMEOUT_MS = 5_000;

export class HealthServer {
  private readonly server: Server;
  private readonly checks: Record<Endpoint, HealthCheck[]> = { healthz: [], readyz: [] };

  constructor() {
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

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'method not allowed');
    const url = new URL(request.url ?? '/', 'http://localhost');
    const [endpoint, name] = url.pathname.slice(1).split('/') as [string, string | undefined];
    if (endpoint !== 'healthz' && endpoint !== 'readyz') return send(response, 404, 'not found');
    const excluded = url.searchParams.getAll('exclude');
    const checks = this.checks[endpoint].filter((check) => (name === undefined || name === check.name) && !excluded.includes(check.name));
    if (name !== undefined && checks.length === 0) return send(response, 404, 'no such check');
    const { healthy, text } = await reportHealth(endpoint, checks, url.searchParams.has('verbose'));
    return send(response, healthy ? 200 : 503, text);
  }
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' });
  response.end(text);
}
