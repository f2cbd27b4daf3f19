/**
 * Sends magic packets, as `node flood-sender.js PORT SOURCE PACKETS RATE [MAC]`: a process of its own, so that what it measures is not
 * slowed down by sending. Without MAC each is for a random address.
 *
 * RATE is in packets a second, 0 for as many as the kernel takes.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { buildMagicPacket, MAGIC_PACKET_BYTES } from '../../src/wol/protocol/magic-packet';

/** Packets between two looks at the clock. */
const BATCH = 256;

async function main(): Promise<void> {
  const [port = '', source = '', packets = '', rate = '', mac] = process.argv.slice(2);
  const packet = mac === undefined ? randomPacket : always(buildMagicPacket(mac));
  const socket = createSocket('udp4');
  socket.bind(0, source);
  await once(socket, 'listening');
  socket.connect(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  const startedMs = performance.now();
  for (let sent = 0; sent < Number(packets); sent += BATCH) {
    if (rate !== '0') await pause(Math.max(0, startedMs + (sent * 1_000) / Number(rate) - performance.now()));
    const batch = Array.from({ length: Math.min(BATCH, Number(packets) - sent) }, packet);
    await Promise.all(batch.map((bytes) => new Promise<void>((resolve) => socket.send(bytes, () => resolve()))));
  }
  socket.close();
  console.log(JSON.stringify({ msg: 'flood sent', seconds: (performance.now() - startedMs) / 1_000 }));
}

function always(packet: Uint8Array): () => Uint8Array {
  return () => packet;
}

/** For an address that is unicast and not one of `testMac`. */
function randomPacket(): Buffer {
  const packet = Buffer.allocUnsafe(MAGIC_PACKET_BYTES).fill(0xff, 0, 6);
  packet[6] = 0x06;
  packet[7] = Math.random() * 256;
  packet.writeUInt32BE(Math.floor(Math.random() * 2 ** 32), 8);
  for (let at = 12; at < MAGIC_PACKET_BYTES; at += 6) packet.copyWithin(at, 6, 12);
  return packet;
}

void main();
