/**
 * The way out of the fake: one HTTP response, whole or streamed, with the faults that happen on the wire.
 *
 * Owns: headers, compression, trickling, cutting. Never: decides what is answered.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Clock, Timer } from '../../../time/clock';

/** Bodies from this size on are compressed if the client accepts it. From k8s.io/apiserver responsewriters. */
const GZIP_MIN_BYTES = 128 * 1024;

const TICK_MS = 1_000;

export class Reply {
  /** Bytes a second, `undefined` for no limit. */
  bytesPerSecond: number | undefined;
  private readonly pending: Buffer[] = [];
  private ticker: Timer | undefined;
  private isEnding = false;

  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly clock: Clock,
    private readonly resetConnection: () => void,
  ) {
    response.on('close', () => this.ticker?.cancel());
  }

  get isClosed(): boolean {
    return this.response.destroyed || this.response.writableEnded;
  }

  /** Bytes written that the client has not taken yet. */
  get backlogBytes(): number {
    return this.response.writableLength;
  }

  onClose(listener: () => void): void {
    this.response.on('close', listener);
  }

  json(status: number, body: unknown, headers: Readonly<Record<string, string | readonly string[]>> = {}): void {
    this.send(status, 'application/json', Buffer.from(`${JSON.stringify(body)}\n`), headers);
  }

  text(status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
    this.send(status, 'text/plain; charset=utf-8', Buffer.from(text), headers);
  }

  /** Headers of a body that comes in pieces. */
  begin(status: number, contentType = 'application/json'): void {
    this.response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-cache, private' });
    this.response.flushHeaders();
  }

  write(text: string): void {
    if (this.isClosed) return;
    if (this.bytesPerSecond === undefined) this.response.write(text);
    else this.trickle(Buffer.from(text));
  }

  end(): void {
    this.isEnding = true;
    if (this.pending.length === 0 && !this.isClosed) this.response.end();
  }

  /** TCP reset. */
  reset(): void {
    this.ticker?.cancel();
    this.resetConnection();
  }

  /** Drops the connection with everything unsent. */
  abort(): void {
    this.ticker?.cancel();
    this.response.destroy();
  }

  private send(status: number, contentType: string, body: Buffer, headers: Readonly<Record<string, string | readonly string[]>>): void {
    if (this.isClosed) return;
    const isGzip = body.length >= GZIP_MIN_BYTES && /\bgzip\b/.test(String(this.request.headers['accept-encoding'] ?? ''));
    const bytes = isGzip ? gzipSync(body, { level: 1 }) : body;
    for (const [name, value] of Object.entries(headers)) this.response.setHeader(name, value);
    if (isGzip) this.response.setHeader('content-encoding', 'gzip').setHeader('vary', 'Accept-Encoding');
    this.response.setHeader('cache-control', 'no-cache, private').setHeader('content-type', contentType);
    this.response.writeHead(status, { 'content-length': bytes.length });
    if (this.request.method === 'HEAD') this.response.end();
    else if (this.bytesPerSecond === undefined) this.response.end(bytes);
    else {
      this.response.flushHeaders();
      this.trickle(bytes);
      this.end();
    }
  }

  private trickle(bytes: Buffer): void {
    this.pending.push(bytes);
    this.ticker ??= this.clock.setTimer(TICK_MS, () => this.tick());
  }

  private tick(): void {
    this.ticker = undefined;
    let budget = this.bytesPerSecond ?? 0;
    while (budget > 0 && this.pending.length > 0 && !this.isClosed) {
      const head = this.pending.shift()!;
      this.response.write(head.subarray(0, budget));
      if (head.length > budget) this.pending.unshift(head.subarray(budget));
      budget -= head.length;
    }
    if (this.isClosed) return;
    if (this.pending.length > 0) this.ticker = this.clock.setTimer(TICK_MS, () => this.tick());
    else if (this.isEnding) this.response.end();
  }
}
