/**
 * Packet sockets: Ethernet frames of one interface, which Node.js cannot read by itself.
 *
 * Owns: the calls to the C library, through koffi, and the memory they write to. Never: looks into a frame.
 * Assumptions: Linux on a 64-bit little-endian processor. koffi's poll handle puts the descriptor into the event loop, so that there
 * is no thread that waits, nothing to wake up for while no frame comes, and a closed socket is closed at once.
 *
 * @source packet(7), cmsg(3), linux/if_packet.h, linux/if_ether.h, asm-generic/socket.h, linux/filter.h.
 */
import { endianness } from 'node:os';
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';
import type { NetworkInterface } from '../interfaces';
import { RECEIVE_BUFFER_BYTES } from '../udp-port';
import { filterBytes, WAKE_FRAME_FILTER } from './kernel-filter';

/** What a packet socket has read; valid until the next frame is read. */
export interface RawFrame {
  readonly bytes: Uint8Array;
  /** Tag control information of the outermost VLAN tag, when the kernel has taken it out of the frame. */
  readonly strippedTag: number | undefined;
}

export interface PacketSocket {
  /** @returns `undefined` when there is none now. @throws {Error} when the socket is of no more use. */
  read(): RawFrame | undefined;
  /** Frames dropped since the last call because the buffer was full. */
  drops(): number;
  close(): void;
}

export interface PacketSockets {
  /** @param onReadable there may be something to read; called again and again while there is. @throws {Error} naming call and cause. */
  open(on: NetworkInterface, onReadable: () => void): PacketSocket;
}

const AF_PACKET = 17;
const SOCK_RAW_NONBLOCK_CLOEXEC = 3 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_ATTACH_FILTER = 26;
const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_STATISTICS = 6;
const PACKET_AUXDATA = 8;
const PACKET_MR_PROMISC = 1;
/** ETH_P_ALL in network byte order. */
const ALL_TYPES = 0x0300;
const MSG_DONTWAIT = 0x40;
const TP_STATUS_VLAN_VALID = 0x10;
/** What a read may end with while the socket is fine: nothing there, or interrupted. */
const NOTHING_THERE = ['EAGAIN', 'EINTR'];

/** Offsets in the memory that recvmsg works on: struct msghdr, struct iovec, control messages, frame. */
const AT = { header: 0, vector: 64, control: 96, frame: 256 } as const;
const HEADER = { vector: 16, vectorLength: 24, control: 32, controlLength: 40, flags: 48 } as const;
const CONTROL_BYTES = AT.frame - AT.control;
/** A magic packet begins within the first 1,398 bytes; jumbo frames are longer, and how long decides about a password. */
const FRAME_BYTES = 16_384;

/** Kept for good: the kernel is told where it is, which keeps no garbage collector from freeing it. */
const FILTER = filterBytes(WAKE_FRAME_FILTER);

type Koffi = typeof import('koffi');
interface LibC {
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number;
  getsockopt(fd: number, level: number, name: number, value: Uint8Array, length: Uint8Array): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  recvmsg(fd: number, message: Uint8Array, flags: number): number;
  close(fd: number): number;
}

/** @throws {Error} when koffi is not installed or the machine is of another kind. */
export async function loadPacketSockets(): Promise<PacketSockets> {
  if (process.platform !== 'linux' || endianness() !== 'LE') throw new Error(`packet sockets need Linux, this is ${process.platform}`);
  const koffi = await import('koffi');
  const calls = libC(koffi);
  return { open: (on, onReadable) => new LinuxPacketSocket(koffi, calls, on, onReadable) };
}

function libC(koffi: Koffi): LibC {
  const self = koffi.load(null);
  return {
    socket: self.func('int socket(int domain, int type, int protocol)'),
    setsockopt: self.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)'),
    getsockopt: self.func('int getsockopt(int fd, int level, int name, void *value, void *length)'),
    bind: self.func('int bind(int fd, const void *address, uint32_t length)'),
    recvmsg: self.func('int64_t recvmsg(int fd, void *message, int flags)'),
    close: self.func('int close(int fd)'),
  };
}

class LinuxPacketSocket implements PacketSocket {
  private readonly fd: number;
  /** One block that never moves: the kernel is told addresses within it. */
  private readonly memory = new Uint8Array(new ArrayBuffer(AT.frame + FRAME_BYTES));
  private readonly view = new DataView(this.memory.buffer);
  private readonly poll: { close(): void };

