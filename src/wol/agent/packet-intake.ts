/**
 * From a datagram or a frame to an event in the delivery queue.
 *
 * Owns: which packets become events. Never: waits for anything; never looks at who may wake what.
 * Invariant: every packet is counted with exactly one result; a packet that was not accepted is not remembered as seen.
 */
import type { RemoteInfo } from 'node:dgram';
import type { Clock } from '../../framework/basics';
import { isUsableMac } from '../../kubevirt/mac-address';
import { Transport } from '../protocol/generated/wol-descriptor';
import { MAGIC_PACKET_BYTES, type MagicPacket, parseMagicPacket } from '../protocol/magic-packet';
import { timestampFromMs } from '../protocol/timestamp';
import type { PacketResult, TransportLabel } from './agent-metrics';
import type { ReportEvent } from './delivery';
import type { DuplicateFilter } from './duplicate-filter';
import type { PacketLog } from './packet-log';
import type { ReceivedFrame } from './raw/raw-reception';
import type { SourceLimiter } from './source-limiter';

export interface PacketIntakeDependencies {
  nodeName: string;
  configName: string;
  clock: Clock;
  duplicates: DuplicateFilter;
  limiter: SourceLimiter;
  queue: SenderQueue;
  /** To be called only while there is room. */
  deliver(event: ReportEvent, sender: string, isOverShare: boolean): void;
  count(transport: TransportLabel, result: PacketResult): void;
  log: PacketLog;
}

/** What the intake asks the delivery queue. */
export interface SenderQueue {
  readonly isFull: boolean;
  isCrowdedBy(sender: string): boolean;
  /** @param sender when it is over its share. */
  hasRoom(sender?: string): boolean;
  /** Also at the cost of a sender that has more waiting. */
  makeRoomFor(sender: string): boolean;
}

/** A packet and what is known about its way here. */
interface Arrival {
  readonly payload: Uint8Array;
  /** Whose share it counts against. */
  readonly sender: string;
  /** 0 for a frame. */
  readonly port: number;
  /** The fields that differ from transport to transport. */
  fields(packet: MagicPacket): ReportEvent;
}

/** A frame has no IP source. */
const NO_IP_SOURCE = '255.255.255.255';

export class PacketIntake {
  constructor(private readonly deps: PacketIntakeDependencies) {}

  /** @param port the port it was sent to. */
  datagram(payload: Buffer, from: RemoteInfo, port: number): void {
    const sourceIp = plainAddress(from.address);
    const isIpv6 = from.family === 'IPv6';
    const transport = isIpv6 ? Transport.TRANSPORT_UDP6 : Transport.TRANSPORT_UDP4;
    const fields = (): ReportEvent => ({ sourceIp, sourcePort: from.port, packetSize: payload.length, destPort: port, transport });
    this.deps.count(isIpv6 ? 'udp6' : 'udp4', this.accept({ payload, sender: sourceIp, port, fields }));
  }

  /** An Ethernet frame of type 0x0842. */
  frame({ payload, source, vlanId, interfaceName }: ReceivedFrame): void {
    const fields = ({ password }: MagicPacket): ReportEvent => ({
      sourceIp: NO_IP_SOURCE,
      sourcePort: 0,
      // Padding and what cards put in front are no part of it.
      packetSize: MAGIC_PACKET_BYTES + (password?.length ?? 0),
      destPort: 0,
      transport: Transport.TRANSPORT_ETHERNET,
      vlanId,
      interface: interfaceName,
    });
    this.deps.count('ethernet', this.accept({ payload, sender: source, port: 0, fields }));
  }

  /** An event that made way for another sender's: it may come again. */
  displaced({ macAddress, destPort, secureOn }: ReportEvent, sender: string): void {
    this.deps.duplicates.forget({ mac: macAddress ?? '', sender, port: destPort ?? 0, password: secureOn });
  }

  private accept({ payload, sender, port, fields }: Arrival): PacketResult {
    const { duplicates, limiter, queue, deliver, log, clock } = this.deps;
    const packet = parseMagicPacket(payload);
    if (packet === undefined) return 'malformed';
    if (!isUsableMac(packet.mac)) return 'unusable';
    const identity = { mac: packet.mac, sender, port, password: packet.password };
    if (duplicates.isDuplicate(identity)) return 'duplicate';
    const isOverShare = !limiter.allows(sender) || queue.isCrowdedBy(sender);
    // Most of a flood ends here: nothing is made for it.
    if (!(isOverShare ? queue.hasRoom(sender) : queue.makeRoomFor(sender))) return queue.isFull ? 'queue_full' : 'limited';
    const event = {
      macAddress: packet.mac,
      timestamp: timestampFromMs(clock.now()),
      nodeName: this.deps.nodeName,
      secureOn: packet.password,
      configName: this.deps.configName,
      ...fields(packet),
    };
    deliver(event, sender, isOverShare);
    duplicates.remember(identity);
    log.info('magic packet accepted', { mac: packet.mac, source: sender, port });
    return 'accepted';
  }
}

/** Without zone; an IPv4 address that comes in IPv6 form as IPv4. */
function plainAddress(address: string): string {
  const bare = address.split('%', 1)[0] ?? address;
  return /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(bare)?.[1] ?? bare;
}
