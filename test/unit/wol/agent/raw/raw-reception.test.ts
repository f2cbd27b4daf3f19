import { expect } from 'chai';
import { RecordingLogger } from '../../../../../src/framework/testing/recording-logger';
import type { NetworkInterface } from '../../../../../src/wol/agent/interfaces';
import type { PacketSocket, PacketSockets, RawFrame } from '../../../../../src/wol/agent/raw/packet-socket';
import { RawReception, type ReceivedFrame } from '../../../../../src/wol/agent/raw/raw-reception';

const HEADER = 'ffffffffffff02ff000000aa';
const frameOf = (hex: string, strippedTag?: number): RawFrame => ({ bytes: Buffer.from(hex, 'hex'), strippedTag });

/** A socket whose frames are put in by the test. */
class SocketDouble implements PacketSocket {
  frames: (RawFrame | Error)[] = [];
  lost = 0;
  closed = false;

  constructor(
    readonly on: NetworkInterface,
    private readonly onReadable: () => void,
  ) {}

  deliver(...frames: (RawFrame | Error)[]): void {
    this.frames.push(...frames);
    this.onReadable();
  }

  /** As the event loop does while something is left. */
  again(): void {
    this.onReadable();
  }

  read(): RawFrame | undefined {
    const next = this.frames.shift();
    if (next instanceof Error) throw next;
    return next;
  }

  drops(): number {
    return this.lost;
  }

  close(): void {
    expect(this.closed, 'closed twice').to.equal(false);
    this.closed = true;
  }
}

