/**
 * From a datagram to an event in the delivery queue.
 *
 * Owns: which packets become events. Never: waits for anything; never looks at who may wake what.
 * Invariant: every datagram is counted with exactly one result; a packet that was not accepted is not remembered as seen.
 */
import type { RemoteInfo } from 'node:dgram';
import type { Clock } from '../../framework/basics';
import { isUsableMac } from '../../kubevirt/mac-address';
import { Transport } from '../protocol/generated/wol-descriptor';
import { type MagicPacket, parseMagicPacket } from '../protocol/magic-packet';
import { timestampFromMs } from '../protocol/timestamp';
import type { PacketResult } from './agent-metrics';
import type { ReportEvent } from './delivery';
import type { DuplicateFilter } from './duplicate-filter';
import type { PacketLog } from './packet-log';
import type { SourceLimiter } from './source-limiter';

export interface PacketIntakeDependencies {
  nodeName: string;
  configName: string;
  clock: Clock;
  duplicates: DuplicateFilter;
  limiter: SourceLimiter;
  /** @returns false when the event was not taken. */
  deliver(event: ReportEvent): boolean;
  count(result: PacketResult): void;
  log: PacketLog;
}

export class PacketIntake {
  constructor(private readonly deps: PacketIntakeDependencies) {}

  /** @param port the port it was sent to. */
  datagram(payload: Buffer, from: RemoteInfo, port: number): void {
    this.deps.count(this.accept(payload, from, port));
  }

  private accept(payload: Buffer, from: RemoteInfo, port: number): PacketResult {
    const { duplicates, limiter, deliver, log } = this.deps;
    const packet = parseMagicPacket(payload);
    if (packet === undefined) return 'malformed';
    if (!isUsableMac(packet.mac)) return 'unusable';
    const identity = { mac: packet.mac, port, password: packet.password };
    if (duplicates.isDuplicate(identity)) return 'duplicate';
    if (!limiter.allows(from.address)) return 'limited';
    if (!deliver(this.eventOf(packet, payload.length, from, port))) return 'queue_full';
    duplicates.remember(identity);
    log.info('magic packet accepted', { mac: packet.mac, source: from.address, port });
    return 'accepted';
  }

  private eventOf(packet: MagicPacket, packetSize: number, from: RemoteInfo, port: number): ReportEvent {
    return {
      macAddress: packet.mac,
      timestamp: timestampFromMs(this.deps.clock.now()),
      nodeName: this.deps.nodeName,
      sourceIp: from.address,
      sourcePort: from.port,
      packetSize,
      destPort: port,
      secureOn: packet.password,
      transport: Transport.TRANSPORT_UDP4,
      configName: this.deps.configName,
    };
  }
}
