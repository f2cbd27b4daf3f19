/**
 * A process in front of a real API server that answers for one large collection of virtual machines itself and passes on the rest, so
 * that a manager meets a fleet that nobody has had to create. Arguments: objects, URL of the API server, file with its authority.
 *
 * Owns: lists of virtual machines, and watches of them that stay silent. Tells its port, ends with its parent.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request as send } from 'node:https';
import type { AddressInfo } from 'node:net';
import { listPage } from './list-pages';

const COLLECTION = '/apis/kubevirt.io/v1/virtualmachines';

const [objects = '', upstream = '', authority = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, ca: readFileSync(authority) });

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://front');
  if (pathname !== COLLECTION || request.method !== 'GET') return pass(request, response);
  response.setHeader('content-type', 'application/json');
  if (searchParams.get('watch') !== null) response.flushHeaders();
  else response.end(listPage(Number(objects), searchParams));
});

function pass(request: IncomingMessage, response: ServerResponse): void {
  const { method, url, headers } = request;
  const onward = send(new URL(url ?? '/', upstream), { method, headers, agent }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
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
