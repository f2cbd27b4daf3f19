/**
 * The connections to the gRPC port.
 *
 * Owns: how many there are, which have proven who they are, and when one is of no use. Never: reads a byte of them.
 *
 * Expected flow: `accept` (a guest) -> `callBegan`, `admitted` (an agent) -> calls -> closed by the peer, or by `sweep` when it is idle.
 * Guarantees: guests take nothing from agents, except that all together are at most MAX_CONNECTIONS; a guest without a call is closed
 * within GUEST_IDLE_MS and a sweep, also when it has not sent a byte; one whose calls are refused again and again is closed at once.
 * Caveats: whoever has MAX_GUEST_CALLS / MAX_GUEST_CALLS_PER_ADDRESS addresses can keep new agents out by calls that it never ends.
 */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../framework/basics';
import {
  AGENT_IDLE_MS,
  GUEST_IDLE_MS,
  MAX_CONNECTIONS,
  MAX_GUESTS,
  MAX_GUESTS_PER_ADDRESS,
  MAX_REFUSED_CALLS,
  SWEEP_CONNECTIONS_MS,
} from './limits';
import { Shares } from './shares';

/** Labels of `wol_grpc_connections_closed_total`. */
export const CLOSING_REASONS = ['too_many', 'too_many_guests', 'idle', 'refused'] as const;
export type ClosingReason = (typeof CLOSING_REASONS)[number];

interface Connection {
  readonly socket: Socket;
  /** Gives its place among the guests back. */
  readonly leaveGuests: () => void;
  isAgent: boolean;
  openCalls: number;
  refusedCalls: number;
  /** Since when it has no call. */
  idleSinceMs: number;
}

export interface ConnectionsOptions {
  readonly clock: Clock;
  readonly onClosed: (reason: ClosingReason) => void;
}

export class Connections {
  private readonly byPeer = new Map<string, Connection>();
  private readonly guests = new Shares({ perKey: MAX_GUESTS_PER_ADDRESS, total: MAX_GUESTS });
  private sweeping: Timer | undefined;

  constructor(private readonly options: ConnectionsOptions) {}

  /** How many there are. */
  counts(): { readonly agents: number; readonly guests: number } {
    return { agents: this.byPeer.size - this.guests.size, guests: this.guests.size };
  }

  /** @returns whether it may stay; otherwise it is closed already. */
  accept(socket: Socket): boolean {
    const { clock, onClosed } = this.options;
    // Whoever uses it has a handler of its own; between the two it must not end the process.
    socket.on('error', () => undefined);
    const leaveGuests = this.byPeer.size < MAX_CONNECTIONS ? this.guests.take(socket.remoteAddress ?? '') : undefined;
    if (leaveGuests === undefined) {
      socket.destroy();
      onClosed(this.byPeer.size < MAX_CONNECTIONS ? 'too_many_guests' : 'too_many');
      return false;
    }
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const connection = { socket, leaveGuests, isAgent: false, openCalls: 0, refusedCalls: 0, idleSinceMs: clock.monotonicMs() };
    this.byPeer.set(peer, connection);
    socket.once('close', () => {
      leaveGuests();
      if (this.byPeer.get(peer) === connection) this.byPeer.delete(peer);
      if (this.byPeer.size === 0) this.stopSweeping();
    });
    this.sweepLater();
    return true;
  }

  /** Whether somebody on the other end has proven to be an agent. */
  isAgent(peer: string): boolean {
    return this.byPeer.get(peer)?.isAgent ?? false;
  }

  /** @returns to be called when the call is over. */
  callBegan(peer: string): () => void {
    const connection = this.byPeer.get(peer);
    if (connection === undefined) return () => undefined;
    connection.openCalls++;
    return () => {
      connection.openCalls--;
      connection.idleSinceMs = this.options.clock.monotonicMs();
    };
  }

  admitted(peer: string): void {
    const connection = this.byPeer.get(peer);
    if (connection === undefined) return;
    connection.isAgent = true;
    connection.leaveGuests();
  }

  refused(peer: string): void {
    const connection = this.byPeer.get(peer);
    if (connection === undefined) return;
    connection.refusedCalls++;
    if (!connection.isAgent && connection.refusedCalls === MAX_REFUSED_CALLS) this.close(connection, 'refused');
  }

  closeAll(): void {
    this.stopSweeping();
    for (const { socket } of this.byPeer.values()) socket.destroy();
  }

  private sweepLater(): void {
    this.sweeping ??= this.options.clock.setTimer(SWEEP_CONNECTIONS_MS, () => {
      this.sweeping = undefined;
      this.sweep();
      if (this.byPeer.size > 0) this.sweepLater();
    });
  }

  private stopSweeping(): void {
    this.sweeping?.cancel();
    this.sweeping = undefined;
  }

  private sweep(): void {
    for (const connection of this.byPeer.values()) {
      if (this.isIdle(connection)) this.close(connection, 'idle');
    }
  }

  private isIdle({ isAgent, openCalls, idleSinceMs }: Connection): boolean {
    const idleMs = this.options.clock.monotonicMs() - idleSinceMs;
    return openCalls === 0 && idleMs >= (isAgent ? AGENT_IDLE_MS : GUEST_IDLE_MS);
  }

  private close({ socket }: Connection, reason: ClosingReason): void {
    if (socket.destroyed) return;
    socket.destroy();
    this.options.onClosed(reason);
  }
}
