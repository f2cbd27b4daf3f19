/**
 * Remembers which handler caused which resource version, so that nobody is woken by the echo of his own write.
 *
 * Owns: a bounded memory. Invariant: at most 16 versions a key and none older than 5 minutes; forgetting one only costs a pass.
 */
import type { ObjectKey } from '../kinds/object';
import type { Clock } from '../time/clock';

const VERSIONS_PER_KEY = 16;
const KEEP_MS = 300_000;

interface Write {
  readonly version: string;
  readonly handlers: Set<string>;
  readonly atMs: number;
}

export class OwnWrites {
  /** Oldest first. */
  private readonly writes = new Map<string, Write[]>();
  private nextSweepMs = 0;

  constructor(private readonly clock: Clock) {}

  remember(kindId: string, key: ObjectKey, version: string, handler: string): void {
    const nowMs = this.clock.monotonicMs();
    this.sweep(nowMs);
    const place = `${kindId} ${key}`;
    const writes = this.writes.get(place) ?? [];
    const known = writes.find((write) => write.version === version);
    if (known === undefined) writes.push({ version, handlers: new Set([handler]), atMs: nowMs });
    else known.handlers.add(handler);
    if (writes.length > VERSIONS_PER_KEY) writes.shift();
    this.writes.set(place, writes);
  }

  wasWrittenBy(kindId: string, key: ObjectKey, version: string | undefined, handler: string): boolean {
    const write = this.writes.get(`${kindId} ${key}`)?.find((candidate) => candidate.version === version);
    if (write === undefined) return false;
    return write.handlers.has(handler) && this.clock.monotonicMs() - write.atMs <= KEEP_MS;
  }

  private sweep(nowMs: number): void {
    if (nowMs < this.nextSweepMs) return;
    this.nextSweepMs = nowMs + KEEP_MS;
    for (const [place, writes] of this.writes) {
      const last = writes[writes.length - 1];
      if (last === undefined || nowMs - last.atMs > KEEP_MS) this.writes.delete(place);
    }
  }
}
