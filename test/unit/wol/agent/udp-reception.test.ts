import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { UdpReception } from '../../../../src/wol/agent/udp-reception';
import { freeUdpPort } from '../../../harness/free-port';
import { poll } from '../../../harness/poll';
import { RecordingLogger } from '../support/recording-logger';

describe('UDP reception', () => {
  let clock: FakeClock;
  let logger: RecordingLogger;
  let received: { text: string; from: RemoteInfo; port: number }[];
  let sockets: Socket[];
  let reception: UdpReception;

  beforeEach(() => {
    clock = new FakeClock();
    logger = new RecordingLogger();
    received = [];
    sockets = [];
  });

  afterEach(() => {
    reception.close();
    for (const socket of sockets) socket.close();
    expect(clock.pendingTimers).to.equal(0);
  });

  const receptionOf = (...ports: number[]): UdpReception => {
    reception = new UdpReception({
      ports,
      onDatagram: (payload, from, port) => received.push({ text: payload.toString(), from, port }),
      clock,
      logger,
    });
    return reception;
  };
  const aSocket = async (port = 0): Promise<Socket> => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(port, resolve));
    sockets.push(socket);
    return socket;
  };
  const release = (socket: Socket): Promise<void> => {
    sockets = sockets.filter((other) => other !== socket);
    return new Promise((resolve) => socket.close(resolve));
  };

  it('hands on each datagram with its own bytes, its sender and its port', async () => {
    const [first, second] = [await freeUdpPort(), await freeUdpPort()];
    await receptionOf(first, second).start();
    const sender = await aSocket();
    for (let i = 0; i < 500; i++) sender.send(`datagram ${i}`, i % 2 === 0 ? first : second, '127.0.0.1');
    await poll('500 datagrams', () => received.length === 500);

    expect(received.map(({ text }) => text).sort()).to.deep.equal(Array.from({ length: 500 }, (_, i) => `datagram ${i}`).sort());
    for (const { text, from, port } of received) {
      expect(port).to.equal(Number(text.split(' ')[1]) % 2 === 0 ? first : second);
      expect(from.port).to.equal(sender.address().port);
    }
  });

  it('hears a broadcast', async () => {
    const port = await freeUdpPort();
    await receptionOf(port).start();
    const sender = await aSocket();
    sender.setBroadcast(true);
    sender.send('to all', port, '127.255.255.255');
    await poll('the broadcast', () => received.length === 1);
  });

  it('takes a datagram of the greatest length', async () => {
    const port = await freeUdpPort();
    await receptionOf(port).start();
    (await aSocket()).send('x'.repeat(65_507), port, '127.0.0.1');
    await poll('the datagram', () => received.length === 1);
    expect(received[0]?.text).to.have.length(65_507);
  });

  it('binds a taken port 5 s after it became free, while the other one works', async () => {
    const [taken, free] = [await freeUdpPort(), await freeUdpPort()];
    const holder = await aSocket(taken);
    await receptionOf(taken, free).start();
    expect(reception.problems()).to.have.length(1);
    expect(reception.problems()[0]).to.match(new RegExp(`^UDP port ${taken} is not bound: .*EADDRINUSE`));

    await release(holder);
    await clock.advance(4_999);
    expect(reception.problems()).to.have.length(1);
    await clock.advance(1);
    await poll('bound', () => reception.problems().length === 0);

    expect(logger.messages('warn').filter((message) => message.startsWith('UDP port not bound'))).to.have.length(1);
    expect(logger.messages('info')).to.deep.equal(['UDP port bound', 'UDP port bound']);
  });

  it('tries more often while it has no port at all', async () => {
    const port = await freeUdpPort();
    const holder = await aSocket(port);
    await receptionOf(port).start();
    expect(reception.anyBound).to.equal(false);
    await release(holder);
    await clock.advance(500);
    await poll('bound', () => reception.anyBound);
  });

  it('asks for a receive buffer of 4 MiB and knows what it got', async () => {
    await receptionOf(await freeUdpPort()).start();
    const state = reception.ports[0]?.state;
    expect(state?.kind === 'bound' && state.receiveBufferBytes > 0).to.equal(true);
    const warned = logger.messages('warn').some((message) => message.includes('net.core.rmem_max'));
    expect(warned).to.equal(state?.kind === 'bound' && state.receiveBufferBytes < 8 * 1_048_576 && process.platform === 'linux');
  });

  it('hands on nothing after it was closed', async () => {
    const port = await freeUdpPort();
    await receptionOf(port).start();
    (await aSocket()).send('late', port, '127.0.0.1');
    reception.close();
    await aSocket(port);
    expect(received).to.deep.equal([]);
  });
});
