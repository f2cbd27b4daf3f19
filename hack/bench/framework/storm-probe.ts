/**
 * Connections that 40 informers make while their API server is away, and how soon they watch again. Arguments: seconds away.
 *
 * The server takes every connection and closes it at once while it is away, so that each try is counted.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { defineKind, Handler, type KubernetesObject, OnEvent, StewardOperator } from '../../../src/framework';
import type { Kind } from '../../../src/framework/kinds/kind';
import { operatorAt, until } from './bench-operator';

const KINDS = 40;
const MS_PER_S = 1_000;

const kinds: readonly Kind<KubernetesObject>[] = Array.from({ length: KINDS }, (_, n) =>
  defineKind<KubernetesObject>('example.org/v1', `Kind${n}`, `kind${n}s`, { scope: 'Namespaced' }),
);

function handlersOf(): (new () => object)[] {
  return kinds.map((kind, n) => {
    class Listener {
      saw(): void {}
    }
    OnEvent(kind)(Listener.prototype, 'saw', Object.getOwnPropertyDescriptor(Listener.prototype, 'saw')!);
    Handler({ id: `Listener${n}` })(Listener);
    return Listener;
  });
}

class Server {
  readonly connectMs: number[] = [];
  readonly lists = new Map<string, number>();
  readonly watching = new Set<string>();
  private away = false;
  private readonly sockets = new Set<Socket>();
  private readonly server = createServer((request, response) => this.answer(request, response));

  async listen(): Promise<number> {
    this.server.on('connection', (socket) => {
      if (this.away) {
        this.connectMs.push(performance.now());
        socket.destroy();
        return;
      }
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as AddressInfo).port;
  }

  goAway(): void {
    this.away = true;
    this.watching.clear();
    for (const socket of this.sockets) socket.destroy();
  }

  comeBack(): void {
    this.away = false;
    this.lists.clear();
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://server');
    const plural = pathname.split('/').at(-1)!;
    response.setHeader('content-type', 'application/json');
    if (searchParams.get('watch') !== null) {
      this.watching.add(plural);
      response.once('close', () => this.watching.delete(plural));
      response.flushHeaders();
      return;
    }
    const kind = kinds.find((known) => known.plural === plural);
    if (kind !== undefined) {
      this.lists.set(plural, (this.lists.get(plural) ?? 0) + 1);
      response.end(
        JSON.stringify({ apiVersion: kind.apiVersion, kind: `${kind.kind}List`, metadata: { resourceVersion: '1' }, items: [] }),
      );
    } else if (pathname === '/version') response.end('{"gitVersion":"v1.36.0"}');
    else response.end(JSON.stringify({ resources: kinds.map((known) => ({ name: known.plural, kind: known.kind, namespaced: true })) }));
  }
}

async function measure(awayS: number): Promise<void> {
  const server = new Server();
  const operator: StewardOperator = await operatorAt(await server.listen(), handlersOf());
  await operator.start();
  await until('every kind to be watched', () => server.watching.size === KINDS);
  server.goAway();
  const goneMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, awayS * MS_PER_S));
  server.comeBack();
  const backMs = performance.now();
  await until('every kind to be watched again', () => server.watching.size === KINDS);
  const seconds = new Map<number, number>();
  for (const ms of server.connectMs) {
    const second = Math.floor((ms - goneMs) / MS_PER_S);
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  }
  process.send?.({
    connects: server.connectMs.length,
    busiestSecond: Math.max(0, ...seconds.values()),
    watchingAfterMs: performance.now() - backMs,
    relists: Math.max(0, ...server.lists.values()),
  });
  await operator.stop();
  server.close();
}

void measure(Number(process.argv[2]));
