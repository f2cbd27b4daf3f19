/**
 * `/metrics` in the Prometheus text format: over TLS for callers who may read it, or over plain HTTP for everybody.
 *
 * Owns: one listening socket, and which answer a caller gets. Never: knows what is measured; says more to a stranger than a status.
 * Invariant: when access is checked, nobody reads a metric without the API server's word.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Registry } from 'prom-client';
import type { TokenAccess } from './access/token-access';
import type { ListenAddress } from './address';
import { close, listen } from './listening';
import type { PemPair, ServedCertificate } from './tls/certificate-source';

export const METRICS_PATH = '/metrics';

const REQUEST_TIMEOUT_MS = 10_000;
/** Scrapers are few; more connections than this are no scrapers. */
const MAX_CONNECTIONS = 128;
const MIN_TLS = 'TLSv1.2';

export interface MetricsSecurity {
  readonly certificate: ServedCertificate;
  readonly access: Pick<TokenAccess, 'check'>;
}

export class MetricsServer {
  private readonly server: Server;

  /** @param security left out: plain HTTP, no questions asked. */
  constructor(
    private readonly metrics: Registry,
    private readonly security?: MetricsSecurity,
  ) {
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      this.answer(request, response).catch(() => response.destroy());
    };
    this.server = security === undefined ? createServer(onRequest) : secureServer(security.certificate, onRequest);
    this.server.requestTimeout = REQUEST_TIMEOUT_MS;
    this.server.headersTimeout = REQUEST_TIMEOUT_MS;
    this.server.maxConnections = MAX_CONNECTIONS;
  }

  /** @returns the port in use. @throws the socket's error when the address cannot be bound. */
  listen(address: ListenAddress): Promise<number> {
    return listen(this.server, address);
  }

  close(): Promise<void> {
    return close(this.server);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return end(response, 405, { allow: 'GET, HEAD' });
    if (request.url?.split('?')[0] !== METRICS_PATH) return end(response, 404);
    const refusal = await this.refusalOf(request);
    if (refusal !== undefined) return end(response, refusal, HEADERS_OF_REFUSAL[refusal]);
    const text = await this.metrics.metrics();
    response.writeHead(200, { 'content-type': this.metrics.contentType, 'cache-control': 'no-store' }).end(text);
  }

  /** @returns the status of the refusal, `undefined` when the caller may read. */
  private async refusalOf({ headers }: IncomingMessage): Promise<401 | 403 | 503 | undefined> {
    if (this.security === undefined) return undefined;
    const token = /^Bearer +([^\s]+) *$/i.exec(headers.authorization ?? '')?.[1];
    if (token === undefined) return 401;
    try {
      const access = await this.security.access.check(token);
      if (access === 'allowed') return undefined;
      return access === 'forbidden' ? 403 : 401;
    } catch {
      return 503; // Told in the log where it was noticed. Who could not be checked is not let in.
    }
  }
}

const HEADERS_OF_REFUSAL: Readonly<Record<401 | 403 | 503, Readonly<Record<string, string>>>> = {
  401: { 'www-authenticate': 'Bearer' },
  403: {},
  503: { 'retry-after': '1' },
};

const TEXTS: Readonly<Record<number, string>> = {
  401: 'a bearer token is needed',
  403: 'the bearer of this token may not read /metrics',
  404: 'not found',
  405: 'method not allowed',
  503: 'callers cannot be checked right now',
};

function end(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers }).end(`${TEXTS[status]}\n`);
}

/** Without a certificate it listens and refuses every handshake, until there is one. */
function secureServer(
  certificate: MetricsSecurity['certificate'],
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const contextOf = (pair: PemPair) => ({ cert: pair.certificate, key: pair.privateKey, minVersion: MIN_TLS }) as const;
  const { current } = certificate;
  const context = current === undefined ? ({ minVersion: MIN_TLS } as const) : contextOf(current);
  const server = createSecureServer({ ...context, ALPNProtocols: ['http/1.1'], handshakeTimeout: REQUEST_TIMEOUT_MS }, onRequest);
  certificate.onChange((pair) => server.setSecureContext(contextOf(pair)));
  return server;
}
