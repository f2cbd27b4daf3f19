/** A plain HTTP(S) server on 127.0.0.1 whose answers a test scripts, and polling for outcomes. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export interface Received {
  readonly method: string;
  /** Path with query. */
  readonly url: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

export type Answer = (request: Received, response: ServerResponse, raw: IncomingMessage) => unknown;

export class TestServer {
  readonly received: Received[] = [];
  /** Connections ever accepted. */
  connections = 0;
  readonly open = new Set<Socket>();
  answer: Answer = (_request, response) => json(response, 200, {});
  private readonly server: Server;

  private constructor(tls: ServerOptions | undefined) {
    const listener: RequestListener = (raw, response) => void this.serve(raw, response);
    this.server = tls === undefined ? createServer(listener) : (createTlsServer(tls, listener) as unknown as Server);
    this.server.keepAliveTimeout = 0;
    this.server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.connections++;
      this.open.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.open.delete(socket));
    });
  }

  static async start(answer?: Answer, tls?: ServerOptions): Promise<TestServer> {
    const server = new TestServer(tls);
    if (answer !== undefined) server.answer = answer;
    await new Promise<void>((resolve) => server.server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.server instanceof Object && 'setSecureContext' in this.server ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  /** Number of requests that matched `method path`. */
  count(method: string, path?: string): number {
    return this.received.filter((request) => request.method === method && (path === undefined || request.path === path)).length;
  }

  async stop(): Promise<void> {
    for (const socket of this.open) socket.destroy();
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private async serve(raw: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of raw) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const url = new URL(raw.url ?? '/', 'http://test');
    const request: Received = {
      method: raw.method ?? '',
      url: raw.url ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: raw.headers,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    };
    this.received.push(request);
    await this.answer(request, response, raw);
  }
}

export function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** A Status object as the API server sends it. */
export function failure(
  response: ServerResponse,
  code: number,
  reason: string,
  message: string,
  extra: { details?: unknown; headers?: Record<string, string> } = {},
): void {
  const { details, headers } = extra;
  json(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, details }, headers);
}

/** Waits until a condition holds; fails with its description after 60 s. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited 60 s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** The error a promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error('expected a rejection, but it resolved');
}
