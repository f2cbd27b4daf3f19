/** Sends magic packets to an agent on this machine. */
import { createSocket } from 'node:dgram';
import { buildMagicPacket } from '../../src/wol/protocol/magic-packet';

/** @param macs one packet each, all in one turn of the event loop. */
export async function sendMagicPackets(port: number, macs: readonly string[], host = '127.0.0.1'): Promise<void> {
  const socket = createSocket('udp4');
  try {
    await Promise.all(
      macs.map(
        (mac) =>
          new Promise<void>((resolve, reject) => {
            socket.send(buildMagicPacket(mac), port, host, (error) => (error === null ? resolve() : reject(error)));
          }),
      ),
    );
  } finally {
    socket.close();
  }
}
