import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram';
import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import type { NetworkInterface } from '../../../../src/wol/agent/interfaces';
import type { SocketFactory } from '../../../../src/wol/agent/udp-port';
import { UdpReception } from '../../../../src/wol/agent/udp-reception';
import { freeUdpPort } from '../../../harness/free-port';
import { poll } from '../../../harness/poll';

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

  const receptionOf = (...given: (number | SocketFactory)[]): UdpReception => {
    const socketOf = given.find((one) => typeof one === 'function');
    reception = new UdpReception({
      ports: given.filter((one) => typeof one === 'number'),
      ...(socketOf === undefined ? {} : { socketOf }),
      onDatagram: (payload, from, port) => received.push({ text: payload.toString(), from, port }),
      clock,
      logger,
    });
    return reception;
  };
  /** `udp6` takes the port in both families. */
  const aSocket = async (port = 0, type: 'udp4' | 'udp6' = 'udp4'): Promise<Socket> => {
    const socket = createSocket(type);
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
    expect(reception.problems()[0]).to.match(new RegExp(`^UDP port ${taken} \\(ipv4\\) is not bound: .*EADDRINUSE`));

    await release(holder);
    await clock.advance(4_999);
    expect(reception.problems()).to.have.length(1);
    await clock.advance(1);
    await poll('bound', () => reception.problems().length === 0);

    expect(logger.messages('warn').filter((message) => message.startsWith('UDP port not bound'))).to.have.length(1);
    expect(logger.messages('info')).to.deep.equal(Array<string>(4).fill('UDP port bound'));
  });

  it('tries more often while it has no port at all', async () => {
    const port = await freeUdpPort();
    const holder = await aSocket(port, 'udp6');
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

  it('hears IPv6 on every port, and IPv4 on its own socket only', async () => {
    const port = await freeUdpPort();
    await receptionOf(port).start();
    const [ipv4, ipv6] = [await aSocket(), await aSocket(0, 'udp6')];
    ipv4.send('by IPv4', port, '127.0.0.1');
    ipv6.send('by IPv6', port, '::1');
    await poll('both', () => received.length === 2);
    expect(received.map(({ text, from }) => [text, from.family, from.address]).sort()).to.deep.equal([
      ['by IPv4', 'IPv4', '127.0.0.1'],
      ['by IPv6', 'IPv6', '::1'],
    ]);
  });

  it('joins the group of all nodes where there is IPv6, once, and again on an interface that came back', async () => {
    const { factory, memberships } = recordingSockets();
    await receptionOf(await freeUdpPort(), factory).start();
    const [eth0, eth1] = [anInterface('eth0', 2), { ...anInterface('eth1', 3), hasIpv6: false }];
    await reception.follow([eth0, eth1]);
    await reception.follow([eth0, eth1]);
    expect(memberships).to.deep.equal(['ff02::1 ::%eth0']);

    await reception.follow([eth1]);
    await reception.follow([anInterface('eth0', 7), { ...eth1, hasIpv6: true }]);
    expect(memberships.slice(1)).to.deep.equal(['ff02::1 ::%eth0', 'ff02::1 ::%eth1']);
  });

  it('tries a group that it could not join again with the next look, and says so at debug only', async () => {
    const { factory, memberships, refuse } = recordingSockets();
    refuse('::%eth0');
    await receptionOf(await freeUdpPort(), factory).start();
    await reception.follow([anInterface('eth0', 2), anInterface('eth1', 3)]);
    await reception.follow([anInterface('eth0', 2), anInterface('eth1', 3)]);
    expect(memberships).to.deep.equal(['ff02::1 ::%eth0', 'ff02::1 ::%eth1', 'ff02::1 ::%eth0']);
    expect(logger.messages('debug')).to.deep.equal(Array<string>(2).fill('IPv6 group not joined; trying again'));
    expect(logger.messages('warn').filter((message) => message.includes('group'))).to.deep.equal([]);
  });

  it('works with IPv4 alone on a node without IPv6, calls nothing of it a problem, and takes IPv6 once it is there', async () => {
    const { factory, enableIpv6 } = socketsWithoutIpv6();
    const port = await freeUdpPort();
    await receptionOf(port, factory).start();
    expect([reception.problems(), reception.ports.map(({ state }) => state.kind)]).to.deep.equal([[], ['bound', 'absent']]);
    await clock.advance(10_000);
    expect(logger.lines.filter(({ level }) => level === 'warn' || level === 'error').length).to.be.at.most(1); // rmem_max
    (await aSocket()).send('by IPv4', port, '127.0.0.1');
    await poll('the datagram', () => received.length === 1);

    enableIpv6();
    await reception.follow([anInterface('lo', 1)]);
    expect(reception.ports.map(({ state }) => state.kind)).to.deep.equal(['bound', 'bound']);
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

function anInterface(name: string, index: number): NetworkInterface {
  const state = { isEthernet: true, isUp: true, isLoopback: false, mac: '02:00:00:00:00:01', master: undefined, vlanId: undefined };
  return { name, index, ...state, hasIpv6: true };
}

/** Real sockets that only write down which groups they are asked to join. */
function recordingSockets(): { factory: SocketFactory; memberships: string[]; refuse(on: string): void } {
  const memberships: string[] = [];
  const refused = new Set<string>();
  const factory = (options: SocketOptions): Socket => {
    const socket = createSocket(options);
    socket.addMembership = (group, on = '') => {
      memberships.push(`${group} ${on}`);
      if (refused.has(on)) throw new Error('addMembership ENODEV');
      return socket;
    };
    return socket;
  };
  return { factory: factory as SocketFactory, memberships, refuse: (on) => void refused.add(on) };
}

/** What Node.js does on a kernel without IPv6: the socket is made, binding it fails. */
function socketsWithoutIpv6(): { factory: SocketFactory; enableIpv6(): void } {
  let hasIpv6 = false;
  const factory = (options: SocketOptions): Socket => {
    const socket = createSocket(options);
    if (options.type === 'udp6' && !hasIpv6) {
      socket.bind = () => {
        const failure = Object.assign(new Error('bind EAFNOSUPPORT :::9'), { code: 'EAFNOSUPPORT' });
        setImmediate(() => socket.emit('error', failure));
        return socket;
      };
    }
    return socket;
  };
  return {
    factory: factory as SocketFactory,
    enableIpv6: () => {
      hasIpv6 = true;
    },
  };
}
