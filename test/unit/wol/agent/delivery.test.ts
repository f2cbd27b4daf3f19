import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import { Delivery, type ReportEvent } from '../../../../src/wol/agent/delivery';
import { DeliveryQueue } from '../../../../src/wol/agent/delivery-queue';
import type { ReportConnector, ReportSession } from '../../../../src/wol/agent/report-session';
import { ResponseStatus, type WOLEventResponse } from '../../../../src/wol/protocol/generated/wol-descriptor';
import { RpcStatusError } from '../../../../src/wol/protocol/rpc-status-error';
import type { PendingCall } from '../../../../src/wol/protocol/wol-client';

const answered: WOLEventResponse = { status: ResponseStatus.VM_START_INITIATED, message: '', wasDuplicate: false, processingTimeMs: 0 };

interface SentCall {
  readonly mac: string;
  succeed(status?: ResponseStatus): void;
  fail(code: status): void;
}

/** A session whose answers the test gives. */
class ScriptedSession implements ReportSession {
  readonly calls: SentCall[] = [];
  closed = 0;
  private ended: (failure: RpcStatusError | undefined) => void = () => undefined;

  report(event: ReportEvent): PendingCall<WOLEventResponse> {
    const { promise, resolve, reject } = Promise.withResolvers<WOLEventResponse>();
    const fail = (code: status): void => reject(new RpcStatusError(code, 'scripted'));
    this.calls.push({
      mac: event.macAddress ?? '',
      succeed: (result = ResponseStatus.VM_START_INITIATED) => resolve({ ...answered, status: result }),
      fail,
    });
    return { response: promise, cancel: () => fail(status.CANCELLED) };
  }

  onEnd(callback: (failure: RpcStatusError | undefined) => void): void {
    this.ended = callback;
  }

  end(inOrder: boolean): void {
    this.ended(inOrder ? undefined : new RpcStatusError(status.UNAVAILABLE, 'connection dropped'));
  }

  close(): void {
    this.closed++;
  }

  macs(): string[] {
    return this.calls.map(({ mac }) => mac);
  }
}

class ScriptedConnector implements ReportConnector {
  readonly sessions: ScriptedSession[] = [];
  readonly attemptedAtMs: number[] = [];
  reachable = true;

  constructor(private readonly clock: FakeClock) {}

  async connect(): Promise<ReportSession> {
    this.attemptedAtMs.push(this.clock.monotonicMs());
    if (!this.reachable) throw new RpcStatusError(status.UNAVAILABLE, 'nobody there');
    const session = new ScriptedSession();
    this.sessions.push(session);
    return session;
  }

  session(index: number): ScriptedSession {
    return this.sessions[index] as ScriptedSession;
  }
}

