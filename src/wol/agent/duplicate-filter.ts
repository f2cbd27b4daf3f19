/**
 * Lets the first of a series of equal packets from one sender through.
 *
 * Owns: what was accepted in the last window. Never: counts a packet that nobody accepted.
 *
 * Guarantees: a repeat inside the window is a duplicate; the window of a sender starts with its first accepted packet for an address
 * and is not extended by repeats; a sender mutes nobody else, whatever it sends: only the manager knows whose packet may wake; a wrong
 * password never mutes the right one, and each destination port gets its own answer.
 * Caveats: beyond MAX_PAIRS_PER_MAC distinct pairs a sender is muted for that address until its window ends, so whoever can forge the
 * address of a sender can mute it; beyond MAX_REMEMBERED_MACS the oldest is forgotten, which lets a repeat through. What several
 * senders ask for one address is made one by the manager.
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
  /** IP address, or that of the network card which sent a frame. */
  readonly sender: string;
  /** UDP destination port; 0 for an Ethernet frame. */
  readonly port: number;
  readonly password: Uint8Array | undefined;
}

export interface DuplicateFilterOptions {
  /** Milliseconds; 0 lets everything through. */
  windowMs: number;
  /** @default MAX_REMEMBERED_MACS */
  maxWindows?: number;
  /** Called for each window forgotten before its window ended. */
  onEvicted?: () => void;
}

export class DuplicateFilter {
  private readonly windowMs: number;
  private readonly maxWindows: number;
  private readonly onEvicted: (() => void) | undefined;
  /** By address and sender, in order of `startedAtMs`: a window never moves once it is open. */
  private readonly windows = new Map<string, Window>();

  constructor(
    { windowMs, maxWindows = MAX_REMEMBERED_MACS, onEvicted }: DuplicateFilterOptions,
    private readonly clock: Clock,
  ) {
    this.windowMs = windowMs;
    this.maxWindows = maxWindows;
    this.onEvicted = onEvicted;
  }

  /** Number of windows that are open. */
  get size(): number {
    this.forgetExpired();
    return this.windows.size;
  }

  isDuplicate(packet: PacketIdentity): boolean {
    const window = this.openWindow(keyOf(packet));
    if (window === undefined) return false;
    const password = textOf(packet.password);
    return window.pairs.length >= MAX_PAIRS_PER_MAC || window.pairs.some((seen) => seen.password === password && seen.port === packet.port);
  }

  /** To be called only when the packet was accepted for delivery. */
  remember(packet: PacketIdentity): void {
    if (this.windowMs === 0) return;
    const pair = { port: packet.port, password: textOf(packet.password) };
    const window = this.openWindow(keyOf(packet));
    if (window !== undefined) {
      window.pairs.push(pair);
      return;
    }
    this.forgetExpired();
    this.windows.set(keyOf(packet), { startedAtMs: this.clock.monotonicMs(), pairs: [pair] });
    if (this.windows.size > this.maxWindows) {
      this.forgetOldest();
      this.onEvicted?.();
    }
  }

  /** Undoes `remember`, for a packet that was not reported after all. */
  forget(packet: PacketIdentity): void {
    const window = this.openWindow(keyOf(packet));
    const password = textOf(packet.password);
    const index = window?.pairs.findIndex((seen) => seen.password === password && seen.port === packet.port) ?? -1;
    if (index >= 0) window?.pairs.splice(index, 1);
  }

  private openWindow(key: string): Window | undefined {
    const window = this.windows.get(key);
    return window !== undefined && !this.isOver(window) ? window : undefined;
  }

  private isOver(window: Window): boolean {
    return this.clock.monotonicMs() - window.startedAtMs >= this.windowMs;
  }

  /** Frees what is not needed any more; nothing else depends on it. */
  forgetExpired(): void {
    for (const [key, window] of this.windows) {
      if (!this.isOver(window)) return;
      this.windows.delete(key);
    }
  }

  private forgetOldest(): void {
    for (const key of this.windows.keys()) {
      this.windows.delete(key);
      return;
    }
  }
}

function keyOf({ mac, sender }: PacketIdentity): string {
  return `${mac} ${sender}`;
}

/** Empty for no password: a password is never empty. */
function textOf(password: Uint8Array | undefined): string {
  return password === undefined ? '' : Buffer.from(password).toString('latin1');
}
