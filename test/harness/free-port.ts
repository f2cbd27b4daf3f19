/**
 * Ports for processes that take their port by flag.
 *
 * Owns: the choice. Guarantees: on Linux no two test processes of a machine are given the same port while both of them live.
 * Invariant: ports come from below those of the control planes (hack/control-plane/ports.ts) and below the ranges that systems take for
 * outgoing connections, so that a process which is stopped for a while finds its port free again.
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';

/** Above 10080, the last one that `fetch` refuses to speak to whatever listens there: https://fetch.spec.whatwg.org/#port-blocking. */
const FIRST_PORT = 10_081;
const END_PORT = 20_000;
const MAX_ATTEMPTS = 100;

/** Held until this process ends, which frees them. */
const reservations = new Map<number, Server | undefined>();

/** A TCP port on 127.0.0.1 that nothing listens on. */
export function freeTcpPort(): Promise<number> {
  return freePort('TCP', isTcpPortFree);
}

/** A UDP port that is free on every IPv4 address. */
export function freeUdpPort(): Promise<number> {
  return freePort('UDP', isUdpPortFree);
}

async function freePort(what: string, isFree: (port: number) => Promise<boolean>): Promise<number> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_PORT, END_PORT);
    if (!reservations.has(port) && (await reserve(port)) && (await isFree(port))) return port;
  }
  throw new Error(`no free ${what} port: tried ${MAX_ATTEMPTS} between ${FIRST_PORT} and ${END_PORT - 1}`);
}

/** A name that is no file and that only one process can listen under. Elsewhere than on Linux, chance has to do. */
async function reserve(port: number): Promise<boolean> {
  if (process.platform !== 'linux') {
    reservations.set(port, undefined);
    return true;
  }
  const server = createServer();
  const isOurs = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(`\0virt-steward-test-port-${port}`, () => resolve(true));
  });
  if (isOurs) reservations.set(port, server.unref());
  return isOurs;
}

function isTcpPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function isUdpPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4').once('error', () => socket.close(() => resolve(false)));
    socket.bind({ port, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}
