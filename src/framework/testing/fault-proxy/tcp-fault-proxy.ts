/**
 * A TCP proxy in front of any server that makes the network misbehave.
 *
 * Expected flow: `await TcpFaultProxy.start({ target })` -> point the client at `proxy.port` -> set faults -> `await proxy.stop()`.
 * Guarantees: bytes of one direction arrive complete and in order unless a fault says otherwise; faults change connections that are open, too.
 * Assumptions: the target is reachable; TLS passes through untouched, so certificates must be valid for 127.0.0.1.
 * Caveats: delay and bandwidth run on the injected clock; a half-open connection stays until `stop` or `reset`.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Clock, SystemClock, type Timer } from '../../time/clock';
import { listenLocally } from '../socket-table';

export interface TcpFaultProxyOptions {
  target: { host: string; port: number };
  clock?: Clock;
  /** 0 = any free port. @default 0 */
  port?: number;
}

/** How long a blocked direction waits before it looks again, in milliseconds. */
const TICK_MS = 100;

/** What the proxy does to bytes; changes at any time. */
interface Shape {
  delayMs: number;
  /** 0 = unlimited. */
  bytesPerSecond: number;
  isHalfOpen: boolean;
}

/** One direction of one connection. */
class Pipe {
  private readonly queue: { bytes: Buffer; dueMs: number }[] = [];
  private timer: Timer | undefined;
  private hasEnded = false;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly shape: Shape,
    private readonly clock: Clock,
  ) {
    from.on('data', (bytes: Buffer) => this.take(bytes));
    from.on('end', () => {
      this.hasEnded = true;
      this.pump();
    });
    to.on('drain', () => from.resume());
  }

  /** Sends what may go now and plans the rest. */
  pump(): void {
    if (this.timer !== undefined || this.shape.isHalfOpen || this.to.destroyed) return;
    const { bytesPerSecond } = this.shape;
    let budget = bytesPerSecond === 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.round((bytesPerSecond * TICK_MS) / 1_000));
    while (budget > 0 && this.queue.length > 0 && this.queue[0]!.dueMs <= this.clock.monotonicMs()) {
      const { bytes, dueMs } = this.queue.shift()!;
      const now = bytes.subarray(0, Math.min(bytes.length, budget));
      if (now.length < bytes.length) this.queue.unshift({ bytes: bytes.subarray(now.length), dueMs });
      budget -= now.length;
      if (!this.to.write(now)) this.from.pause();
    }
    if (this.queue.length > 0) this.later(bytesPerSecond === 0 ? this.queue[0]!.dueMs - this.clock.monotonicMs() : TICK_MS);
    else if (this.hasEnded) this.to.end();
  }

  /** Sends what is held back, at once. */
  release(): void {
    this.timer?.cancel();
    this.timer = undefined;
    for (const item of this.queue) item.dueMs = 0;
    this.pump();
  }

  stop(): void {
    this.timer?.cancel();
    this.queue.length = 0;
  }

  private take(bytes: Buffer): void {
    this.queue.push({ bytes, dueMs: this.clock.monotonicMs() + this.shape.delayMs });
    this.pump();
  }

  private later(delayMs: number): void {
    this.timer = this.clock.setTimer(delayMs, () => {
      this.timer = undefined;
      this.pump();
    });
  }
}

interface Connection {
  readonly client: Socket;
  readonly upstream: Socket;
  readonly pipes: readonly Pipe[];
}

export class TcpFaultProxy {
  /** Connections accepted since the start, refused ones included. */
  accepted = 0;
  private readonly shape: Shape = { delayMs: 0, bytesPerSecond: 0, isHalfOpen: false };
  private readonly connections = new Set<Connection>();
  private readonly server: Server;
  private readonly clock: Clock;
  private mode: 'pass' | 'refuse' | 'resetOnAccept' = 'pass';
  private boundPort = 0;

  private constructor(private readonly options: TcpFaultProxyOptions) {
    this.clock = options.clock ?? new SystemClock();
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.onClient(client));
  }

  static async start(options: TcpFaultProxyOptions): Promise<TcpFaultProxy> {
    const proxy = new TcpFaultProxy(options);
    await proxy.listen();
    return proxy;
  }

  get port(): number {
    return this.boundPort;
  }

  /** Connections open now. */
  get open(): number {
    return this.connections.size;
  }

  /** Ends every open connection with a FIN in both directions. New ones pass. */
  cut(): void {
    for (const { client, upstream, pipes } of [...this.connections]) {
      for (const pipe of pipes) pipe.stop();
      client.end(() => client.destroy());
      upstream.destroy();
    }
  }

  /** Ends every open connection with a TCP reset. New ones pass. */
  reset(): void {
    for (const { client, upstream } of [...this.connections]) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  }

  /** Open connections stay open and no byte passes any more, nor on new ones; `heal` lets held bytes through. */
  halfOpen(): void {
    this.shape.isHalfOpen = true;
  }

  /** Every byte arrives this much later, in both directions. */
  delay(delayMs: number): void {
    this.shape.delayMs = delayMs;
  }

  /** Bytes a second for each direction of each connection. 0 = unlimited. */
  bandwidth(bytesPerSecond: number): void {
    this.shape.bytesPerSecond = bytesPerSecond;
  }

  /** New connections are refused: nothing listens. Open ones go on. */
  async refuse(): Promise<void> {
    if (this.mode === 'refuse') return;
    this.mode = 'refuse';
    this.server.close();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** New connections are accepted and reset at once. */
  resetOnAccept(): void {
    this.mode = 'resetOnAccept';
  }

  /** Takes every fault back; what was held goes on its way. */
  async heal(): Promise<void> {
    Object.assign(this.shape, { delayMs: 0, bytesPerSecond: 0, isHalfOpen: false });
    const wasRefusing = this.mode === 'refuse';
    this.mode = 'pass';
    if (wasRefusing) await this.listen();
    for (const { pipes } of this.connections) for (const pipe of pipes) pipe.release();
  }

  /** Idempotent. Nothing listens and no socket is open afterwards. */
  async stop(): Promise<void> {
    const closed = this.server.listening ? new Promise<void>((resolve) => this.server.close(() => resolve())) : Promise.resolve();
    for (const { client, upstream, pipes } of [...this.connections]) {
      for (const pipe of pipes) pipe.stop();
      client.destroy();
      upstream.destroy();
    }
    await closed;
  }

  private async listen(): Promise<void> {
    this.boundPort = await listenLocally(this.server, this.boundPort === 0 ? (this.options.port ?? 0) : this.boundPort);
  }

  private onClient(client: Socket): void {
    this.accepted++;
    if (this.mode === 'resetOnAccept') {
      client.resetAndDestroy();
      return;
    }
    const { host, port } = this.options.target;
    const upstream = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const pipes = [new Pipe(client, upstream, this.shape, this.clock), new Pipe(upstream, client, this.shape, this.clock)];
    const connection: Connection = { client, upstream, pipes };
    this.connections.add(connection);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.resetAndDestroy());
    client.on('close', () => {
      this.connections.delete(connection);
      for (const pipe of pipes) pipe.stop();
      upstream.destroy();
    });
  }
}
