import { credentials, ServerCredentials, status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import type { AgentIdentity, CallCredentials, CallGate } from '../../../../src/wol/protocol/call-gate';
import { ResponseStatus, type WOLEvent, type WOLEventResponse } from '../../../../src/wol/protocol/generated/wol-descriptor';
import { RpcStatusError } from '../../../../src/wol/protocol/rpc-status-error';
import { WolClient } from '../../../../src/wol/protocol/wol-client';
import { createWolServer, type WolServer } from '../../../../src/wol/protocol/wol-server';
import { poll } from '../../../harness/poll';

const MINUTE_MS = 60_000;

/** Lets in whom it is told to. */
class GateDouble implements CallGate {
  readonly seen: CallCredentials[] = [];
  verdict: () => Promise<AgentIdentity> = async () => ({ nodeName: 'node-a', expiresAtMs: undefined });

  admit(caller: CallCredentials): Promise<AgentIdentity> {
    this.seen.push(caller);
    return this.verdict();
  }

  checkNode(identity: AgentIdentity, nodeName: string): void {
    if (identity.nodeName !== nodeName) throw new RpcStatusError(status.PERMISSION_DENIED, 'another node');
  }
}

describe('event streams behind a gate', () => {
  let clock: FakeClock;
  let gate: GateDouble;
  let server: WolServer;
  let client: WolClient;
  let events: WOLEvent[];
  let statuses: string[];

  beforeEach(async () => {
    clock = new FakeClock();
    gate = new GateDouble();
    events = [];
    statuses = [];
    server = createWolServer({
      bindAddress: '127.0.0.1:0',
      credentials: ServerCredentials.createInsecure(),
      gate,
      logger: new RecordingLogger(),
      clock,
      service: {
        reportEvent: async (event) => {
          events.push(event);
          return { status: ResponseStatus.VM_NOT_FOUND };
        },
        reportStatus: async ({ nodeName }) => {
          statuses.push(nodeName);
          return {};
        },
      },
    });
    client = new WolClient(`127.0.0.1:${await server.start()}`, credentials.createInsecure(), { authorization: 'Bearer t' });
  });

  afterEach(async () => {
    client.close();
    const stopped = server.shutdown();
    await clock.advance(5_000);
    await stopped;
  });

  interface Stream {
    send(nodeName?: string): void;
    readonly answers: WOLEventResponse[];
    readonly ended: Promise<status>;
  }

  function open(): Stream {
    const stream = client.streamEvents();
    const answers: WOLEventResponse[] = [];
    stream.on('data', (answer: WOLEventResponse) => answers.push(answer)).on('error', () => undefined);
    const final = new Promise<status>((resolve) => stream.on('status', ({ code }) => resolve(code)));
    // The status may overtake answers that are still buffered; `end` comes after the last of them.
    const ended = new Promise<void>((resolve) => stream.on('end', resolve)).then(() => final);
    return { send: (nodeName = 'node-a') => void stream.write({ macAddress: '02:00:00:00:00:01', nodeName }), answers, ended };
  }

  async function openAnswered(): Promise<Stream> {
    const stream = open();
    stream.send();
    await poll('an answer', () => stream.answers.length === 1);
    return stream;
  }

  it('are asked who they are before any event is read, with the header and the address of the caller', async () => {
    const { promise, resolve } = Promise.withResolvers<AgentIdentity>();
    gate.verdict = () => promise;
    const stream = open();
    stream.send();
    await poll('the question', () => gate.seen.length === 1);
    expect(gate.seen[0]).to.include({ authorization: 'Bearer t', clientCertificate: undefined });
    expect(gate.seen[0]?.peer).to.match(/^127\.0\.0\.1:\d+$/);
    expect(events).to.deep.equal([]);
    resolve({ nodeName: 'node-a', expiresAtMs: undefined });
    await poll('an answer', () => stream.answers.length === 1);

    expect(server.openStreams).to.equal(1);
  });

  it('end with the refusal of the gate, and nothing of them is read', async () => {
    gate.verdict = async () => {
      throw new RpcStatusError(status.UNAUTHENTICATED, 'nobody');
    };
    const stream = open();
    stream.send();

    expect(await stream.ended).to.equal(status.UNAUTHENTICATED);
    expect(events).to.deep.equal([]);
    expect(server.openStreams).to.equal(0);
  });

  it('end with PERMISSION_DENIED at an event that names another node, after the answers before it', async () => {
    const stream = await openAnswered();
    stream.send();
    stream.send('node-b');
    stream.send();

    expect(await stream.ended).to.equal(status.PERMISSION_DENIED);
    expect(stream.answers).to.have.length(2);
    expect(events.map(({ nodeName }) => nodeName)).to.not.include('node-b');
  });

  it('end with OK a minute before the token does', async () => {
    gate.verdict = async () => ({ nodeName: 'node-a', expiresAtMs: clock.now() + 3 * MINUTE_MS });
    const stream = await openAnswered();
    await clock.advance(2 * MINUTE_MS - 1);
    expect(server.openStreams).to.equal(1);
    await clock.advance(1);

    expect(await stream.ended).to.equal(status.OK);
  });

  it('end with OK after half an hour, give or take a tenth, however long the token lasts', async () => {
    const stream = await openAnswered();
    for (let minute = 0; minute < 27; minute++) await clock.advance(MINUTE_MS);
    expect(server.openStreams).to.equal(1);
    for (let minute = 27; minute < 33; minute++) await clock.advance(MINUTE_MS);

    expect(await stream.ended).to.equal(status.OK);
  });

  it('are asked again after five minutes, and end when the token is not accepted any more', async () => {
    const stream = await openAnswered();
    gate.verdict = async () => {
      throw new RpcStatusError(status.UNAUTHENTICATED, 'the pod is gone');
    };
    await clock.advance(5 * MINUTE_MS - 1);
    expect(gate.seen).to.have.length(1);
    await clock.advance(1);

    expect(await stream.ended).to.equal(status.UNAUTHENTICATED);
    expect(gate.seen).to.have.length(2);
  });

  it('go on while nobody can be asked, and are asked again later', async () => {
    const stream = await openAnswered();
    gate.verdict = async () => {
      throw new RpcStatusError(status.UNAVAILABLE, 'the API server does not answer');
    };
    await clock.advance(5 * MINUTE_MS);
    await poll('the question', () => gate.seen.length === 2);
    stream.send();
    await poll('an answer', () => stream.answers.length === 2);
    await clock.advance(5 * MINUTE_MS);
    await poll('the next question', () => gate.seen.length === 3);

    expect(server.openStreams).to.equal(1);
  });

  it('are at most sixteen on a connection, those that wait for the gate included', async () => {
    gate.verdict = () => new Promise(() => undefined);
    for (let n = 0; n < 16; n++) open();
    await poll('sixteen questions', () => gate.seen.length === 16);

    expect(await open().ended).to.equal(status.RESOURCE_EXHAUSTED);
  });

  it('have single calls beside them that go through the same gate', async () => {
    const codeOf = (answer: Promise<unknown>): Promise<status> =>
      answer.then(
        () => status.OK,
        (error: RpcStatusError) => error.status,
      );

    expect(await codeOf(client.reportStatus({ nodeName: 'node-a' }, 60_000).response)).to.equal(status.OK);
    expect(await codeOf(client.reportStatus({ nodeName: 'node-b' }, 60_000).response)).to.equal(status.PERMISSION_DENIED);
    expect(await codeOf(client.reportEvent({ nodeName: 'node-b' }).response)).to.equal(status.PERMISSION_DENIED);
    expect(statuses).to.deep.equal(['node-a']);
    expect(events).to.deep.equal([]);
    expect(gate.seen).to.have.length(3);
    expect((await client.healthCheck(60_000).response).status, 'health is for everybody').to.equal(2);
    expect(gate.seen).to.have.length(3);
  });
});
