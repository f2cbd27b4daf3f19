/** Sends magic packets as fast as the kernel takes them. Invariant: the socket is connected, so nothing is looked up between two packets. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { buildMagicPacket } from '../../src/wol/protocol/magic-packet';

export class PacketSource {
  private constructor(private readonly socket: Socket) {}

  /** @param address of this machine to send from; agents limit the rate of each source. */
  static async open(port: number, address: string): Promise<PacketSource> {
    const socket = createSocket('udp4');
    socket.bind(0, address);
    await once(socket, 'listening');
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new PacketSource(socket);
  }

  /**
   * Sends one packet for each address within one turn of the event loop.
   *
   * @returns how long that turn was, in milliseconds.
   */
  async burst(macs: readonly string[]): Promise<number> {
    const packets = macs.map((mac) => buildMagicPacket(mac));
    const startedMs = performance.now();
    const sent = packets.map(
      (packet) =>
        new Promise<void>((resolve, reject) => {
          this.socket.send(packet, (error) => (error === null ? resolve() : reject(error)));
        }),
    );
    const tookMs = performance.now() - startedMs;
    await Promise.all(sent);
    return tookMs;
  }

  close(): void {
    this.socket.close();
  }
}
