/**
 * A connection to another server that is made while one is in use.
 *
 * Expected flow: made -> connected -> everything is listed -> `onListed`, and it is somebody else's from then on | not in time -> `onLate`,
 * and tried on while the connection in use does not work, else closed.
 * Guarantees: nobody is told after `close`, which leaves nothing of it; it is told once that it is late.
 */

import type { Clock, Timer } from '../time/clock';
import type { Informer } from '../watch';
import type { RelaySet, RelaySources } from './relay-set';
import type { RemoteLink } from './remote-link';

/** A new connection has this long to connect and list everything, while the old one works. */
export const TAKE_OVER_MS = 120_000;
/** How often a new connection is looked at. */
const LOOK_MS = 200;

export interface ConnectionBesideOptions {
  readonly clock: Clock;
  readonly relays: RelaySet;
  /** @param onConnected it answers for the first time. */
  readonly createLink: (onConnected: () => void) => RemoteLink;
  /** Whether the connection in use works. */
  readonly isOtherUsable: () => boolean;
  /** Everything is listed. @returns whether it has taken over. */
  readonly onListed: (link: RemoteLink, sources: RelaySources) => boolean;
  /** @param reason one line for people. */
  readonly onLate: (reason: string) => void;
}

export class ConnectionBeside {
  private readonly link: RemoteLink;
  private sources: RelaySources = new Map();
  private readonly startedMs: number;
  private timer: Timer | undefined;
  private isLate = false;
  private isOver = false;

  constructor(private readonly options: ConnectionBesideOptions) {
    this.startedMs = options.clock.monotonicMs();
    this.link = options.createLink(() => this.list());
  }

  start(): void {
    this.link.start();
    this.look();
  }

  async close(): Promise<void> {
    if (this.isOver) return;
    this.end();
    await Promise.all([...[...this.sources.values()].map((source) => source.stop()), this.link.close()]);
  }

  private list(): void {
    this.sources = this.options.relays.prepare(this.link);
    for (const source of this.sources.values()) source.start();
  }

  private look(): void {
    if (this.isOver) return;
    const { clock, onListed, onLate, isOtherUsable } = this.options;
    const unlisted = [...this.sources.values()].find((source) => !isComplete(source, this.link));
    // It may have listed everything and then fallen silent.
    const answers = this.link.monitor.health.state === 'Ready';
    if (answers && unlisted === undefined && onListed(this.link, this.sources)) {
      this.end();
      return;
    }
    if (!this.isLate && clock.monotonicMs() - this.startedMs >= TAKE_OVER_MS) {
      this.isLate = true;
      onLate(lateReason(unlisted?.status().detail ?? this.link.monitor.health.detail));
    }
    // While the old connection works there is no reason to try any longer; when it does not, any that comes to work is welcome.
    if (this.isLate && isOtherUsable()) void this.close();
    else if (!this.isOver) this.timer = clock.setTimer(LOOK_MS, () => this.look());
  }

  private end(): void {
    this.isOver = true;
    this.timer?.cancel();
  }
}

/** @param why it is not ready. */
export function lateReason(why: string): string {
  return `the new connection was not ready within ${TAKE_OVER_MS / 1_000} s: ${why}`;
}

function isComplete({ kind, store }: Informer, { connection }: RemoteLink): boolean {
  return store.synced || (kind.optional && connection.discovery.lastAnswer(kind) === 'absent');
}
