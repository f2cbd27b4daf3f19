/**
 * The HTTPS server behind the APIService `v1.subresources.kubevirt.io`.
 *
 * Owns: TLS, routes, the forms of answers, the journal. Never: decides about virtual machines (see `subresources.ts`).
 * Invariant: only discovery is answered without a front-proxy certificate; accepted starts and stops carry neither body nor content type.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { closeServer, SocketTable } from '../../../src/framework/testing/socket-table';
import type { Clock } from '../../../src/framework/time/clock';
import type { KubeApi } from '../api/kube-api';
import { conflict, internalError, unavailable } from '../decisions/answer';
import { timestampOf } from '../objects';
import { type FrontProxy, isFrontProxy, reviewAccess, type SubresourceTarget } from './access-check';
import { PUBLIC_DOCUMENTS } from './discovery';
import type { Fault, Faults } from './faults';
import type { Journal } from './journal';
import { type Outcome, Subresources, type Verb } from './subresources';

const TARGET = /^\/apis\/subresources\.kubevirt\.io\/v1\/namespaces\/([^/]+)\/(virtualmachines|virtualmachineinstances)\/([^/]+)\/([^/]+)$/;
const VERBS_OF: Readonly<Record<string, readonly Verb[]>> = {
  virtualmachines: ['start', 'stop', 'restart'],
  virtualmachineinstances: ['pause', 'unpause'],
};

export interface VirtApiOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly frontProxy: FrontProxy;
  /** PEM. */
  readonly certificate: string;
  readonly privateKey: string;
  readonly journal: Journal;
  readonly faults: Faults;
}

export class VirtApi {
  private readonly server: Server;
  private readonly sockets: SocketTable;
  private readonly subresources: Subresources;
  private readonly closing = new AbortController();

  constructor(private readonly options: VirtApiOptions) {
    const { api, clock, certificate, privateKey, frontProxy } = options;
    this.subresources = new Subresources(api, () => timestampOf(clock.now()));
    const tls = { cert: certificate, key: privateKey, ca: frontProxy.clientCa, requestCert: true, rejectUnauthorized: false };
    this.server = createServer(tls, (request, response) => {
      this.serve(request, response).catch(() => response.destroy());
    });
    this.sockets = new SocketTable(this.server);
  }

  /** @param host to listen on; 127.0.0.1 unless given. @param port 0 takes a free one. @returns the port in use. */
  async listen(port = 0, host = '127.0.0.1'): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, host, resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.closing.abort(new Error('the server is closing'));
    // Also connections in the middle of their handshake, which Node.js does not count as its own; the API server keeps them for 90 s.
    await closeServer(this.server, this.sockets);
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const receivedMs = this.options.clock.monotonicMs();
    const receivedAtMs = this.options.clock.now();
    const path = new URL(request.url ?? '/', 'https://virt-api').pathname;
    const document = PUBLIC_DOCUMENTS[path];
    if (document !== undefined) return sendJson(response, 200, document);
    if (path === '/healthz') return sendText(response, 200, 'ok');
    if (path === '/openapi/v2' || path === '/openapi/v3') return sendText(response, 404, '404: Page Not Found');

    if (!isFrontProxy(request.socket as TLSSocket, this.options.frontProxy)) return sendText(response, 401, 'request is not authenticated');
    const target = targetOf(path);
    const access = await reviewAccess(this.options.api, request, target);
    if (access.kind === 'denied') return sendText(response, access.code, access.why);
    const verb = target === undefined ? undefined : VERBS_OF[target.resource]?.find((known) => known === target.subresource);
    if (target === undefined || verb === undefined) return sendText(response, 404, '404: Page Not Found');
    if (request.method !== 'PUT') return sendText(response, 405, '405: Method Not Allowed', { allow: 'PUT' });

    const body = await textOf(request);
    const fault = this.options.faults.take(verb);
    const { answer, wrote } = await this.outcomeOf(verb, target, body, fault);
    const { namespace, name } = target;
    const isCut = fault?.kind === 'cut' || fault?.kind === 'cutAfterWrite';
    const answeredMs = this.options.clock.monotonicMs();
    this.options.journal.record({
      verb,
      namespace,
      name,
      user: access.user,
      code: isCut ? 0 : answer.code,
      wrote,
      receivedMs,
      answeredMs,
      receivedAtMs,
    });
    if (isCut) request.socket.destroy();
    else send(response, answer, fault);
  }

  private async outcomeOf(verb: Verb, target: SubresourceTarget, body: string, fault: Fault | undefined): Promise<Outcome> {
    if (fault?.kind === 'answer') return { answer: faultAnswer(fault.code, target.name), wrote: false };
    if (fault?.kind === 'cut') return { answer: { code: 0 }, wrote: false };
    if (fault?.kind === 'hold') await this.unlessClosed(fault.until);
    return this.subresources.handle(verb, target, body);
  }

  /** @throws {Error} when the server closes first. */
  private unlessClosed(until: Promise<void>): Promise<void> {
    const { signal } = this.closing;
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      until.then(resolve, reject);
    });
  }
}

function targetOf(path: string): SubresourceTarget | undefined {
  const match = TARGET.exec(path);
  if (match === null) return undefined;
  const [namespace = '', resource = '', name = '', subresource = ''] = match.slice(1).map(decodeURIComponent);
  return { namespace, resource, name, subresource };
}

function faultAnswer(code: number, name: string): Outcome['answer'] {
  const why = 'fault asked for by a test';
  if (code === 409) return conflict('virtualmachine', name, why);
  if (code === 500) return internalError(why);
  const { body } = unavailable(why);
  return body === undefined ? { code } : { code, body: { ...body, code } };
}

function send(response: ServerResponse, { code, body }: Outcome['answer'], fault: Fault | undefined): void {
  const retryAfter =
    fault?.kind === 'answer' && fault.retryAfterSeconds !== undefined ? { 'retry-after': String(fault.retryAfterSeconds) } : {};
  if (body === undefined) response.writeHead(code, { 'content-length': '0', ...retryAfter }).end();
  else sendJson(response, code, body, retryAfter);
}

function sendJson(response: ServerResponse, code: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(`${JSON.stringify(body)}\n`);
}

function sendText(response: ServerResponse, code: number, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8', ...headers }).end(text);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
