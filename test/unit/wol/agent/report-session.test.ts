import { Server, ServerCredentials, type ServerDuplexStream, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { nullLogger, SystemClock } from '../../../../src/framework/basics';
import { OPEN_CREDENTIALS } from '../../../../src/wol/agent/agent-credentials';
import { GrpcReportConnector, type ReportSession } from '../../../../src/wol/agent/report-session';
import { StatusReports } from '../../../../src/wol/agent/status-reports';
import { ResponseStatus, type WOLEvent, type WOLEventResponse } from '../../../../src/wol/protocol/generated/wol-descriptor';
import type { RpcStatusError } from '../../../../src/wol/protocol/rpc-status-error';
import { type Outgoing, wolService } from '../../../../src/wol/protocol/wire';
import { PATIENCE_MS, poll } from '../../../harness/poll';
import { ManagerDouble } from '../support/manager-double';

const codeOf = async (answer: Promise<unknown>): Promise<status> => {
  const error = await answer.then(
    () => undefined,
    (caught: unknown) => caught as RpcStatusError,
  );
  return error?.status ?? status.OK;
};

const connectorTo = (address: string): GrpcReportConnector => {
  const source = { status: () => ({ nodeName: 'node-a' }), onChange: () => () => undefined };
  const statuses = new StatusReports({ source, clock: new SystemClock(), logger: nullLogger });
  // Nothing repeats an attempt here, and the time for it goes by for a slow process, too.
  return new GrpcReportConnector({ address, credentials: OPEN_CREDENTIALS, statuses, connectTimeoutMs: PATIENCE_MS });
};

describe('report session', () => {
  let manager: ManagerDouble;
  let session: ReportSession | undefined;
  let older: Server | undefined;

  beforeEach(async () => {
    manager = new ManagerDouble();
    await manager.start();
  });

  afterEach(async () => {
    session?.close();
    session = undefined;
    older?.forceShutdown();
    older = undefined;
    await manager.stop();
  });

  const connect = (address = manager.address): Promise<ReportSession> => connectorTo(address).connect(new AbortController().signal);

  it('gives each event its own answer', async () => {
    manager.answer = async ({ macAddress }) => ({ status: ResponseStatus.VM_NOT_FOUND, message: macAddress });
    session = await connect();
    const calls = ['a', 'b', 'c'].map((macAddress) => session?.report({ macAddress }));
    const answers = await Promise.all(calls.map((call) => call?.response));
    expect(answers.map((answer) => answer?.message)).to.deep.equal(['a', 'b', 'c']);
  });

  it('rejects every unanswered event when the manager ends the stream, and says that it ended in order', async () => {
    const { promise, resolve } = Promise.withResolvers<Outgoing<WOLEventResponse>>();
    manager.answer = ({ macAddress }) => (macAddress === 'a' ? promise : Promise.resolve({ status: ResponseStatus.DUPLICATE }));
    session = await connect();
    const ends: (status | undefined)[] = [];
    session.onEnd((failure) => ends.push(failure?.status));
    const first = session.report({ macAddress: 'a' });
    await poll('the event', () => manager.events.length === 1);
    const stopped = manager.stop();
    const late = session.report({ macAddress: 'late' });
    resolve({ status: ResponseStatus.ACCEPTED });

    expect((await first.response).status).to.equal(ResponseStatus.ACCEPTED);
    expect(await codeOf(late.response)).to.equal(status.UNAVAILABLE);
    await stopped;
    expect(ends).to.deep.equal([undefined]);
    expect(await codeOf(session.report({ macAddress: 'later' }).response)).to.equal(status.UNAVAILABLE);
  });

  it('rejects every unanswered event when it is cancelled, and says that it did not end in order', async () => {
    manager.answer = () => new Promise(() => undefined);
    session = await connect();
    const ends: (status | undefined)[] = [];
    session.onEnd((failure) => ends.push(failure?.status));
    const calls = [session.report({ macAddress: 'a' }), session.report({ macAddress: 'b' })];
    await poll('the events', () => manager.events.length === 2);
    calls[0]?.cancel();

    expect(await Promise.all(calls.map((call) => codeOf(call.response)))).to.deep.equal([status.CANCELLED, status.UNAVAILABLE]);
    expect(ends).to.deep.equal([status.CANCELLED]);
  });

  it('cannot be had from nobody, and the error tells the cause', async () => {
    await manager.stop();
    const error: unknown = await connect().catch((caught: unknown) => caught);
    expect((error as RpcStatusError).status).to.equal(status.UNAVAILABLE);
    expect((error as Error).message).to.include('ECONNREFUSED');
  });

  it('cannot be had from a manager that is not ready', async () => {
    manager.setServing(false);
    expect(await codeOf(connect())).to.equal(status.UNAVAILABLE);
  });

  it('stops connecting when the agent ends', async () => {
    const ending = new AbortController();
    const attempt = connectorTo('192.0.2.1:9').connect(ending.signal);
    ending.abort();
    expect(await codeOf(attempt)).to.equal(status.CANCELLED);
  });

  describe('with an older manager', () => {
    const events: string[] = [];

    const start = (handlers: Record<string, unknown>): Promise<number> => {
      events.length = 0;
      older = new Server();
      older.addService(wolService, handlers as never);
      return new Promise((resolve, reject) => {
        older?.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
          error === null ? resolve(port) : reject(error),
        );
      });
    };
    const ReportWOLEvent = (call: ServerUnaryCall<WOLEvent, unknown>, reply: sendUnaryData<unknown>): void => {
      events.push(call.request.macAddress);
      reply(null, { status: ResponseStatus.VM_START_INITIATED });
    };

    it('without streams and without a health check uses single calls from the second attempt on, once', async () => {
      const connector = connectorTo(`127.0.0.1:${await start({ ReportWOLEvent })}`);
      const { signal } = new AbortController();
      const first = await connector.connect(signal);
      expect(await codeOf(first.report({ macAddress: 'a' }).response)).to.equal(status.UNIMPLEMENTED);
      first.close();
      session = await connector.connect(signal);

      expect((await session.report({ macAddress: 'a' }).response).status).to.equal(ResponseStatus.VM_START_INITIATED);
      expect(events).to.deep.equal(['a']);
    });

    it('that answers INVALID_ARGUMENT blames the oldest event only', async () => {
      const ReportWOLEventStream = (call: ServerDuplexStream<WOLEvent, unknown>): void => {
        call.once('data', () => call.emit('error', { code: status.INVALID_ARGUMENT, details: 'no event' }));
      };
      session = await connect(`127.0.0.1:${await start({ ReportWOLEvent, ReportWOLEventStream })}`);
      const calls = ['bad', 'good'].map((macAddress) => session?.report({ macAddress }).response as Promise<unknown>);
      expect(await Promise.all(calls.map(codeOf))).to.deep.equal([status.INVALID_ARGUMENT, status.UNAVAILABLE]);
    });
  });
});
