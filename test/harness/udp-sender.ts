/** Sends magic packets to an agent on this machine. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { buildMagicPacket } from '../../src/wol/protocol/magic-packet';

/** @param macs one packet each, all in one turn of the event loop. */
export function sendMagicPackets(port: number, macs: readonly string[], host = '127.0.0.1', from?: string): Promise<void> {
  return sendDatagrams(
    port,
    macs.map((mac) => buildMagicPacket(mac)),
    host,
    from,
  );
}

/** Sends any bytes, in order and all in one turn of the event loop. @param from one of this machine's addresses. */
export async function sendDatagrams(port: number, payloads: readonly Uint8Array[], host = '127.0.0.1', from?: string): Promise<void> {
  const socket = createSocket('udp4');
  socket.bind(0, from);
  await once(socket, 'listening');
  // Only of consequence where the host is a broadcast address.
  socket.setBroadcast(true);
  try {
    await Promise.all(
      payloads.map(
        (payload) =>
          new Promise<void>((resolve, reject) => {
            socket.send(payload, port, host, (error) => (error === null ? resolve() : reject(error)));
          }),
      ),
    );
  } finally {
    socket.close();
  }
}
