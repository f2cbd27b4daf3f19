import { Client, type ClientDuplexStream, credentials, ServerCredentials, type StatusObject, status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import { OPEN_GATE } from '../../../../src/wol/protocol/call-gate';
import { ResponseStatus, type WOLEvent, type WOLEventResponse } from '../../../../src/wol/protocol/generated/wol-descriptor';
import { RpcStatusError } from '../../../../src/wol/protocol/rpc-status-error';
import { type Outgoing, wolService } from '../../../../src/wol/protocol/wire';
import { createWolServer, type WolServer } from '../../../../src/wol/protocol/wol-server';
import { poll } from '../../../harness/poll';

type Stream = ClientDuplexStream<Outgoing<WOLEvent>, WOLEventResponse>;

interface Work {
  readonly mac: string;
  answer(): void;
  fail(error: Error): void;
}

describe('event stream', () => {
  let clock: FakeClock;
  let server: WolServer;
  let client: Client;
  let work: Work[];

  beforeEach(async () => {
    clock = new FakeClock();
    work = [];
    server = createWolServer({
      bindAddress: '127.0.0.1:0',
      credentials: ServerCredentials.createInsecure(),
      logger: new RecordingLogger(),
      clock,
      gate: OPEN_GATE,
      service: {
        reportStatus: async () => ({}),
        reportEvent({ macAddress: mac }) {
          const { promise, resolve, reject } = Promise.withResolvers<Outgoing<WOLEventResponse>>();
          work.push({ mac, answer: () => resolve({ status: ResponseStatus.VM_START_INITIATED, message: mac }), fail: reject });
          return promise;
        },
      },
    });
    client = new Client(`127.0.0.1:${await server.start()}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    server.setServing(true);
  });

  afterEach(async () => {
    client.close();
    const stopped = server.shutdown();
    await clock.advance(5_000);
    await stopped;
  });

  /** @param rawEvents bytes are sent as they are. */
  const open = (
    serialize = wolService.ReportWOLEventStream.requestSerialize,
  ): { stream: Stream; answers: string[]; ended: Promise<StatusObject> } => {
    const { path, responseDeserialize } = wolService.ReportWOLEventStream;
    const stream = client.makeBidiStreamRequest(path, serialize, responseDeserialize);
    const answers: string[] = [];
    stream.on('data', ({ message }: WOLEventResponse) => answers.push(message));
    stream.on('error', () => undefined);
    const final = new Promise<StatusObject>((resolve) => stream.on('status', resolve));
    // The status may overtake answers that are still buffered; `end` comes after the last of them.
    const isRead = new Promise<void>((resolve) => stream.on('end', resolve));
    return { stream, answers, ended: isRead.then(() => final) };
  };

  it('answers in the order of the events, whatever the order of the work', async () => {
    const { stream, answers } = open();
    for (const macAddress of ['a', 'b', 'c']) stream.write({ macAddress });
    await poll('three events', () => work.length === 3);
    work[2]?.answer();
    work[1]?.answer();
    await clock.advance(0);
    expect(answers).to.deep.equal([]);
    work[0]?.answer();
    await poll('three answers', () => answers.length === 3);

    expect(answers).to.deep.equal(['a', 'b', 'c']);
    stream.end();
  });

  it('works on 64 events at a time and reads on when the oldest is answered', async () => {
    const { stream, answers } = open();
    for (let i = 0; i < 100; i++) stream.write({ macAddress: `mac-${i}` });
    await poll('64 events', () => work.length === 64);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(work).to.have.length(64);

    work[0]?.answer();
    await poll('one more', () => work.length === 65);
    await poll('all answered', () => {
      for (const item of work) item.answer();
      return answers.length === 100;
    });
    expect(answers).to.deep.equal(Array.from({ length: 100 }, (_, i) => `mac-${i}`));
    stream.end();
  });

  it('answers what is outstanding after the client has closed its half, then ends with OK', async () => {
    const { stream, answers, ended } = open();
    stream.write({ macAddress: 'a' });
    stream.end();
    await poll('the event', () => work.length === 1);
    work[0]?.answer();

    expect((await ended).code).to.equal(status.OK);
    expect(answers).to.deep.equal(['a']);
  });

  it('ends with the status of a refused event after the answers before it', async () => {
    const { stream, answers, ended } = open();
    for (const macAddress of ['a', 'b', 'c']) stream.write({ macAddress });
    await poll('three events', () => work.length === 3);
    work[2]?.answer();
    work[1]?.fail(new RpcStatusError(status.UNAVAILABLE, 'the wake map is not ready'));
    work[0]?.answer();

    expect(await ended).to.deep.include({ code: status.UNAVAILABLE, details: 'the wake map is not ready' });
    expect(answers).to.deep.equal(['a']);
  });

  it('ends with INVALID_ARGUMENT at bytes that are no event', async () => {
    const { stream, ended } = open(() => Buffer.from('0aff', 'hex'));
    stream.write({});
    expect((await ended).code).to.equal(status.INVALID_ARGUMENT);
    expect(work).to.deep.equal([]);
  });

  it('is limited to 16 on one connection, and a closed one makes room', async () => {
    const streams = Array.from({ length: 16 }, () => open());
    for (const { stream } of streams) stream.write({ macAddress: 'a' });
    await poll('16 events', () => work.length === 16);

    expect((await open().ended).code).to.equal(status.RESOURCE_EXHAUSTED);

    streams[0]?.stream.cancel();
    await streams[0]?.ended;
    await poll('room for one more', async () => {
      const { stream } = open();
      stream.write({ macAddress: 'b' });
      await new Promise((resolve) => setTimeout(resolve, 10));
      return work.some(({ mac }) => mac === 'b');
    });
    for (const { stream } of streams) stream.cancel();
  });

  it('is ended with OK when it is 30 min old, after its outstanding answers', async () => {
    const { stream, answers, ended } = open();
    stream.write({ macAddress: 'a' });
    await poll('the event', () => work.length === 1);
    await clock.advance(33 * 60_000);
    work[0]?.answer();

    expect((await ended).code).to.equal(status.OK);
    expect(answers).to.deep.equal(['a']);
  });

  it('is not ended before it is 27 min old', async () => {
    const { stream, answers } = open();
    stream.write({ macAddress: 'a' });
    await poll('the event', () => work.length === 1);
    await clock.advance(27 * 60_000 - 1);
    stream.write({ macAddress: 'b' });
    await poll('the second event', () => work.length === 2);
    for (const { answer } of work) answer();
    await poll('both answers', () => answers.length === 2);
    stream.end();
  });

  it('gets its outstanding answers during a shutdown and ends with OK', async () => {
    const { stream, answers, ended } = open();
    stream.write({ macAddress: 'a' });
    await poll('the event', () => work.length === 1);
    const stopped = server.shutdown();
    stream.write({ macAddress: 'late' });
    work[0]?.answer();

    expect((await ended).code).to.equal(status.OK);
    await stopped;
    expect(answers).to.deep.equal(['a']);
    expect(work).to.have.length(1);
  });

  it('leaves no timer when the client goes away', async () => {
    const { stream, ended } = open();
    stream.write({ macAddress: 'a' });
    await poll('the event', () => work.length === 1);
    stream.cancel();
    await ended;
    // The one that watches over the connection stays.
    await poll('its timers gone', () => clock.pendingTimers === 1);
  });
});
