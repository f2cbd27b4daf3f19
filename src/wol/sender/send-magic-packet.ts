/**
 * Sends datagrams to one target.
 *
 * Owns: the socket, for as long as sending takes. Never: builds the packet.
 */
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Clock, sleep } from '../../framework/basics';
import type { WakeTarget } from './wake-targets';

export interface SendOptions {
  /** Datagrams for the target. */
  readonly count: number;
  /** Pause between them, in milliseconds. */
  readonly intervalMs: number;
}

/**
 * Sends `packet` to `target`, broadcast allowed.
 *
 * @returns how many were handed to the network.
 * @throws {Error} of name resolution or of the first failing send, when none could be sent.
 */
export async function sendMagicPacket(
  packet: Uint8Array,
  target: WakeTarget,
  { count, intervalMs }: SendOptions,
  clock: Clock,
): Promise<number> {
  const { address, family } = await resolve(target.host);
  const socket = await openSocket(family);
  let sent = 0;
  try {
    for (let i = 0; i < count; i++) {
      if (i > 0) await sleep(clock, intervalMs);
      await send(socket, packet, target.port, address);
      sent++;
    }
  } catch (error) {
    if (sent === 0) throw error;
  } finally {
    socket.close();
  }
  return sent;
}

async function resolve(host: string): Promise<{ address: string; family: number }> {
  const family = isIP(host);
  return family === 0 ? lookup(host) : { address: host, family };
}

function openSocket(family: number): Promise<Socket> {
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, () => {
      socket.setBroadcast(true);
      resolve(socket);
    });
  });
}

function send(socket: Socket, packet: Uint8Array, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(packet, port, address, (error) => (error === null ? resolve() : reject(error)));
  });
}
