/**
 * Brings queued events to a manager, through restarts of the manager.
 *
 * Owns: the connection, what is unanswered on it, and when to try again. Never: decides which packets become events.
 *
 * Expected flow: connect -> send, at most MAX_UNANSWERED_EVENTS at a time -> answer -> next; when the connection fails, what is
 * unanswered goes back to its place in the queue and is sent again on a new connection.
 * Guarantees: an event is dropped only when it is too old, the queue is full or the manager says INVALID_ARGUMENT; events leave
 * in the order they came, except that one may be sent twice; a wake that a manager had accepted when it died is sent again.
 * Assumptions: the manager recognises an event that it gets twice.
 * Caveats: a manager that refuses (UNAVAILABLE, PERMISSION_DENIED) is left and connected anew: another replica may answer.
 */
import { status } from '@grpc/grpc-js';
import { type Clock, isOperatorError, type Logger, sleep, type Timer } from '../../framework/basics';
import { ResponseStatus, type WOLEvent, type WOLEventResponse } from '../protocol/generated/wol-descriptor';
import { ANSWER_TIMEOUT_MS, MAX_UNANSWERED_ASIDE, MAX_UNANSWERED_EVENTS } from '../protocol/limits';
import { type RpcStatusError, statusName } from '../protocol/rpc-status-error';
import type { Outgoing } from '../protocol/wire';
import type { PendingCall } from '../protocol/wol-client';
import { AcceptedEvents } from './accepted-events';
import { Backoff } from './backoff';
import type { DeliveryQueue, Queued } from './delivery-queue';
import type { ReportConnector, ReportSession } from './report-session';

export type ReportEvent = Outgoing<WOLEvent>;

/** What delivery tells about itself; the agent makes metrics of it. */
export interface DeliveryObserver {
  connected(isReconnect: boolean): void;
  disconnected(): void;
  /** `result` is the response enum in lower case, or `transport_error`. @param seconds from receipt of the packet. */
  reported(result: string, seconds: number): void;
  rejected(): void;
}

export interface DeliveryDependencies {
  connector: ReportConnector;
  queue: DeliveryQueue<ReportEvent>;
  clock: Clock;
  logger: Logger;
  observer: DeliveryObserver;
  /** @default Math.random */
  random?: () => number;
}

interface Unanswered {
  readonly item: Queued<ReportEvent>;
  readonly sentAtMs: number;
  readonly call: PendingCall<WOLEventResponse>;
  readonly connection: Connection;
}

/** A session and what ends its use. It stays open until its last answer is in. */
interface Connection {
  readonly session: ReportSession;
  readonly openedAtMs: number;
  /** Resolves once no more events may be sent on it. */
  readonly ended: Promise<void>;
  end(): void;
  /** Answered with ACCEPTED: the work goes on in the manager at the other end. */
  readonly accepted: AcceptedEvents<ReportEvent>;
  unanswered: number;
  isOver: boolean;
  /** The manager asked for it: nothing to tell people. */
  endedInOrder: boolean;
  /** The manager died or refused. */
  isBroken: boolean;
  isClosed: boolean;
}

/** What people were told: nothing is wrong, no connection can be made, or connections are made and events refused on them. */
type Outage = 'none' | 'unreachable' | 'refused';

/** Pause before events that wait aside are tried again while nothing is unanswered, in milliseconds. */
const ASIDE_RETRY_MS = 10;
/** A connection that lasted this long was a good one: the next pause is a short one again. */
const STABLE_MS = 10_000;

export class Delivery {
  private readonly backoff: Backoff;
  private readonly stopping = new AbortController();
  private readonly unanswered = new Set<Unanswered>();
  private current: Connection | undefined;
  private watchdog: Timer | undefined;
  private retry: Timer | undefined;
  private running: Promise<void> | undefined;
  private connections = 0;
  private outage: Outage = 'none';
  private readonly emptied: (() => void)[] = [];
  private connectedAtMs: number | undefined;

  constructor(private readonly deps: DeliveryDependencies) {
    this.backoff = new Backoff(deps.random);
  }

  /** Monotonic time, in milliseconds, at which a manager was last connected; now, while one is. */
  get lastConnectedAtMs(): number | undefined {
    if (this.current !== undefined) this.connectedAtMs = this.deps.clock.monotonicMs();
    return this.connectedAtMs;
  }

  start(): void {
    this.running ??= this.run();
  }

