/**
 * All UDP ports of an agent.
 *
 * Owns: which ports are bound, and binding again what is not. Never: looks into a datagram.
 *
 * Expected flow: `start` binds everything once; what failed is tried again until `close`.
 * Guarantees: a port that cannot be bound never keeps the others from working; a problem is logged when it appears and when it
 * ends.
 */
import type { Clock, Logger, Timer } from '../../framework/basics';
import { type DatagramHandler, RECEIVE_BUFFER_BYTES, UdpPort } from './udp-port';

/** Pause before a port is tried again, in milliseconds, and the shorter one while no port at all is bound. */
const REBIND_MS = 5_000;
const FIRST_REBIND_MS = 500;

export interface UdpReceptionDependencies {
  ports: readonly number[];
  onDatagram: DatagramHandler;
  clock: Clock;
  logger: Logger;
}

export class UdpReception {
  readonly ports: readonly UdpPort[];
  private readonly loggedCauses = new Map<UdpPort, string>();
  private timer: Timer | undefined;
  private closed = false;
  private bufferWarned = false;

  constructor(private readonly deps: UdpReceptionDependencies) {
    this.ports = deps.ports.map((port) => new UdpPort(port, deps.onDatagram));
  }

  /** Resolves after the first attempt on every port. */
  async start(): Promise<void> {
    await this.bindMissing();
  }

  get anyBound(): boolean {
    return this.ports.some(({ state }) => state.kind === 'bound');
  }

  /** One line per port that is not bound, naming port and cause. */
  problems(): string[] {
    return this.ports.flatMap(({ port, state }) => (state.kind === 'bound' ? [] : [`UDP port ${port} is not bound: ${state.cause}`]));
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
    for (const port of this.ports) port.close();
  }

  private async bindMissing(): Promise<void> {
    const missing = this.ports.filter(({ state }) => state.kind === 'unbound');
    await Promise.all(missing.map((port) => this.bindOne(port)));
    if (this.closed) return;
    this.timer = this.deps.clock.setTimer(this.anyBound ? REBIND_MS : FIRST_REBIND_MS, () => void this.bindMissing());
  }

  private async bindOne(port: UdpPort): Promise<void> {
    const state = await port.bind();
    if (this.closed) {
      port.close();
    } else if (state.kind === 'bound') {
      this.loggedCauses.delete(port);
      this.deps.logger.info('UDP port bound', { port: port.port, receiveBufferBytes: state.receiveBufferBytes });
      this.warnOfSmallBuffer(state.receiveBufferBytes);
    } else if (this.loggedCauses.get(port) !== state.cause) {
      this.loggedCauses.set(port, state.cause);
      this.deps.logger.warn('UDP port not bound; trying again', { port: port.port, cause: state.cause });
    }
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
