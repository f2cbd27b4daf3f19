import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { credentials, ServerCredentials, status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import type { AgentIdentity } from '../../../../src/wol/protocol/call-gate';
import { ResponseStatus } from '../../../../src/wol/protocol/generated/wol-descriptor';
import { RpcStatusError } from '../../../../src/wol/protocol/rpc-status-error';
import { WolClient } from '../../../../src/wol/protocol/wol-client';
import { createWolServer, type WolServer } from '../../../../src/wol/protocol/wol-server';
import { poll } from '../../../harness/poll';

const REPORT = '/wol.v1.WOLService/ReportWOLEvent';
const HEALTH = '/wol.v1.WOLService/HealthCheck';
const KNOWN: AgentIdentity = { nodeName: undefined, expiresAtMs: undefined };

describe('guests of the wol server', () => {
  let clock: FakeClock;
  let server: WolServer;
  let port: number;
  let verdict: () => Promise<AgentIdentity>;
  let asked: number;
  let reports: number;
  let closed: string[];
  const sockets: Socket[] = [];
  const sessions: ClientHttp2Session[] = [];

  beforeEach(async () => {
    clock = new FakeClock();
    asked = 0;
    reports = 0;
    closed = [];
    verdict = async () => {
      throw new RpcStatusError(status.UNAUTHENTICATED, 'the call carries no token');
    };
    server = createWolServer({
      bindAddress: '127.0.0.1:0',
      credentials: ServerCredentials.createInsecure(),
      logger: new RecordingLogger(),
      clock,
      onClosed: (reason) => closed.push(reason),
      gate: {
        admit: () => {
          asked++;
          return verdict();
        },
        checkNode: () => undefined,
      },
      service: {
        reportStatus: async () => ({}),
        reportEvent: async () => {
          reports++;
          return { status: ResponseStatus.ACCEPTED };
        },
      },
    });
    port = await server.start();
  });

  afterEach(async () => {
    for (const session of sessions.splice(0)) session.destroy();
    for (const socket of sockets.splice(0)) socket.destroy();
    const stopped = server.shutdown();
    await clock.advance(5_000);
    await stopped;
  });

  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) await clock.advance(1_000);
  };

  const guest = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  };

  const session = (): ClientHttp2Session => {
    const made = connectHttp2(`http://127.0.0.1:${port}`).on('error', () => undefined);
    sessions.push(made);
    return made;
  };

  /** A call whose message is announced and does not come. */
  const call = (on: ClientHttp2Session, path: string): { stream: ClientHttp2Stream; code: Promise<number> } => {
    const stream = on.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' });
    const code = new Promise<number>((resolve) => {
      stream.on('response', (headers) => resolve(Number(headers['grpc-status'])));
      stream.on('error', () => resolve(-1)).on('close', () => resolve(-1));
    });
    return { stream, code };
  };

  const announce = (bytes: number): Buffer => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(bytes, 1);
    return head;
  };

  it('are refused a report before its message is there', async () => {
    const { stream, code } = call(session(), REPORT);
    stream.write(announce(1_000_000));
    expect(await code).to.equal(status.UNAUTHENTICATED);
  });

  it('have nothing read of a report while it is found out who they are, and all of it once they are agents', async () => {
    const { promise, resolve } = Promise.withResolvers<AgentIdentity>();
    verdict = () => promise;
    const on = session();
    const { stream, code } = call(on, REPORT);
    // An event with a field that nobody knows (99, of bytes), as long as a message may be.
    const length = 1_000_000;
    const field = Buffer.from([0x9a, 0x06, 0xc0, 0x84, 0x3d]);
    let isSent = false;
    stream.write(Buffer.concat([announce(length + field.length), field]));
    stream.end(Buffer.alloc(length), () => {
      isSent = true;
    });
    await poll('the question', () => asked === 1);
    for (let i = 0; i < 3; i++) await new Promise<void>((done, failed) => on.ping((error) => (error === null ? done() : failed(error))));
    expect(isSent, 'while the caller is not known').to.equal(false);

    resolve(KNOWN);

    await poll('the report', () => reports === 1);
    expect(isSent).to.equal(true);
    stream.destroy();
    await code;
  });

  it('are closed after 15 s without a call, also when they never sent a byte', async () => {
    const silent = await guest();
    await poll('the connection', () => server.openConnections.guests === 1);
    await pass(14);
    expect(silent.destroyed).to.equal(false);
    const gone = once(silent, 'close');
    silent.resume();
    await pass(2);
    await gone;
    expect([closed, server.openConnections.guests]).to.deep.equal([['idle'], 0]);
  });

  it('are at most 64 from one address, and agents do not count', async () => {
    verdict = async () => KNOWN;
    const agent = new WolClient(`127.0.0.1:${port}`, credentials.createInsecure());
    await agent.reportEvent({}).response;
    for (let i = 0; i < 64; i++) await guest();
    await poll('all to be there', () => server.openConnections.guests === 64);

    const oneTooMany = await guest();
    oneTooMany.resume();
    await poll('it to be closed', () => oneTooMany.destroyed);

    expect([closed, server.openConnections]).to.deep.equal([['too_many_guests'], { agents: 1, guests: 64 }]);
    expect((await agent.reportEvent({}).response).status).to.equal(ResponseStatus.ACCEPTED);
    agent.close();
  });

  it('may keep eight health checks waiting for their message, for 10 s', async () => {
    const on = session();
    const waiting = Array.from({ length: 8 }, () => call(on, HEALTH));
    for (const { stream } of waiting) stream.write(announce(1_000_000));
    const { code } = call(on, HEALTH);
    expect(await code).to.equal(status.RESOURCE_EXHAUSTED);

    await pass(11);

    expect(await Promise.all(waiting.map((one) => one.code))).to.deep.equal(Array<number>(8).fill(status.DEADLINE_EXCEEDED));
    const client = new WolClient(`127.0.0.1:${port}`, credentials.createInsecure());
    expect((await client.healthCheck(60_000).response).status).to.equal(2);
    client.close();
  });

  it('may have 128 calls at a time looked into from one address', async () => {
    verdict = () => new Promise(() => undefined);
    for (const on of [session(), session()]) for (let i = 0; i < 64; i++) call(on, REPORT);
    await poll('all questions', () => asked === 128);
    expect(await call(session(), REPORT).code).to.equal(status.RESOURCE_EXHAUSTED);
    expect(asked).to.equal(128);
  });

  it('are closed as soon as 64 of their calls were refused', async () => {
    const on = session();
    for (let i = 0; i < 63; i++) expect(await call(on, REPORT).code).to.equal(status.UNAUTHENTICATED);
    expect([on.destroyed, closed]).to.deep.equal([false, []]);
    call(on, REPORT);
    await poll('the end', () => on.destroyed);
    expect(closed).to.deep.equal(['refused']);
  });

  it('are closed as well when what was refused are more calls than they may have', async () => {
    verdict = () => new Promise(() => undefined);
    for (const on of [session(), session()]) for (let i = 0; i < 64; i++) call(on, REPORT);
    await poll('all questions', () => asked === 128);
    const on = session();
    for (let i = 0; i < 63; i++) expect(await call(on, REPORT).code).to.equal(status.RESOURCE_EXHAUSTED);
    call(on, REPORT);
    await poll('the end', () => on.destroyed);
    expect(closed).to.deep.equal(['refused']);
  });

  it('may have 64 calls at a time on one connection, which they are told when they connect', async () => {
    const on = session();
    await new Promise<void>((resolve) => on.once('remoteSettings', () => resolve()));
    expect(on.remoteSettings.maxConcurrentStreams).to.equal(64);
  });

  it('stay while they watch the health of the manager', async () => {
    const on = session();
    const { stream } = call(on, '/grpc.health.v1.Health/Watch');
    stream.end(announce(0));
    await once(stream, 'response');
    await pass(30);
    expect([on.destroyed, closed]).to.deep.equal([false, []]);
  });
});
