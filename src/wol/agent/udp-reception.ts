/**
 * All UDP ports of an agent, in both IP families.
 *
 * Owns: which ports are bound, binding again what is not, and which interfaces' groups they are in. Never: looks into a datagram.
 *
 * Expected flow: `start` binds everything once; what failed is tried again until `close`; `follow` is called with every look at the
 * interfaces.
 * Guarantees: a port that cannot be bound never keeps the others from working; a problem is logged when it appears and when it
 * ends; a node without IPv6 is no problem.
 */
import type { Clock, Logger, Timer } from '../../framework/basics';
import type { NetworkInterface } from './interfaces';
import { type DatagramHandler, type IpFamily, RECEIVE_BUFFER_BYTES, type SocketFactory, UdpPort } from './udp-port';

/** Pause before a port is tried again, in milliseconds, and the shorter one while no port at all is bound. */
const REBIND_MS = 5_000;
const FIRST_REBIND_MS = 500;
const FAMILIES: readonly IpFamily[] = ['ipv4', 'ipv6'];

export interface UdpReceptionDependencies {
  ports: readonly number[];
  onDatagram: DatagramHandler;
  /** A port was bound, or it turned out that one cannot be. */
  onChange?: () => void;
  clock: Clock;
  logger: Logger;
  /** @default node:dgram's */
  socketOf?: SocketFactory;
}

export class UdpReception {
  /** Both families of the first port, then of the second, and so on. */
  readonly ports: readonly UdpPort[];
  private readonly loggedCauses = new Map<UdpPort, string>();
  private interfaces: readonly NetworkInterface[] = [];
  private timer: Timer | undefined;
  private closed = false;
  private bufferWarned = false;

  constructor(private readonly deps: UdpReceptionDependencies) {
    this.ports = deps.ports.flatMap((port) => FAMILIES.map((family) => new UdpPort(port, family, deps.onDatagram, deps.socketOf)));
  }

  /** Resolves after the first attempt on every port. */
  async start(): Promise<void> {
    await this.bindMissing();
  }

  get anyBound(): boolean {
    return this.ports.some(({ state }) => state.kind === 'bound');
  }

  /** One line per port and family that is not bound, naming port and cause. */
  problems(): string[] {
    return this.ports.flatMap(({ port, family, state }) =>
      state.kind === 'unbound' ? [`UDP port ${port} (${family}) is not bound: ${state.cause}`] : [],
    );
  }

  /** Joins the IPv6 group of all nodes on interfaces that came; a node that got IPv6 after the start gets its sockets. */
  async follow(interfaces: readonly NetworkInterface[]): Promise<void> {
    this.interfaces = interfaces.filter(({ hasIpv6 }) => hasIpv6);
    if (this.interfaces.length > 0) await this.bindAll(({ state }) => state.kind === 'absent');
    for (const port of this.ports) this.join(port);
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
    for (const port of this.ports) port.close();
  }

  private async bindMissing(): Promise<void> {
    await this.bindAll(({ state }) => state.kind === 'unbound');
    if (this.closed) return;
    this.timer = this.deps.clock.setTimer(this.anyBound ? REBIND_MS : FIRST_REBIND_MS, () => void this.bindMissing());
  }

  private async bindAll(isWanted: (port: UdpPort) => boolean): Promise<void> {
    if (this.closed) return;
    await Promise.all(this.ports.filter(isWanted).map((port) => this.bindOne(port)));
  }

  private async bindOne(port: UdpPort): Promise<void> {
    const state = await port.bind();
    const about = { port: port.port, family: port.family };
    if (this.closed) {
      port.close();
    } else if (state.kind === 'bound') {
      this.loggedCauses.delete(port);
      this.deps.logger.info('UDP port bound', { ...about, receiveBufferBytes: state.receiveBufferBytes });
      this.warnOfSmallBuffer(state.receiveBufferBytes);
      this.join(port);
      this.deps.onChange?.();
    } else if (state.kind === 'absent') {
      this.deps.logger.debug('the node has no IPv6', about);
    } else if (this.loggedCauses.get(port) !== state.cause) {
      this.loggedCauses.set(port, state.cause);
      this.deps.logger.warn('UDP port not bound; trying again', { ...about, cause: state.cause });
      this.deps.onChange?.();
    }
  }

  private join(port: UdpPort): void {
    port.join(this.interfaces, (name, cause) =>
      this.deps.logger.debug('IPv6 group not joined; trying again', { port: port.port, interface: name, cause }),
    );
  }

  private warnOfSmallBuffer(reportedBytes: number): void {
    const grantedBytes = process.platform === 'linux' ? reportedBytes / 2 : reportedBytes;
    if (grantedBytes >= RECEIVE_BUFFER_BYTES || this.bufferWarned) return;
    this.bufferWarned = true;
    this.deps.logger.warn('small receive buffer: a burst may lose packets; raise net.core.rmem_max on the node', {
      grantedBytes,
      wantedBytes: RECEIVE_BUFFER_BYTES,
    });
  }
}