  /**
   * @param isOverShare its sender has had more than its share: the event waits until no others do.
   * @returns false when the queue is full.
   */
  offer(event: ReportEvent, sender?: string, isOverShare = false): boolean {
    const { queue } = this.deps;
    if (!(isOverShare && sender !== undefined ? queue.offerAside(event, sender) : queue.offer(event, sender))) return false;
    this.pump();
    return true;
  }

  /** Goes on delivering for up to `flushMs` milliseconds or until nothing is left, then ends the connection. */
  async stop(flushMs: number): Promise<void> {
    await this.untilEmpty(flushMs);
    this.stopping.abort();
    this.watchdog?.cancel();
    this.retry?.cancel();
    for (const { call } of this.unanswered) call.cancel();
    this.current?.end();
    await this.running;
  }

  private async run(): Promise<void> {
    const { clock } = this.deps;
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const connection = await this.connect();
      if (connection !== undefined) {
        await connection.ended;
        if (this.wasStable(connection)) this.backoff.reset();
        this.leave(connection);
      }
      if (!signal.aborted) await sleep(clock, this.backoff.nextMs(), signal).catch(() => undefined);
      this.deps.queue.dropExpired();
    }
  }

  private async connect(): Promise<Connection | undefined> {
    const session = await this.openSession();
    if (session === undefined) return undefined;
    const connection = connectionOf(session, this.deps.clock);
    session.onEnd((failure) => this.onSessionEnd(connection, failure));
    if (this.stopping.signal.aborted) connection.end();
    this.current = connection;
    this.logConnected();
    this.deps.observer.connected(this.connections++ > 0);
    this.pump();
    return connection;
  }

  private async openSession(): Promise<ReportSession | undefined> {
    try {
      return await this.deps.connector.connect(this.stopping.signal);
    } catch (error) {
      this.logOutage('unreachable', causeOf(error));
      return undefined;
    }
  }

  private leave(connection: Connection): void {
    this.connectedAtMs = this.deps.clock.monotonicMs();
    this.current = undefined;
    this.deps.observer.disconnected();
    closeIfIdle(connection);
  }

  private onSessionEnd(connection: Connection, failure: RpcStatusError | undefined): void {
    if (failure === undefined) {
      connection.endedInOrder = true;
    } else {
      // One that breaks as soon as it is made is a refusal, whatever it is called.
      this.logOutage(this.wasStable(connection) ? 'unreachable' : 'refused', causeOf(failure));
      // What the manager had accepted is lost with it, if it died.
      connection.isBroken = true;
      for (const item of connection.accepted.takeAll()) this.deps.queue.restore(item);
    }
    connection.end();
  }

  private wasStable({ openedAtMs }: Connection): boolean {
    return this.deps.clock.monotonicMs() - openedAtMs >= STABLE_MS;
  }

  private logOutage(kind: Exclude<Outage, 'none'>, cause: string): void {
    if (this.stopping.signal.aborted) return;
    if (this.outage === 'none') this.deps.logger.warn('manager not reached; events are kept and sent again', { cause });
    else this.deps.logger.debug('manager still not reached', { cause });
    this.outage = kind;
  }

  /** A connection that is only renewed, as managers ask for now and then, is nothing to tell people. */
  private logConnected(): void {
    // Being connected proves nothing then; an answer does.
    if (this.outage === 'refused' && this.connections > 0) return;
    if (this.outage === 'unreachable' || this.connections === 0)
      this.deps.logger.info('manager connected', { waiting: this.deps.queue.size });
    this.outage = 'none';
  }

  private logAnswered(): void {
    if (this.outage === 'none') return;
    this.outage = 'none';
    this.deps.logger.info('manager takes events again', { waiting: this.deps.queue.size });
  }

  private pump(): void {
    const connection = this.current;
    if (connection === undefined) return;
    while (!connection.isOver && this.unanswered.size < MAX_UNANSWERED_EVENTS) {
      const item = this.deps.queue.take({ aside: this.unanswered.size < MAX_UNANSWERED_ASIDE });
      if (item === undefined) {
        this.pumpLater();
        return;
      }
      this.send(connection, item);
    }
  }

  /** What waits aside has its pace; an answer would call the pump, but none is expected. */
  private pumpLater(): void {
    if (this.deps.queue.waiting === 0 || this.unanswered.size > 0 || this.retry !== undefined || this.stopping.signal.aborted) return;
    this.retry = this.deps.clock.setTimer(ASIDE_RETRY_MS, () => {
      this.retry = undefined;
      this.pump();
    });
  }

  private send(connection: Connection, item: Queued<ReportEvent>): void {
    const call = connection.session.report(item.event);
    const entry: Unanswered = { item, call, connection, sentAtMs: this.deps.clock.monotonicMs() };
    this.unanswered.add(entry);
    connection.unanswered++;
    this.watch();
    call.response.then(
      (response) => this.onAnswer(entry, response),
      (error: unknown) => this.onFailure(entry, error),
    );
  }

  private onAnswer(entry: Unanswered, response: WOLEventResponse): void {
    const { queue, logger } = this.deps;
    queue.done();
    if (response.status === ResponseStatus.ACCEPTED) this.keepAccepted(entry);
    this.backoff.reset();
    this.logAnswered();
    this.count(entry, resultOf(response.status));
    logger.debug('event answered', { mac: entry.item.event.macAddress, status: resultOf(response.status), message: response.message });
    this.settle(entry);
  }

  private keepAccepted({ connection, item }: Unanswered): void {
    // The news of the break may overtake the answer.
    if (connection.isBroken) this.deps.queue.restore(item);
    else connection.accepted.keep(item);
  }

  private onFailure(entry: Unanswered, error: unknown): void {
    const { queue, logger, observer } = this.deps;
    this.count(entry, 'transport_error');
    if (isStatus(error, status.INVALID_ARGUMENT)) {
      queue.done();
      observer.rejected();
      logger.warn('manager rejected an event', { mac: entry.item.event.macAddress, cause: causeOf(error) });
    } else {
      queue.giveBack(entry.item);
      if (!entry.connection.endedInOrder) this.logOutage('refused', causeOf(error));
      entry.connection.end();
    }
    this.settle(entry);
  }

  private settle(entry: Unanswered): void {
    this.unanswered.delete(entry);
    entry.connection.unanswered--;
    closeIfIdle(entry.connection);
    this.pump();
    if (this.deps.queue.size === 0) for (const resolve of this.emptied.splice(0)) resolve();
  }

  private count({ item }: Unanswered, result: string): void {
    this.deps.observer.reported(result, (this.deps.clock.monotonicMs() - item.receivedAtMs) / 1_000);
  }

  /** Runs while anything is unanswered: a connection that does not answer its oldest event in time is given up. */
  private watch(): void {
    if (this.watchdog !== undefined || this.stopping.signal.aborted) return;
    const [oldest] = this.unanswered;
    if (oldest === undefined) return;
    const waitedMs = this.deps.clock.monotonicMs() - oldest.sentAtMs;
    this.watchdog = this.deps.clock.setTimer(ANSWER_TIMEOUT_MS - waitedMs, () => {
      this.watchdog = undefined;
      if (this.unanswered.has(oldest)) this.giveUp(oldest.connection);
      this.watch();
    });
  }

  private giveUp(connection: Connection): void {
    this.logOutage('refused', `no answer for ${ANSWER_TIMEOUT_MS / 1_000} s`);
    connection.end();
    for (const entry of this.unanswered) if (entry.connection === connection) entry.call.cancel();
  }

  private async untilEmpty(timeoutMs: number): Promise<void> {
    if (this.deps.queue.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.deps.clock.setTimer(timeoutMs, resolve);
      this.emptied.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}

function connectionOf(session: ReportSession, clock: Clock): Connection {
  const { promise, resolve } = Promise.withResolvers<void>();
  const connection: Connection = {
    session,
    openedAtMs: clock.monotonicMs(),
    ended: promise,
    accepted: new AcceptedEvents(clock),
    unanswered: 0,
    isOver: false,
    endedInOrder: false,
    isBroken: false,
    isClosed: false,
    end() {
      connection.isOver = true;
      resolve();
    },
  };
  return connection;
}

function closeIfIdle(connection: Connection): void {
  if (!connection.isOver || connection.unanswered > 0 || connection.isClosed) return;
  connection.isClosed = true;
  connection.session.close();
}

/** The response enum in lower case. */
function resultOf(value: ResponseStatus): string {
  return (Object.entries(ResponseStatus).find(([, number]) => number === value)?.[0] ?? 'unknown').toLowerCase();
}

function isStatus(error: unknown, code: status): boolean {
  return isOperatorError(error, 'RPC_STATUS') && (error as RpcStatusError).status === code;
}

function causeOf(error: unknown): string {
  if (isOperatorError(error, 'RPC_STATUS')) return `${statusName((error as RpcStatusError).status)}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
