import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type ClientHttp2Session, connect } from 'node:http2';
import type { Server as Listener } from 'node:net';
import { Client, credentials, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import { OPEN_GATE } from '../../../../src/wol/protocol/call-gate';
import type { HealthCheckResponse } from '../../../../src/wol/protocol/generated/health-descriptor';
import { ResponseStatus, ServingStatus, type WOLEvent, type WOLEventResponse } from '../../../../src/wol/protocol/generated/wol-descriptor';
import { RpcStatusError } from '../../../../src/wol/protocol/rpc-status-error';
import { healthService, type Outgoing, wolService } from '../../../../src/wol/protocol/wire';
import { WolClient } from '../../../../src/wol/protocol/wol-client';
import { createWolServer, type WolServer } from '../../../../src/wol/protocol/wol-server';
import { poll } from '../../../harness/poll';

describe('wol server', () => {
  let logger: RecordingLogger;
  let clock: FakeClock;
  let server: WolServer;
  let client: WolClient;
  let address: string;
  let events: WOLEvent[];
  let answer: (event: WOLEvent) => Promise<Outgoing<WOLEventResponse>>;

  beforeEach(async () => {
    logger = new RecordingLogger();
    clock = new FakeClock();
    events = [];
    answer = async () => ({ status: ResponseStatus.VM_NOT_FOUND, message: 'nobody has 02:00:00:00:00:01' });
    server = createWolServer({
      bindAddress: '127.0.0.1:0',
      credentials: ServerCredentials.createInsecure(),
      logger,
      clock,
      gate: OPEN_GATE,
      service: {
        reportStatus: async () => ({}),
        reportEvent(event) {
          events.push(event);
          return answer(event);
        },
      },
    });
    address = `127.0.0.1:${await server.start()}`;
    server.setServing(true);
    client = new WolClient(address, credentials.createInsecure());
  });

  afterEach(async () => {
    client.close();
    const stopped = server.shutdown();
    await clock.advance(5_000);
    await stopped;
  });

  const codeOf = async (call: Promise<unknown>): Promise<status | undefined> => {
    try {
      await call;
      return undefined;
    } catch (error) {
      return (error as RpcStatusError).status;
    }
  };

  it('hands an event to the service and its answer to the agent', async () => {
    const response = await client.reportEvent({ macAddress: '02:00:00:00:00:01', destPort: 9, secureOn: Uint8Array.of(1, 2, 3, 4) })
      .response;

    expect(events[0]).to.deep.include({ macAddress: '02:00:00:00:00:01', destPort: 9, nodeName: '' });
    expect([...(events[0] as WOLEvent).secureOn]).to.deep.equal([1, 2, 3, 4]);
    expect(response).to.deep.equal({
      status: ResponseStatus.VM_NOT_FOUND,
      message: 'nobody has 02:00:00:00:00:01',
      wasDuplicate: false,
      processingTimeMs: 0,
    });
  });

  it('ends a call with the gRPC status that the service throws', async () => {
    answer = async () => {
      throw new RpcStatusError(status.UNAVAILABLE, 'the wake map is not ready');
    };
    expect(await codeOf(client.reportEvent({}).response)).to.equal(status.UNAVAILABLE);
    expect(logger.lines).to.deep.equal([]);
  });

  it('answers INTERNAL without details for any other error and logs it', async () => {
    answer = async () => {
      throw new Error('secret detail');
    };
    const error: unknown = await client.reportEvent({}).response.catch((caught: unknown) => caught);

    expect(error).to.be.instanceOf(RpcStatusError);
    expect((error as RpcStatusError).status).to.equal(status.INTERNAL);
    expect((error as RpcStatusError).message).to.equal('internal error');
    expect(logger.messages('error')).to.deep.equal(['report failed unexpectedly']);
  });

  it('keeps running when a service throws before it returns a promise', async () => {
    answer = () => {
      throw new Error('synchronous');
    };
    expect(await codeOf(client.reportEvent({}).response)).to.equal(status.INTERNAL);
  });

  describe('towards strange clients', () => {
    let raw: Client;

    beforeEach(() => {
      raw = new Client(address, credentials.createInsecure());
    });

    afterEach(() => raw.close());

    const callRaw = (path: string, bytes: Buffer): Promise<status> =>
      new Promise((resolve) => {
        raw.makeUnaryRequest(
          path,
          (value: Buffer) => value,
          (value: Buffer) => value,
          bytes,
          (error: ServiceError | null) => resolve(error?.code ?? status.OK),
        );
      });

    it('answers INVALID_ARGUMENT to bytes that are no event', async () => {
      expect(await callRaw('/wol.v1.WOLService/ReportWOLEvent', Buffer.from('0aff', 'hex'))).to.equal(status.INVALID_ARGUMENT);
      expect(events).to.deep.equal([]);
    });

    it('answers RESOURCE_EXHAUSTED to a message over 1 MiB', async () => {
      expect(await callRaw('/wol.v1.WOLService/ReportWOLEvent', Buffer.alloc(1_048_577))).to.equal(status.RESOURCE_EXHAUSTED);
    });

    it('answers UNIMPLEMENTED to a method it does not have', async () => {
      expect(await callRaw('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', Buffer.alloc(0))).to.equal(status.UNIMPLEMENTED);
    });

    it('understands the event of an older agent, which has seven fields at most', async () => {
      expect(
        await callRaw('/wol.v1.WOLService/ReportWOLEvent', Buffer.from(`0a11${Buffer.from('02:00:00:00:00:01').toString('hex')}`, 'hex')),
      ).to.equal(status.OK);
      expect(events[0]).to.deep.include({ macAddress: '02:00:00:00:00:01', destPort: 0, transport: 0, configName: '' });
    });
  });

  describe('health', () => {
    let raw: Client;

    beforeEach(() => {
      raw = new Client(address, credentials.createInsecure());
    });

    afterEach(() => raw.close());

    const check = (service: string): Promise<HealthCheckResponse> =>
      new Promise((resolve, reject) => {
        const { path, requestSerialize, responseDeserialize } = healthService.Check;
        raw.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service }, (error, response) =>
          response === undefined ? reject(error as Error) : resolve(response as HealthCheckResponse),
        );
      });

    const watch = (service: string): { seen: number[]; ended: Promise<void> } => {
      const seen: number[] = [];
      const { path, requestSerialize, responseDeserialize } = healthService.Watch;
      const call = raw.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service });
      call.on('data', (response: HealthCheckResponse) => seen.push(response.status));
      return { seen, ended: new Promise((resolve, reject) => call.on('end', resolve).on('error', reject)) };
    };

    it('follows the state of the manager in both services', async () => {
      expect((await client.healthCheck(60_000).response).status).to.equal(ServingStatus.SERVING);
      expect((await check('')).status).to.equal(ServingStatus.SERVING);
      expect((await check('wol.v1.WOLService')).status).to.equal(ServingStatus.SERVING);
      server.setServing(false);
      expect((await client.healthCheck(60_000).response).status).to.equal(ServingStatus.NOT_SERVING);
      expect((await check('')).status).to.equal(ServingStatus.NOT_SERVING);
    });

    it('check of an unknown service is NOT_FOUND', async () => {
      expect(((await check('no.such.Service').catch((error: unknown) => error)) as ServiceError).code).to.equal(status.NOT_FOUND);
    });

    it('watch tells the present state, each change, and ends with NOT_SERVING at shutdown', async () => {
      const { seen, ended } = watch('wol.v1.WOLService');
      await poll('present state', () => seen.length === 1);
      server.setServing(false);
      server.setServing(false);
      server.setServing(true);
      await poll('changes', () => seen.length === 3);
      await server.shutdown();
      await ended;

      expect(seen).to.deep.equal([1, 2, 1, 2]);
    });

    it('watch of an unknown service tells SERVICE_UNKNOWN', async () => {
      const { seen, ended } = watch('no.such.Service');
      await ended;
      expect(seen).to.deep.equal([3]);
    });
  });

  describe('shutdown', () => {
    it('waits for outstanding answers', async () => {
      const { promise, resolve } = Promise.withResolvers<Outgoing<WOLEventResponse>>();
      answer = () => promise;
      const call = client.reportEvent({});
      await poll('event arrived', () => events.length === 1);
      const stopped = server.shutdown();
      resolve({ status: ResponseStatus.ACCEPTED });

      expect((await call.response).status).to.equal(ResponseStatus.ACCEPTED);
      await stopped;
    });

    it('cuts off an answer that takes longer than 5 s', async () => {
      answer = () => new Promise(() => undefined);
      const call = client.reportEvent({});
      await poll('event arrived', () => events.length === 1);
      const stopped = server.shutdown();
      const code = codeOf(call.response);
      await clock.advance(5_000);
      await stopped;

      expect([status.UNAVAILABLE, status.CANCELLED, status.INTERNAL]).to.include(await code);
    });

    it('takes no longer because of a peer that spoke something else', async () => {
      const stranger = new WolClient(address.replace('127.0.0.1', 'localhost'), credentials.createSsl());
      expect(await codeOf(stranger.healthCheck(500).response)).to.be.oneOf([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);
      stranger.close();
      const stopped = server.shutdown();
      await clock.advance(5_000);
      await stopped;
    });

    it('refuses new events and tells clients to go away', async () => {
      const session: ClientHttp2Session = connect(`http://${address}`);
      const goneAway = new Promise<void>((resolve) => session.once('goaway', () => resolve()));
      await new Promise<void>((resolve) => session.once('remoteSettings', () => resolve()));
      await Promise.all([server.shutdown(), goneAway]);

      expect(await codeOf(client.reportEvent({}).response)).to.equal(status.UNAVAILABLE);
      expect(events).to.deep.equal([]);
      session.close();
    });
  });

  it('tells that a connection could not be accepted, and serves on', async () => {
    let listener: Listener | undefined;
    const started = (message: unknown): void => {
      ({ server: listener } = message as { server: Listener });
    };
    subscribe('tracing:net.server.listen:asyncStart', started);
    const other = createWolServer({
      bindAddress: '127.0.0.1:0',
      credentials: ServerCredentials.createInsecure(),
      logger,
      gate: OPEN_GATE,
      service: { reportEvent: answer, reportStatus: async () => ({}) },
    });
    const port = await other.start();
    unsubscribe('tracing:net.server.listen:asyncStart', started);
    expect(listener?.address()).to.deep.include({ port });

    const error = Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' });
    listener?.emit('error', error);

    expect(logger.lines).to.deep.equal([{ level: 'warn', message: 'a connection could not be accepted', fields: { error } }]);
    const caller = new WolClient(`127.0.0.1:${port}`, credentials.createInsecure());
    expect((await caller.reportEvent({}).response).status).to.equal(ResponseStatus.VM_NOT_FOUND);
    caller.close();
    await other.shutdown();
  });

  it('cannot be started on a port that is taken, and says which', async () => {
    const second = createWolServer({
      bindAddress: address,
      credentials: ServerCredentials.createInsecure(),
      logger,
      gate: OPEN_GATE,
      service: { reportEvent: answer, reportStatus: async () => ({}) },
    });
    const error: unknown = await second.start().catch((caught: unknown) => caught);
    expect((error as Error).message).to.include(address.split(':')[1]);
  });

  it('listens on every address when the host is left out', async () => {
    const everywhere = createWolServer({
      bindAddress: ':0',
      credentials: ServerCredentials.createInsecure(),
      logger,
      gate: OPEN_GATE,
      service: { reportEvent: answer, reportStatus: async () => ({}) },
    });
    const port = await everywhere.start();
    const other = new WolClient(`127.0.0.1:${port}`, credentials.createInsecure());
    expect((await other.reportEvent({}).response).status).to.equal(ResponseStatus.VM_NOT_FOUND);
    other.close();
    await everywhere.shutdown();
  });

  it('has exactly the methods of the contract', () => {
    expect(Object.keys(wolService)).to.deep.equal(['ReportWOLEvent', 'ReportWOLEventStream', 'HealthCheck', 'ReportAgentStatus']);
  });
});
