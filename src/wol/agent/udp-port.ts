/**
 * One UDP socket that stays bound.
 *
 * Owns: the socket, the groups it is in and what is known about it. Never: looks into a datagram.
 * Invariant: each datagram is handed on with bytes of its own; after `close` nothing is handed on.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { NetworkInterface } from './interfaces';

/** Asked of the kernel for each socket: about 10,000 magic packets while the process is busy. */
export const RECEIVE_BUFFER_BYTES = 4 * 1_048_576;
/** All nodes of a link: the broadcast of IPv6 (RFC 4291, 2.7.1). */
const ALL_NODES = 'ff02::1';
/** What the kernel says where a family is switched off, at the latest when a socket is bound. */
const NO_SUCH_FAMILY: readonly (string | undefined)[] = ['EAFNOSUPPORT', 'EPROTONOSUPPORT', 'EADDRNOTAVAIL'];

export type IpFamily = 'ipv4' | 'ipv6';

/** What the socket is right now. */
export type UdpPortState =
  | { readonly kind: 'bound' /** As the kernel reports it; Linux reports twice what it granted. */; readonly receiveBufferBytes: number }
  | { readonly kind: 'unbound' /** One line. */; readonly cause: string }
  /** The node has no such family: nothing is wrong. */
  | { readonly kind: 'absent' };

export type DatagramHandler = (payload: Buffer, from: RemoteInfo, port: number) => void;

/** Makes sockets; tests put in one of a node without IPv6. */
export type SocketFactory = typeof createSocket;

export class UdpPort {
  private socket: Socket | undefined;
  private current: UdpPortState = { kind: 'unbound', cause: 'not bound yet' };
  /** Interfaces whose group the socket is in, by `name#index`: a name may come back as another interface. */
  private readonly joined = new Set<string>();

  constructor(
    readonly port: number,
    readonly family: IpFamily,
    private readonly onDatagram: DatagramHandler,
    private readonly socketOf: SocketFactory = createSocket,
  ) {}

  get state(): UdpPortState {
    return this.current;
  }

  /**
   * Binds to every address of the family: a socket on one address would get no broadcasts. The address is shared, so that two
   * agents on a node can listen on one port; broadcasts and multicasts reach both.
   */
  bind(): Promise<UdpPortState> {
    this.close();
    const socket = this.socketOf({
      type: this.family === 'ipv4' ? 'udp4' : 'udp6',
      reuseAddr: true,
      ipv6Only: this.family === 'ipv6',
      recvBufferSize: RECEIVE_BUFFER_BYTES,
    });
    this.socket = socket;
    socket.on('message', (payload, from) => this.onDatagram(payload, from, this.port));
    return new Promise((resolve) => {
      socket.on('error', (error) => {
        if (this.socket === socket) this.fail(error);
        resolve(this.current);
      });
      socket.bind(this.port, this.family === 'ipv4' ? '0.0.0.0' : '::', () => {
        if (this.socket === socket) this.current = { kind: 'bound', receiveBufferBytes: socket.getRecvBufferSize() };
        resolve(this.current);
      });
    });
  }

  /**
   * Joins the group of all nodes on each of these interfaces, where that was not done before. Linux hands on what reaches the node
   * anyway; other systems, and Linux with IPV6_MULTICAST_ALL off, only to members.
   *
   * @param onFailure gets one line for each interface that refused; it is tried again with the next call.
   */
  join(interfaces: readonly NetworkInterface[], onFailure: (name: string, cause: string) => void): void {
    if (this.family !== 'ipv6' || this.current.kind !== 'bound') return;
    const present = new Set(interfaces.map(keyOf));
    for (const key of this.joined) if (!present.has(key)) this.joined.delete(key);
    for (const one of interfaces) {
      if (this.joined.has(keyOf(one))) continue;
      const failure = this.joinOne(one.name);
      if (failure === undefined) this.joined.add(keyOf(one));
      else onFailure(one.name, failure.message);
    }
  }

  private joinOne(name: string): Error | undefined {
    try {
      this.socket?.addMembership(ALL_NODES, `::%${name}`);
      return undefined;
    } catch (error) {
      // In the group already: the interface only was without IPv6 for a while.
      return (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? undefined : (error as Error);
    }
  }

  close(): void {
    this.socket?.removeAllListeners('message');
    try {
      this.socket?.close();
    } catch {
      // A socket that failed to bind is closed already.
    }
    this.socket = undefined;
    this.joined.clear();
    this.current = { kind: 'unbound', cause: 'closed' };
  }

  private fail(error: NodeJS.ErrnoException): void {
    this.close();
    const isAbsent = this.family === 'ipv6' && NO_SUCH_FAMILY.includes(error.code);
    this.current = isAbsent ? { kind: 'absent' } : { kind: 'unbound', cause: error.message };
  }
}

function keyOf({ name, index }: NetworkInterface): string {
  return `${name}#${index}`;
}
