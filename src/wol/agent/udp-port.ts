/**
 * One UDP socket that stays bound.
 *
 * Owns: the socket and what is known about it. Never: looks into a datagram.
 * Invariant: each datagram is handed on with bytes of its own; after `close` nothing is handed on.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';

/** Asked of the kernel for each socket: about 5,000 datagrams while the process is busy. */
export const RECEIVE_BUFFER_BYTES = 4 * 1_048_576;

/** What the socket is right now. */
export type UdpPortState =
  | { readonly kind: 'bound' /** As the kernel reports it; Linux reports twice what it granted. */; readonly receiveBufferBytes: number }
  | { readonly kind: 'unbound' /** One line. */; readonly cause: string };

export type DatagramHandler = (payload: Buffer, from: RemoteInfo, port: number) => void;

export class UdpPort {
  private socket: Socket | undefined;
  private current: UdpPortState = { kind: 'unbound', cause: 'not bound yet' };

  constructor(
    readonly port: number,
    private readonly onDatagram: DatagramHandler,
  ) {}

  get state(): UdpPortState {
    return this.current;
  }

  /**
   * Binds to every IPv4 address: a socket on one address would get no broadcasts. The address is shared, so that two agents
   * on a node can listen on one port; broadcasts reach both.
   */
  bind(): Promise<UdpPortState> {
    this.close();
    const socket = createSocket({ type: 'udp4', reuseAddr: true, recvBufferSize: RECEIVE_BUFFER_BYTES });
    this.socket = socket;
    socket.on('message', (payload, from) => this.onDatagram(payload, from, this.port));
    return new Promise((resolve) => {
      socket.on('error', (error) => {
        if (this.socket === socket) this.fail(error);
        resolve(this.current);
      });
      socket.bind(this.port, () => {
        if (this.socket === socket) this.current = { kind: 'bound', receiveBufferBytes: socket.getRecvBufferSize() };
        resolve(this.current);
      });
    });
  }

  close(): void {
    this.socket?.removeAllListeners('message');
    try {
      this.socket?.close();
    } catch {
      // A socket that failed to bind is closed already.
    }
    this.socket = undefined;
    this.current = { kind: 'unbound', cause: 'closed' };
  }

  private fail(error: Error): void {
    this.close();
    this.current = { kind: 'unbound', cause: error.message };
  }
}
