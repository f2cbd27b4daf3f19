/**
 * A process in front of a real API server that adds a fleet of virtual machines to its lists of them and passes on the rest, so that a
 * manager meets a fleet that nobody has had to create. Arguments: objects, URL of the API server, file with its authority.
 *
 * Owns: lists of virtual machines; watches are those of the API server, so the fleet never changes. Tells its port, ends with its parent.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request as send } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { listPage } from './list-pages';

const COLLECTION = '/apis/kubevirt.io/v1/virtualmachines';

const [objects = '', upstream = '', authority = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, ca: readFileSync(authority) });
/** What the API server has itself, as of the last first page that was asked for. */
let own: { resourceVersion: string; others: readonly string[] } | undefined;

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://front');
  const isList = pathname === COLLECTION && request.method === 'GET' && searchParams.get('watch') === null;
  if (isList) list(request, searchParams, response).catch(() => response.destroy());
  else pass(request, response);
});

async function list({ headers }: IncomingMessage, query: URLSearchParams, response: ServerResponse): Promise<void> {
  if (own === undefined || (query.get('continue') ?? '') === '') own = await ownList(headers.authorization);
  response.setHeader('content-type', 'application/json');
  response.end(listPage(Number(objects), query, own));
}

async function ownList(authorization = ''): Promise<NonNullable<typeof own>> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { authorization, accept: 'application/json' };
    send(new URL(COLLECTION, upstream), { headers, agent }, resolve).once('error', reject).end();
  });
  const { metadata, items } = JSON.parse(await text(answer)) as { metadata: { resourceVersion: string }; items: unknown[] };
  return { resourceVersion: metadata.resourceVersion, others: items.map((item) => JSON.stringify(item)) };
}

function pass(request: IncomingMessage, response: ServerResponse): void {
  const { method, url, headers } = request;
  const onward = send(new URL(url ?? '/', upstream), { method, headers, agent }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders();
    answer.pipe(response);
    response.once('close', () => answer.destroy());
  });
  onward.on('error', () => response.destroy());
  response.once('close', () => onward.destroy());
  request.pipe(onward);
}

server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.once('disconnect', () => server.closeAllConnections());
process.once('disconnect', () => agent.destroy());
process.once('disconnect', () => server.close());
