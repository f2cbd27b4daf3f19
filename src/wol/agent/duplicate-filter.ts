/**
 * Lets the first of a series of equal packets through.
 *
 * Owns: what was accepted in the last window. Never: counts a packet that nobody accepted.
 *
 * Guarantees: a repeat inside the window is a duplicate; the window starts with the first accepted packet for an address and
 * is not extended by repeats; a wrong password never mutes the right one, and each destination port gets its own answer.
 * Caveats: beyond MAX_PAIRS_PER_MAC distinct pairs an address is muted until its window ends; beyond MAX_REMEMBERED_MACS the
 * oldest address is forgotten, which lets a repeat through.
 */
import type { Clock } from '../../framework/basics';
import { MAX_PAIRS_PER_MAC, MAX_REMEMBERED_MACS } from '../protocol/limits';

interface Pair {
  readonly port: number;
  readonly password: string;
}

interface Window {
  readonly startedAtMs: number;
  readonly pairs: Pair[];
}

/** What makes two packets the same. */
export interface PacketIdentity {
  /** Normal form. */
  readonly mac: string;
  /** UDP destination port; 0 for an Ethernet frame, which counts as the same as a packet to any port. */
  readonly port: number;
  readonly password: Uint8Array | undefined;
}

export interface DuplicateFilterOptions {
  /** Milliseconds; 0 lets everything through. */
  windowMs: number;
  /** @default MAX_REMEMBERED_MACS */
  maxMacs?: number;
  /** Called for each address forgotten before its window ended. */
  onEvicted?: () => void;
}

export class DuplicateFilter {
  private readonly windowMs: number;
  private readonly maxMacs: number;
  private readonly onEvicted: (() => void) | undefined;
  /** In order of `startedAtMs`: a window never moves once it is open. */
  private readonly windows = new Map<string, Window>();

  constructor(
    { windowMs, maxMacs = MAX_REMEMBERED_MACS, onEvicted }: DuplicateFilterOptions,
    private readonly clock: Clock,
  ) {
    this.windowMs = windowMs;
    this.maxMacs = maxMacs;
    this.onEvicted = onEvicted;
  }

  /** Number of addresses whose window is open. */
  get size(): number {
    this.forgetExpired();
    return this.windows.size;
  }

  isDuplicate(packet: PacketIdentity): boolean {
    const window = this.openWindow(packet.mac);
    if (window === undefined) return false;
    const password = textOf(packet.password);
    return (
      window.pairs.length >= MAX_PAIRS_PER_MAC ||
      window.pairs.some((seen) => seen.password === password && samePort(seen.port, packet.port))
    );
  }

  /** To be called only when the packet was accepted for delivery. */
  remember(packet: PacketIdentity): void {
    if (this.windowMs === 0) return;
    const pair = { port: packet.port, password: textOf(packet.password) };
    const window = this.openWindow(packet.mac);
    if (window !== undefined) {
      window.pairs.push(pair);
      return;
    }
    this.forgetExpired();
    this.windows.set(packet.mac, { startedAtMs: this.clock.monotonicMs(), pairs: [pair] });
    if (this.windows.size > this.maxMacs) {
      this.forgetOldest();
      this.onEvicted?.();
    }
  }

  private openWindow(mac: string): Window | undefined {
    const window = this.windows.get(mac);
    return window !== undefined && !this.isOver(window) ? window : undefined;
  }

  private isOver(window: Window): boolean {
    return this.clock.monotonicMs() - window.startedAtMs >= this.windowMs;
  }

  /** Frees what is not needed any more; nothing else depends on it. */
  forgetExpired(): void {
    for (const [mac, window] of this.windows) {
      if (!this.isOver(window)) return;
      this.windows.delete(mac);
    }
  }

  private forgetOldest(): void {
    for (const mac of this.windows.keys()) {
      this.windows.delete(mac);
      return;
    }
  }
}

function samePort(a: number, b: number): boolean {
  return a === b || a === 0 || b === 0;
}

/** Empty for no password: a password is never empty. */
function textOf(password: Uint8Array | undefined): string {
  return password === undefined ? '' : Buffer.from(password).toString('latin1');
}
