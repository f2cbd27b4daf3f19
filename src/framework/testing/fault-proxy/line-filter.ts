/**
 * Passes the lines of a watch on, with the fault of that watch.
 *
 * Owns: cutting the stream into lines, what happens to each, and when the fault strikes. Never: opens connections.
 */
import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../time/clock';
import type { Fault } from '../fake-api-server/faults/faults';
import { expired } from '../fake-api-server/status-error';

const TICK_MS = 1_000;
const NEWLINE = 0x0a;

export class LineFilter {
  private rest: Buffer = Buffer.alloc(0);
  private events = 0;
  private isSilent = false;
  private pending: Buffer = Buffer.alloc(0);
  private ticker: Timer | undefined;
  private isEnding = false;

  constructor(
    private readonly out: ServerResponse,
    private readonly clock: Clock,
    private fault: Fault | undefined,
    private readonly stripsBookmarks: boolean,
    private readonly resetConnection: () => void,
  ) {
    out.on('close', () => this.ticker?.cancel());
    this.strikeIfDue();
  }

  push(bytes: Buffer): void {
    this.rest = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    for (let at = this.rest.indexOf(NEWLINE); at >= 0; at = this.rest.indexOf(NEWLINE)) {
      const line = this.rest.subarray(0, at + 1);
      this.rest = this.rest.subarray(at + 1);
      this.line(line);
    }
  }

  end(): void {
    if (this.rest.length > 0) this.write(this.rest);
    this.finish();
  }

  private line(line: Buffer): void {
    const isBookmark = line.subarray(0, 40).includes('"BOOKMARK"');
    if (isBookmark && (this.stripsBookmarks || this.fault?.kind === 'dropBookmarks')) return;
    if (!isBookmark && this.fault?.kind === 'truncateLine' && this.events >= this.fault.afterEvents) {
      this.write(line.subarray(0, Math.ceil(line.length / 2)));
      this.finish();
      return;
    }
    this.write(line);
    if (isBookmark) return;
    if (this.fault?.kind === 'duplicateEvents') this.write(line);
    this.events++;
    this.strikeIfDue();
  }

  private strikeIfDue(): void {
    const { fault } = this;
    if (fault === undefined || !('afterEvents' in fault) || fault.kind === 'truncateLine' || this.events < fault.afterEvents) return;
    this.fault = undefined;
    switch (fault.kind) {
      case 'reset':
        this.resetConnection();
        return;
      case 'stall':
        this.isSilent = true;
        return;
      case 'closeAtOnce':
        this.finish();
        return;
      case 'garbageLine':
        this.write(Buffer.from(`${'}'.repeat(Math.max(1, fault.bytes))}\n`));
        return;
      case 'gone':
        this.write(Buffer.from(`${JSON.stringify({ type: 'ERROR', object: expired('too old resource version').toBody() })}\n`));
        this.finish();
    }
  }

  private write(bytes: Buffer): void {
    if (this.isSilent || this.out.destroyed || this.out.writableEnded) return;
    if (this.fault?.kind !== 'slowBytes') {
      this.out.write(bytes);
      return;
    }
    this.pending = Buffer.concat([this.pending, bytes]);
    this.ticker ??= this.clock.setTimer(TICK_MS, () => this.tick());
  }

  private tick(): void {
    this.ticker = undefined;
    const budget = this.fault?.kind === 'slowBytes' ? this.fault.bytesPerSecond : this.pending.length;
    this.out.write(this.pending.subarray(0, budget));
    this.pending = this.pending.subarray(budget);
    if (this.pending.length > 0) this.ticker = this.clock.setTimer(TICK_MS, () => this.tick());
    else if (this.isEnding) this.out.end();
  }

  private finish(): void {
    this.isEnding = true;
    if (!this.isSilent && this.pending.length === 0 && !this.out.writableEnded) this.out.end();
  }
}
