/**
 * A process that serves one large collection, as an API server would, so that only the reading side is measured.
 *
 * Owns: paged lists and one watch of virtual machines. Never: checks anything. Started by `probe.ts`; tells its port, ends with its parent.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FULL, LIST_VERSION, listedVm, listPage, METADATA } from './list-pages';

/** Events come in as many lines a write as a busy API server sends. */
const LINES_A_WRITE = 20;

/** `perSecond` 0: as fast as they are taken. */
const [objects = 0, events = 0, perSecond = 0] = process.argv.slice(2).map(Number);

const DISCOVERY = JSON.stringify({
  kind: 'APIResourceList',
  groupVersion: 'kubevirt.io/v1',
  resources: [{ name: 'virtualmachines', kind: 'VirtualMachine', namespaced: true, verbs: ['get', 'list', 'watch'] }],
});

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://server');
  const metadataOnly = request.headers.accept?.includes('PartialObjectMetadata') ?? false;
  response.setHeader('content-type', 'application/json');
  if (pathname === '/version') response.end('{"gitVersion":"v1.36.0"}');
  else if (pathname === '/apis/kubevirt.io/v1') response.end(DISCOVERY);
  else if (searchParams.get('watch') !== null) void watch(response);
  else response.end(listPage(objects, searchParams, { form: metadataOnly ? METADATA : FULL }));
});

/** Sends every event as fast as they are taken, then stays silent. */
async function watch(response: ServerResponse): Promise<void> {
  for (let sent = 0; sent < events && !response.destroyed; sent += LINES_A_WRITE) {
    const lines = Array.from({ length: Math.min(LINES_A_WRITE, events - sent) }, (_, n) => {
      return `{"type":"MODIFIED","object":${listedVm(FULL, (sent + n) % objects, LIST_VERSION + sent + n + 1)}}\n`;
    });
    if (perSecond > 0) await new Promise((resolve) => setTimeout(resolve, (LINES_A_WRITE / perSecond) * 1_000));
    if (!response.write(lines.join(''))) await new Promise((resolve) => response.once('drain', resolve));
  }
  if (events === 0) response.flushHeaders();
}

server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.once('disconnect', () => server.closeAllConnections());
process.once('disconnect', () => server.close());