describe('reception of Ethernet frames', () => {
  let sockets: SocketDouble[];
  let refuse: Map<string, string>;
  let libraryError: Error | undefined;
  let loads: number;
  let changes: number;
  let frames: ReceivedFrame[];
  let logger: RecordingLogger;
  let reception: RawReception;

  beforeEach(() => {
    [sockets, refuse, libraryError, loads, changes, frames, logger] = [[], new Map(), undefined, 0, 0, [], new RecordingLogger()];
    const open: PacketSockets['open'] = (on, onReadable) => {
      const refusal = refuse.get(on.name);
      if (refusal !== undefined) throw new Error(refusal);
      const socket = new SocketDouble(on, onReadable);
      sockets.push(socket);
      return socket;
    };
    reception = new RawReception({
      load: async () => {
        loads++;
        if (libraryError !== undefined) throw libraryError;
        return { open };
      },
      onFrame: (frame) => frames.push(frame),
      onChange: () => changes++,
      logger,
    });
  });

  const anInterface = (name: string, index: number, fields: Partial<NetworkInterface> = {}): NetworkInterface => {
    const state = { isEthernet: true, isUp: true, isLoopback: false, master: undefined, vlanId: undefined, hasIpv6: false };
    return { name, index, mac: `02:00:00:00:00:0${index}`, ...state, ...fields };
  };
  const socketOn = (name: string): SocketDouble => sockets.findLast(({ on }) => on.name === name)!;

  it('follows interfaces that come, go and come back as another one', async () => {
    await reception.follow([anInterface('eth0', 2), anInterface('eth1', 3), anInterface('lo', 1, { isLoopback: true })]);
    expect(reception.interfaces).to.deep.equal(['eth0', 'eth1']);

    await reception.follow([anInterface('eth1', 3)]);
    expect([reception.interfaces, socketOn('eth0').closed, socketOn('eth1').closed]).to.deep.equal([['eth1'], true, false]);

    await reception.follow([anInterface('eth1', 7)]);
    expect(sockets.map(({ on, closed }) => [on.name, on.index, closed])).to.deep.equal([
      ['eth0', 2, true],
      ['eth1', 3, true],
      ['eth1', 7, false],
    ]);
    expect([loads, reception.problem]).to.deep.equal([1, undefined]);
  });

  it('tells of changes only', async () => {
    for (let i = 0; i < 3; i++) await reception.follow([anInterface('eth0', 2)]);
    expect([changes, sockets.length]).to.deep.equal([1, 1]);
  });

  it('hands on frames with their interface and the VLAN of their outermost tag', async () => {
    await reception.follow([anInterface('eth0', 2), anInterface('eth0.5', 3, { vlanId: 5 })]);
    socketOn('eth0').deliver(frameOf(`${HEADER}0842aa`), frameOf(`${HEADER}0842bb`, 7), frameOf(`${HEADER}0800cc`));
    socketOn('eth0.5').deliver(frameOf(`${HEADER}0842dd`), frameOf(`${HEADER}0842ee`, 9));
    expect(frames.map(({ interfaceName, vlanId, payload }) => [interfaceName, vlanId, payload[0]])).to.deep.equal([
      ['eth0', 0, 0xaa],
      ['eth0', 7, 0xbb],
      ['eth0.5', 5, 0xdd],
      ['eth0.5', 5, 0xee],
    ]);
  });

  it('lets other work go on after 64 frames of a flood', async () => {
    await reception.follow([anInterface('eth0', 2)]);
    socketOn('eth0').deliver(...Array.from({ length: 100 }, () => frameOf(`${HEADER}0842aa`)));
    expect(frames).to.have.length(64);
    socketOn('eth0').again();
    expect(frames).to.have.length(100);
  });

  it('opens a socket anew that broke, with the next look', async () => {
    await reception.follow([anInterface('eth0', 2)]);
    socketOn('eth0').deliver(new Error('recvmsg: ENETDOWN, network is down'));
    socketOn('eth0').again();
    expect([socketOn('eth0').closed, reception.interfaces]).to.deep.equal([true, []]);

    await reception.follow([anInterface('eth0', 2)]);
    socketOn('eth0').deliver(frameOf(`${HEADER}0842aa`));
    expect([reception.interfaces, frames.length]).to.deep.equal([['eth0'], 1]);
  });

  it('says once that it has no right, keeps trying, and says when it has', async () => {
    refuse.set('eth0', 'socket: EPERM, operation not permitted');
    for (let i = 0; i < 3; i++) await reception.follow([anInterface('eth0', 2)]);
    expect(reception.problem).to.equal('eth0: socket: EPERM, operation not permitted');
    expect(logger.messages('warn')).to.have.length(1);

    refuse.clear();
    await reception.follow([anInterface('eth0', 2)]);
    expect([reception.problem, reception.interfaces, changes]).to.deep.equal([undefined, ['eth0'], 2]);
    expect(logger.messages('info')).to.deep.equal(['Ethernet frames are received']);
  });

  it('listens where it can when one interface refuses', async () => {
    refuse.set('eth0', 'bind: ENODEV, no such device');
    await reception.follow([anInterface('eth0', 2), anInterface('eth1', 3)]);
    expect([reception.interfaces, reception.problem]).to.deep.equal([['eth1'], 'eth0: bind: ENODEV, no such device']);
  });

  it('has a problem without any interface and without its library', async () => {
    await reception.follow([anInterface('lo', 1, { isLoopback: true })]);
    expect([reception.problem, loads]).to.deep.equal(['no interface can be listened to', 0]);
    libraryError = new Error("Cannot find module 'koffi'");
    await reception.follow([anInterface('eth0', 2)]);
    expect(reception.problem).to.equal("Cannot find module 'koffi'");
    expect(logger.messages('warn')).to.have.length(1);
  });

  it('adds up what the kernel dropped, and has nothing open after it was closed', async () => {
    await reception.follow([anInterface('eth0', 2), anInterface('eth1', 3)]);
    socketOn('eth0').lost = 3;
    socketOn('eth1').lost = 4;
    expect(reception.takeDrops()).to.equal(7);
    reception.close();
    expect(sockets.map(({ closed }) => closed)).to.deep.equal([true, true]);
    await reception.follow([anInterface('eth0', 2)]);
    expect(sockets).to.have.length(2);
  });
});