  constructor(
    private readonly koffi: Koffi,
    private readonly libc: LibC,
    on: NetworkInterface,
    onReadable: () => void,
  ) {
    // With protocol 0 it gets no frame before it is bound, and then only what the filter passes.
    this.fd = this.checked('socket', libc.socket(AF_PACKET, SOCK_RAW_NONBLOCK_CLOEXEC, 0));
    try {
      this.attachFilter();
      this.option(SOL_SOCKET, SO_RCVBUF, int32(RECEIVE_BUFFER_BYTES));
      this.option(SOL_PACKET, PACKET_AUXDATA, int32(1));
      this.bindTo(on.index);
      this.option(SOL_PACKET, PACKET_ADD_MEMBERSHIP, promiscuous(on.index));
      this.prepareHeader();
      // Outside of the callback, which is not one of Node.js's own: promises and ticks would wait for the next one that is.
      this.poll = koffi.node.poll(this.fd, { readable: true }, () => void setImmediate(onReadable));
    } catch (error) {
      libc.close(this.fd);
      throw error;
    }
  }

  read(): RawFrame | undefined {
    this.view.setBigUint64(HEADER.controlLength, BigInt(CONTROL_BYTES), true);
    const length = this.libc.recvmsg(this.fd, this.memory, MSG_DONTWAIT);
    if (length < 0) {
      const failure = this.failure('recvmsg');
      if (NOTHING_THERE.includes(failure.code)) return undefined;
      throw failure;
    }
    return { bytes: this.memory.subarray(AT.frame, AT.frame + Number(length)), strippedTag: this.strippedTag() };
  }

  /** Reading the figures sets them back to zero. */
  drops(): number {
    const figures = new Uint8Array(new ArrayBuffer(8));
    const result = this.libc.getsockopt(this.fd, SOL_PACKET, PACKET_STATISTICS, figures, int32(figures.length));
    return result < 0 ? 0 : new DataView(figures.buffer).getUint32(4, true);
  }

  close(): void {
    this.poll.close();
    this.libc.close(this.fd);
  }

  /** struct sock_fprog: how many instructions, and where they are. */
  private attachFilter(): void {
    const reference = new DataView(new ArrayBuffer(16));
    reference.setUint16(0, WAKE_FRAME_FILTER.length, true);
    reference.setBigUint64(8, this.koffi.address(FILTER), true);
    this.option(SOL_SOCKET, SO_ATTACH_FILTER, new Uint8Array(reference.buffer));
  }

  /** struct sockaddr_ll: family, protocol, interface; the rest is for senders. */
  private bindTo(index: number): void {
    const address = new DataView(new ArrayBuffer(20));
    address.setUint16(0, AF_PACKET, true);
    address.setUint16(2, ALL_TYPES, true);
    address.setInt32(4, index, true);
    this.checked('bind', this.libc.bind(this.fd, new Uint8Array(address.buffer), address.byteLength));
  }

  private prepareHeader(): void {
    const start = this.koffi.address(this.memory);
    this.view.setBigUint64(AT.header + HEADER.vector, start + BigInt(AT.vector), true);
    this.view.setBigUint64(AT.header + HEADER.vectorLength, 1n, true);
    this.view.setBigUint64(AT.header + HEADER.control, start + BigInt(AT.control), true);
    this.view.setBigUint64(AT.vector, start + BigInt(AT.frame), true);
    this.view.setBigUint64(AT.vector + 8, BigInt(FRAME_BYTES), true);
  }

  /** struct tpacket_auxdata behind the header of the one control message there is. */
  private strippedTag(): number | undefined {
    const [length, level, type] = [AT.control, AT.control + 8, AT.control + 12];
    const auxiliary = AT.control + 16;
    if (Number(this.view.getBigUint64(HEADER.controlLength, true)) < 16 + 20 || this.view.getBigUint64(length, true) < 16n + 20n)
      return undefined;
    if (this.view.getInt32(level, true) !== SOL_PACKET || this.view.getInt32(type, true) !== PACKET_AUXDATA) return undefined;
    const isValid = (this.view.getUint32(auxiliary, true) & TP_STATUS_VLAN_VALID) !== 0;
    return isValid ? this.view.getUint16(auxiliary + 16, true) : undefined;
  }

  private option(level: number, name: number, value: Uint8Array): void {
    this.checked('setsockopt', this.libc.setsockopt(this.fd, level, name, value, value.length));
  }

  private checked(call: string, result: number): number {
    if (result < 0) throw this.failure(call);
    return result;
  }

  private failure(call: string): Error & { readonly code: string } {
    const number = -this.koffi.errno();
    const code = getSystemErrorName(number);
    return Object.assign(new Error(`${call}: ${code}, ${getSystemErrorMessage(number)}`), { code });
  }
}

function int32(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(4));
  view.setInt32(0, value, true);
  return new Uint8Array(view.buffer);
}

/** struct packet_mreq. */
function promiscuous(index: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setInt32(0, index, true);
  view.setUint16(4, PACKET_MR_PROMISC, true);
  return new Uint8Array(view.buffer);
}
