/**
 * One watch.
 *
 * Expected flow: headers -> past or synthetic events -> live events and bookmarks -> clean end at the timeout, or a fault.
 * Guarantees: every commit after the start version that the selector concerns is sent once, in order; an object that starts or stops matching
 * is ADDED or DELETED; a bookmark carries a version that everything sent so far is at or below.
 * Assumptions: commits arrive synchronously from the store.
 * Caveats: bookmark period and timeout run on the injected clock. A client that does not read is cut off at 64 MiB of backlog.
 * Errors: a start version that is no longer remembered is answered with an ERROR event 410, as kube-apiserver does.
 */
import type { Clock, Timer } from '../../../time/clock';
import type { Fault } from '../faults/faults';
import type { JsonObject } from '../json';
import { expired, type StatusError } from '../status-error';
import type { EventType, ObjectStore, StoredEvent } from '../storage/object-store';
import type { Selector } from '../storage/selectors';
import type { Presenter } from './presenter';
import type { Reply } from './reply';

export interface WatchOptions {
  readonly collectionId: string;
  /** Key prefix: `namespace/`, or empty. */
  readonly prefix: string;
  readonly matches: Selector;
  readonly resourceVersion: string;
  readonly sendsBookmarks: boolean;
  /** Existing objects as ADDED first, then a bookmark that says so. */
  readonly sendsInitialEvents: boolean;
  readonly timeoutMs: number;
  readonly bookmarkPeriodMs: number;
}

/** Unread bytes after which a client counts as dead. */
const MAX_BACKLOG_BYTES = 64 * 1024 * 1024;

/** A last bookmark is sent this long before the timeout. From k8s.io/apiserver cacher.go. */
const BOOKMARK_BEFORE_TIMEOUT_MS = 2_000;

export class WatchStream {
  private readonly timers = new Set<Timer>();
  private unsubscribe: (() => void) | undefined;
  private sentEvents = 0;
  private isSilent = false;
  private isOver = false;
  private fault: Fault | undefined;

  constructor(
    private readonly store: ObjectStore,
    private readonly clock: Clock,
    private readonly options: WatchOptions,
    private readonly presenter: Presenter,
    private readonly reply: Reply,
  ) {}

  /** @param fault strikes after its `afterEvents`, or shapes the whole stream. @param onEnd called once. */
  start(fault: Fault | undefined, onEnd: () => void): void {
    this.reply.onClose(() => {
      this.stop();
      onEnd();
    });
    this.reply.begin(200);
    this.fault = fault;
    if (this.strikeIfDue() || this.isOver) return;
    const { collectionId, timeoutMs } = this.options;
    const past = this.pastEvents();
    if (past === undefined) {
      this.finishWith(
        expired(`too old resource version: ${this.options.resourceVersion} (${this.store.collection(collectionId).compactedTo})`),
      );
      return;
    }
    for (const event of past) this.onCommit(event);
    if (this.isOver) return;
    if (this.options.sendsInitialEvents && this.options.sendsBookmarks) this.bookmark(true);
    this.unsubscribe = this.store.subscribe(collectionId, (event) => this.onCommit(event));
    this.after(timeoutMs, () => this.finish());
    if (!this.options.sendsBookmarks) return;
    this.after(Math.max(0, timeoutMs - BOOKMARK_BEFORE_TIMEOUT_MS), () => this.bookmark());
    this.scheduleBookmark();
  }

  /** A fault that strikes now. */
  strike(fault: Fault): void {
    if (this.isOver) return;
    this.fault = undefined;
    this.perform(fault);
  }

  bookmark(marksInitialEnd = false): void {
    if (this.fault?.kind === 'dropBookmarks') return;
    this.line('BOOKMARK', this.presenter.bookmark(this.store.currentVersion, marksInitialEnd));
  }

  /** Ends the response cleanly. */
  finish(): void {
    this.stop();
    this.reply.end();
  }

  private pastEvents(): readonly StoredEvent[] | undefined {
    const { collectionId, resourceVersion, sendsInitialEvents } = this.options;
    const wantsState = resourceVersion === '' || resourceVersion === '0' || sendsInitialEvents;
    if (!wantsState) return this.store.eventsAfter(collectionId, Number(resourceVersion));
    const version = this.store.currentVersion;
    return this.store.list(collectionId).map(({ key, object }) => ({ version, type: 'ADDED', key, object, previous: undefined }));
  }

  private onCommit({ type, key, object, previous, version }: StoredEvent): void {
    const { prefix, matches } = this.options;
    if (this.isOver || !key.startsWith(prefix)) return;
    const isIn = type !== 'DELETED' && matches(object);
    const wasIn = previous !== undefined && matches(previous);
    if (isIn) this.event(wasIn ? 'MODIFIED' : 'ADDED', object);
    else if (wasIn)
      this.event('DELETED', { ...previous, metadata: { ...(previous['metadata'] as JsonObject), resourceVersion: String(version) } });
  }

  private event(type: EventType, object: JsonObject): void {
    if (this.isOver) return;
    if (this.fault?.kind === 'truncateLine' && this.sentEvents >= this.fault.afterEvents) {
      const text = JSON.stringify({ type, object: this.presenter.object(object) });
      this.raw(text.slice(0, Math.ceil(text.length / 2)));
      this.finish();
      return;
    }
    this.line(type, this.presenter.object(object));
    if (this.fault?.kind === 'duplicateEvents') this.line(type, this.presenter.object(object));
    this.sentEvents++;
    this.strikeIfDue();
  }

  private strikeIfDue(): boolean {
    const { fault } = this;
    if (fault === undefined || !('afterEvents' in fault) || fault.kind === 'truncateLine' || this.sentEvents < fault.afterEvents)
      return false;
    this.fault = undefined;
    this.perform(fault);
    return this.isOver;
  }

  private perform(fault: Fault): void {
    switch (fault.kind) {
      case 'reset':
      case 'loseResponse':
        this.stop();
        this.reply.reset();
        return;
      case 'stall':
        this.isSilent = true;
        this.cancelTimers();
        return;
      case 'closeAtOnce':
        this.finish();
        return;
      case 'truncateLine':
        this.raw('{"type":"MODIFIED","object":{"kind"');
        this.finish();
        return;
      case 'garbageLine':
        this.raw(`${'}'.repeat(Math.max(1, fault.bytes))}\n`);
        return;
      case 'gone':
        this.finishWith(expired('too old resource version'));
        return;
      case 'slowBytes':
        this.reply.bytesPerSecond = fault.bytesPerSecond;
        return;
      default:
        this.fault = fault;
    }
  }

  private finishWith(error: StatusError): void {
    this.line('ERROR', error.toBody());
    this.finish();
  }

  private line(type: string, object: JsonObject): void {
    this.raw(`${JSON.stringify({ type, object })}\n`);
  }

  private raw(text: string): void {
    if (this.isSilent || this.isOver) return;
    this.reply.write(text);
    if (this.reply.backlogBytes > MAX_BACKLOG_BYTES) this.reply.abort();
  }

  private scheduleBookmark(): void {
    this.after(this.options.bookmarkPeriodMs, () => {
      this.bookmark();
      this.scheduleBookmark();
    });
  }

  private after(delayMs: number, run: () => void): void {
    const timer = this.clock.setTimer(delayMs, () => {
      this.timers.delete(timer);
      if (!this.isOver) run();
    });
    this.timers.add(timer);
  }

  private cancelTimers(): void {
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
  }

  private stop(): void {
    this.isOver = true;
    this.cancelTimers();
    this.unsubscribe?.();
  }
}