describe('delivery', () => {
  let clock: FakeClock;
  let connector: ScriptedConnector;
  let queue: DeliveryQueue<ReportEvent>;
  let logger: RecordingLogger;
  let delivery: Delivery;
  let results: string[];
  let rejected: number;
  let expired: number;
  let connections: boolean[];

  beforeEach(() => {
    clock = new FakeClock();
    connector = new ScriptedConnector(clock);
    logger = new RecordingLogger();
    results = [];
    connections = [];
    rejected = 0;
    expired = 0;
    queue = new DeliveryQueue<ReportEvent>({ capacity: 4_096, onExpired: () => expired++ }, clock);
    delivery = new Delivery({
      connector,
      queue,
      clock,
      logger,
      random: () => 0.5,
      observer: {
        connected: (isReconnect) => connections.push(isReconnect),
        disconnected: () => undefined,
        reported: (result) => results.push(result),
        rejected: () => rejected++,
      },
    });
  });

  afterEach(async () => {
    const stopped = delivery.stop(0);
    await clock.advance(0);
    await stopped;
    expect(clock.pendingTimers).to.equal(0);
  });

  const offer = (...names: string[]): void => {
    for (const macAddress of names) delivery.offer({ macAddress });
  };
  const started = async (): Promise<void> => {
    delivery.start();
    await clock.advance(0);
  };

  it('sends events in order as soon as a manager is connected', async () => {
    offer('a', 'b');
    await started();
    offer('c');

    expect(connector.session(0).macs()).to.deep.equal(['a', 'b', 'c']);
    expect(queue.size).to.equal(3);
  });

  it('forgets an event when its answer is in', async () => {
    await started();
    offer('a');
    connector.session(0).calls[0]?.succeed();
    await clock.advance(0);

    expect(queue.size).to.equal(0);
    expect(results).to.deep.equal(['vm_start_initiated']);
  });

  it('has at most 256 events unanswered', async () => {
    await started();
    offer(...Array.from({ length: 300 }, (_, i) => `mac-${i}`));
    expect(connector.session(0).calls).to.have.length(256);

    connector.session(0).calls[7]?.succeed();
    await clock.advance(0);
    expect(connector.session(0).calls).to.have.length(257);
    expect(connector.session(0).macs().at(-1)).to.equal('mac-256');
  });

  for (const code of [
    'UNAVAILABLE',
    'UNAUTHENTICATED',
    'PERMISSION_DENIED',
    'RESOURCE_EXHAUSTED',
    'DEADLINE_EXCEEDED',
    'INTERNAL',
    'CANCELLED',
  ] as const) {
    it(`sends an event again on a new connection after ${code}`, async () => {
      await started();
      offer('a');
      connector.session(0).calls[0]?.fail(status[code]);
      await clock.advance(100);

      expect(connector.session(1).macs()).to.deep.equal(['a']);
      expect(connector.session(0).closed).to.equal(1);
      expect(results).to.deep.equal(['transport_error']);
      expect(connections).to.deep.equal([false, true]);
    });
  }

  it('drops an event that the manager calls invalid and keeps the connection', async () => {
    await started();
    offer('a', 'b');
    connector.session(0).calls[0]?.fail(status.INVALID_ARGUMENT);
    connector.session(0).calls[1]?.succeed();
    await clock.advance(10_000);

    expect([rejected, queue.size, connector.sessions.length]).to.deep.equal([1, 0, 1]);
  });

  it('sends what was unanswered again in the order it came, before what came later', async () => {
    await started();
    offer('a', 'b', 'c');
    for (const index of [2, 0, 1]) connector.session(0).calls[index]?.fail(status.UNAVAILABLE);
    await clock.advance(0);
    offer('d');
    await clock.advance(100);

    expect(connector.session(1).macs()).to.deep.equal(['a', 'b', 'c', 'd']);
  });

  it('lets outstanding answers come in on the old connection and closes it after the last', async () => {
    await started();
    offer('a', 'b');
    connector.session(0).end(false);
    await clock.advance(100);
    offer('c');
    expect(connector.session(1).macs()).to.deep.equal(['c']);
    expect(connector.session(0).closed).to.equal(0);

    for (const call of connector.session(0).calls) call.succeed();
    await clock.advance(0);
    expect(connector.session(0).closed).to.equal(1);
    expect(queue.size).to.equal(1);
  });

  it('sends nothing on a connection that has failed', async () => {
    await started();
    offer('a');
    connector.session(0).calls[0]?.fail(status.UNAVAILABLE);
    offer('b');
    await clock.advance(50);

    expect(connector.session(0).macs()).to.deep.equal(['a', 'b']);
    offer('c');
    expect(connector.session(0).macs()).to.deep.equal(['a', 'b']);
  });

  it('gives up a connection that does not answer its oldest event for 10 s and sends everything again', async () => {
    await started();
    offer('a');
    await clock.advance(9_000);
    offer('b');
    await clock.advance(999);
    expect(connector.sessions).to.have.length(1);

    await clock.advance(101);
    expect(connector.session(1).macs()).to.deep.equal(['a', 'b']);
    expect(connector.session(0).closed).to.equal(1);
  });

  it('keeps a slow connection whose oldest event is answered in time', async () => {
    await started();
    for (let i = 0; i < 10; i++) {
      offer(`mac-${i}`);
      await clock.advance(9_000);
      connector.session(0).calls[i]?.succeed();
      await clock.advance(0);
    }
    expect(connector.sessions).to.have.length(1);
  });

  it('tries again after 100 ms, doubling to at most 1 s', async () => {
    connector.reachable = false;
    await started();
    await clock.advance(4_500);

    const pauses = connector.attemptedAtMs.slice(1).map((at, index) => at - (connector.attemptedAtMs[index] as number));
    expect(pauses).to.deep.equal([100, 200, 400, 800, 1_000, 1_000, 1_000]);
  });

  it('backs off from a manager that accepts connections and refuses events', async () => {
    await started();
    offer('a');
    for (let i = 0; i < 5; i++) {
      connector.session(i).calls[0]?.fail(status.UNAVAILABLE);
      await clock.advance(100 * 2 ** i);
    }
    expect(connector.attemptedAtMs).to.deep.equal([0, 100, 300, 700, 1_500, 2_500]);
  });

  it('begins with short pauses again after an answer', async () => {
    connector.reachable = false;
    await started();
    await clock.advance(5_000);
    connector.reachable = true;
    await clock.advance(2_000);
    offer('a');
    connector.session(0).calls[0]?.succeed();
    await clock.advance(0);
    connector.session(0).end(false);
    await clock.advance(100);

    expect(connector.sessions).to.have.length(2);
  });

  it('drops events that got too old while no manager was there', async () => {
    connector.reachable = false;
    await started();
    offer('old');
    await clock.advance(30_000);
    offer('young');
    await clock.advance(31_000);
    connector.reachable = true;
    await clock.advance(2_000);

    expect(connector.session(0).macs()).to.deep.equal(['young']);
    expect(expired).to.equal(1);
  });

  it('says once that no manager is reached, and why, and once that one is again', async () => {
    connector.reachable = false;
    await started();
    await clock.advance(30_000);
    connector.reachable = true;
    await clock.advance(2_000);

    expect(logger.messages('warn')).to.deep.equal(['manager not reached; events are kept and sent again']);
    expect(logger.lines.find(({ level }) => level === 'warn')?.fields).to.deep.equal({ cause: 'UNAVAILABLE: nobody there' });
    expect(logger.messages('info')).to.deep.equal(['manager connected']);
  });

  it('says nothing when the manager asks for a new connection', async () => {
    await started();
    offer('a');
    connector.session(0).end(true);
    connector.session(0).calls[0]?.fail(status.UNAVAILABLE);
    await clock.advance(100);

    expect(connector.session(1).macs()).to.deep.equal(['a']);
    expect([logger.messages('warn'), logger.messages('info')]).to.deep.equal([[], ['manager connected']]);
  });

  it('says once that the manager is gone when it dies and cannot be reached for a while', async () => {
    await started();
    offer('a');
    connector.reachable = false;
    connector.session(0).end(false);
    connector.session(0).calls[0]?.fail(status.UNAVAILABLE);
    await clock.advance(5_000);
    connector.reachable = true;
    await clock.advance(2_000);

    expect(logger.messages('warn')).to.deep.equal(['manager not reached; events are kept and sent again']);
    expect(logger.messages('info')).to.deep.equal(['manager connected', 'manager connected']);
  });

  it('says that a manager is connected again after one that had worked died idle', async () => {
    await started();
    await clock.advance(60_000);
    connector.session(0).end(false);
    await clock.advance(100);

    expect(logger.messages('warn')).to.have.length(1);
    expect(logger.messages('info')).to.deep.equal(['manager connected', 'manager connected']);
  });

  it('says once that connections break as soon as they are made', async () => {
    await started();
    for (let i = 0; i < 10; i++) {
      connector.session(i).end(false);
      await clock.advance(2_000);
    }
    expect(logger.messages('warn')).to.have.length(1);
    expect(logger.messages('info')).to.deep.equal(['manager connected']);
  });

  it('says once that events are refused, however often, and once that they are taken again', async () => {
    await started();
    offer('a');
    for (let i = 0; i < 4; i++) {
      connector.session(i).calls[0]?.fail(status.PERMISSION_DENIED);
      await clock.advance(2_000);
    }
    connector.session(4).calls[0]?.succeed();
    await clock.advance(0);

    expect(logger.messages('warn')).to.deep.equal(['manager not reached; events are kept and sent again']);
    expect(logger.messages('info')).to.deep.equal(['manager connected', 'manager takes events again']);
  });

  it('sends what a manager had accepted again when it dies, in its old place', async () => {
    await started();
    offer('accepted', 'answered', 'open');
    connector.session(0).calls[0]?.succeed(ResponseStatus.ACCEPTED);
    connector.session(0).calls[1]?.succeed();
    await clock.advance(0);
    expect(queue.size).to.equal(1);
    connector.session(0).calls[2]?.fail(status.UNAVAILABLE);
    connector.session(0).end(false);
    await clock.advance(100);

    expect(connector.session(1).macs()).to.deep.equal(['accepted', 'open']);
  });

  it('sends an accepted event again also when the manager dies in the same moment', async () => {
    await started();
    offer('accepted');
    connector.session(0).calls[0]?.succeed(ResponseStatus.ACCEPTED);
    connector.session(0).end(false);
    await clock.advance(100);

    expect(connector.session(1).macs()).to.deep.equal(['accepted']);
  });

  it('does not repeat what was accepted when the manager ends the stream in order', async () => {
    await started();
    offer('accepted');
    connector.session(0).calls[0]?.succeed(ResponseStatus.ACCEPTED);
    await clock.advance(0);
    connector.session(0).end(true);
    await clock.advance(100);

    expect(connector.session(1).macs()).to.deep.equal([]);
  });

  it('does not repeat an accepted event that is older than 60 s', async () => {
    await started();
    offer('old');
    connector.session(0).calls[0]?.succeed(ResponseStatus.ACCEPTED);
    await clock.advance(60_001);
    connector.session(0).end(false);
    await clock.advance(2_000);

    expect(connector.sessions.flatMap((session) => session.macs())).to.deep.equal(['old']);
  });

  it('knows when a manager was last connected', async () => {
    expect(delivery.lastConnectedAtMs).to.equal(undefined);
    await started();
    await clock.advance(5_000);
    expect(delivery.lastConnectedAtMs).to.equal(5_000);

    connector.reachable = false;
    connector.session(0).end(false);
    await clock.advance(7_000);
    expect(delivery.lastConnectedAtMs).to.equal(5_000);
  });

  it('stops at once when nothing is left', async () => {
    await started();
    await delivery.stop(1_500);
    expect(clock.monotonicMs()).to.equal(0);
    expect(connector.session(0).closed).to.equal(1);
  });

  it('stops as soon as the last answer is in', async () => {
    await started();
    offer('a');
    const stopped = delivery.stop(1_500);
    await clock.advance(300);
    connector.session(0).calls[0]?.succeed();
    await stopped;

    expect(clock.monotonicMs()).to.equal(300);
  });

  it('stops after the flush time when no answer comes, and cancels what is unanswered', async () => {
    await started();
    offer('a');
    const stopped = delivery.stop(1_500);
    await clock.advance(1_500);
    await stopped;

    expect(results).to.deep.equal(['transport_error']);
    expect(connector.session(0).closed).to.equal(1);
  });
});
