/**
 * The HTTP endpoint of an agent: /healthz, /readyz and /metrics.
 *
 * Owns: listening and the form of the answers. Never: decides what healthy means; no address and no name of a machine in them.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, type ListenAddress, type Logger, sleep } from '../../framework/basics';

export interface ReadinessCheck {
  readonly name: string;
  /** One line, or `undefined` while all is well. */
  problem(): string | undefined;
}

export interface HealthEndpointDependencies {
  address: ListenAddress;
  checks: readonly ReadinessCheck[];
  metrics: { readonly contentType: string; text(): Promise<string> };
  clock: Clock;
  logger: Logger;
}

/** An address in use is tried again at this pace and for this long, in milliseconds; then the agent gives up. */
const RETRY_MS = 1_000;
const GIVE_UP_MS = 60_000;
/** The port is open to the node's network: what a stranger can hold is bounded. */
const REQUEST_TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 64;
const PLAIN_TEXT = 'text/plain; charset=utf-8';

export class HealthEndpoint {
  private server: Server | undefined;
  private closed = false;

  constructor(private readonly deps: HealthEndpointDependencies) {}

  /**
   * Resolves with the port once it is listened on.
   *
   * @param signal ends waiting for an address that is in use.
   * @throws {Error} naming the address, when it cannot be had.
   */
  async listen(signal: AbortSignal): Promise<number> {
    const { address, clock, logger } = this.deps;
    const startedAtMs = clock.monotonicMs();
    for (;;) {
      try {
        return await this.listenOnce();
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'EADDRINUSE' || clock.monotonicMs() - startedAtMs >= GIVE_UP_MS) throw error;
        if (clock.monotonicMs() === startedAtMs) logger.warn('health address in use; trying again for 60 s', { port: address.port });
      }
      await sleep(clock, RETRY_MS, signal);
    }
  }

  close(): void {
    this.closed = true;
    this.server?.close();
    this.server?.closeAllConnections();
  }

  private listenOnce(): Promise<number> {
    const { host, port } = this.deps.address;
    const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      this.handle(request, response).catch(() => response.destroy());
    });
    server.maxConnections = MAX_CONNECTIONS;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        const { port: bound } = server.address() as AddressInfo;
        this.server = server;
        if (this.closed) this.close();
        resolve(bound);
      });
    });
  }

  private async handle({ url = '/', method }: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path, query = ''] = url.split('?', 2);
    if (method !== 'GET' && method !== 'HEAD') answer(response, 405, 'method not allowed');
    else if (path === '/healthz') answer(response, 200, 'ok');
    else if (path === '/readyz') this.readiness(response, new URLSearchParams(query).has('verbose'));
    else if (path === '/metrics') answer(response, 200, await this.deps.metrics.text(), this.deps.metrics.contentType);
    else answer(response, 404, 'not found');
  }

  private readiness(response: ServerResponse, verbose: boolean): void {
    const results = this.deps.checks.map((check) => ({ name: check.name, problem: check.problem() }));
    const problems = results.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name}: ${problem}`]));
    const code = problems.length === 0 ? 200 : 503;
    if (verbose)
      answer(
        response,
        code,
        results.map(({ name, problem }) => (problem === undefined ? `[+] ${name}` : `[-] ${name}: ${problem}`)).join('\n'),
      );
    else answer(response, code, code === 200 ? 'ready' : problems.join('\n'));
  }
}

function answer(response: ServerResponse, code: number, body: string, contentType = PLAIN_TEXT): void {
  response.writeHead(code, { 'content-type': contentType });
  response.end(body);
}
