/**
 * Finds a TCP port to listen on.
 *
 * Owns: the choice. Never: reserves it; whoever listens must be ready to lose the race and ask again.
 * Invariant: ports come from below the ranges Linux and macOS take for outgoing connections and below Kubernetes' node ports,
 * so that a server which is stopped for a while finds its port free again.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** /proc/sys/net/ipv4/ip_local_port_range starts at 32768, macOS' range at 49152, node ports at 30000. */
const FIRST_PORT = 20_000;
const END_PORT = 30_000;
const MAX_ATTEMPTS = 100;

/** @throws {Error} when a hundred random ports are all taken. */
export async function freePort(host: string): Promise<number> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_PORT, END_PORT);
    if (await canListen(host, port)) return port;
  }
  throw new Error(`no free TCP port on ${host}: tried ${MAX_ATTEMPTS} between ${FIRST_PORT} and ${END_PORT - 1}`);
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
