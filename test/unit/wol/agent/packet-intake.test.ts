import type { RemoteInfo } from 'node:dgram';
import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import type { ReportEvent } from '../../../../src/wol/agent/delivery';
import { DuplicateFilter } from '../../../../src/wol/agent/duplicate-filter';
import { PacketIntake } from '../../../../src/wol/agent/packet-intake';
import { PacketLog } from '../../../../src/wol/agent/packet-log';
import { SourceLimiter } from '../../../../src/wol/agent/source-limiter';
import { Transport } from '../../../../src/wol/protocol/generated/wol-descriptor';
import { buildMagicPacket } from '../../../../src/wol/protocol/magic-packet';

const from = (address: string): RemoteInfo => ({ address, port: 40_000, family: 'IPv4', size: 102 });
const packetFor = (mac: string): Buffer => Buffer.from(buildMagicPacket(mac));

describe('packet intake', () => {
  let clock: FakeClock;
  let intake: PacketIntake;
  let delivered: ReportEvent[];
  let results: string[];
  let aside: string[];
  let transports: Set<string>;
  let crowd: string | undefined;
  let queueTakes: boolean;
  let asideTakes: boolean;

  beforeEach(() => {
    clock = new FakeClock();
    delivered = [];
    results = [];
    aside = [];
    crowd = undefined;
    transports = new Set();
    queueTakes = true;
    asideTakes = true;
    intake = new PacketIntake({
      nodeName: 'node-a',
      configName: 'home',
      clock,
      duplicates: new DuplicateFilter({ windowMs: 2_000 }, clock),
      limiter: new SourceLimiter(clock, { burst: 3, perSecond: 1 }),
      queue: {
        get isFull() {
          return !queueTakes;
        },
        isCrowdedBy: (sender) => sender === crowd,
        makeRoomFor: () => queueTakes,
        hasRoom: (sender) => queueTakes && (sender === undefined || asideTakes),
      },
      deliver(event, sender, isOverShare) {
        if (isOverShare) aside.push(sender);
        delivered.push(event);
      },
      count: (transport, result) => {
        transports.add(transport);
        results.push(result);
      },
      log: new PacketLog(new RecordingLogger(), clock),
    });
  });

  it('makes an event of a packet', () => {
    intake.datagram(packetFor('02:00:00:00:00:01'), from('192.0.2.1'), 9);

    expect(results).to.deep.equal(['accepted']);
    expect(delivered).to.deep.equal([
      {
        macAddress: '02:00:00:00:00:01',
        timestamp: { seconds: clock.now() / 1_000, nanos: 0 },
        nodeName: 'node-a',
        sourceIp: '192.0.2.1',
        sourcePort: 40_000,
        packetSize: 102,
        destPort: 9,
        secureOn: undefined,
        transport: 1,
        configName: 'home',
      },
    ]);
  });

  it('lets a packet that the queue refused in when it is sent again', () => {
    queueTakes = false;
    intake.datagram(packetFor('02:00:00:00:00:01'), from('192.0.2.1'), 9);
    queueTakes = true;
    intake.datagram(packetFor('02:00:00:00:00:01'), from('192.0.2.1'), 9);
    expect(results).to.deep.equal(['queue_full', 'accepted']);
  });

  it('lets a packet in again whose event made way for that of another sender', () => {
    const packet = Buffer.from(buildMagicPacket('02:00:00:00:00:01', Uint8Array.of(1, 2, 3, 4)));
    intake.datagram(packet, from('192.0.2.1'), 9);
    intake.displaced(delivered[0] as ReportEvent, '192.0.2.1');
    intake.datagram(packet, from('192.0.2.1'), 9);
    intake.datagram(packet, from('192.0.2.1'), 9);
    expect(results).to.deep.equal(['accepted', 'accepted', 'duplicate']);
  });

  it('sets aside what a sender sends beyond its share, and tells whose it is', () => {
    for (let i = 1; i <= 5; i++) intake.datagram(packetFor(`02:00:00:00:00:0${i}`), from('192.0.2.1'), 9);
    expect([results, aside]).to.deep.equal([Array<string>(5).fill('accepted'), ['192.0.2.1', '192.0.2.1']]);
  });

  it('sets aside what a sender sends while much of it waits, though it has not used up its share', () => {
    crowd = '192.0.2.1';
    intake.datagram(packetFor('02:00:00:00:00:01'), from('192.0.2.1'), 9);
    intake.datagram(packetFor('02:00:00:00:00:02'), from('192.0.2.2'), 9);
    expect([results, aside]).to.deep.equal([['accepted', 'accepted'], ['192.0.2.1']]);
  });

  it('limits one flooding sender when too much waits aside, and still hears another one, also for the same address', () => {
    asideTakes = false;
    for (let i = 1; i <= 5; i++) intake.datagram(packetFor(`02:00:00:00:00:0${i}`), from('192.0.2.1'), 9);
    intake.datagram(packetFor('02:00:00:00:00:05'), from('192.0.2.2'), 9);
    expect(results).to.deep.equal(['accepted', 'accepted', 'accepted', 'limited', 'limited', 'accepted']);
  });

  it('does not charge a sender for its repeats', () => {
    for (let i = 0; i < 10; i++) intake.datagram(packetFor('02:00:00:00:00:01'), from('192.0.2.1'), 9);
    intake.datagram(packetFor('02:00:00:00:00:02'), from('192.0.2.1'), 9);
    expect(results).to.deep.equal(['accepted', ...Array<string>(9).fill('duplicate'), 'accepted']);
  });

  it('tells IPv6 apart, leaves out the zone and writes an IPv4 address as one', () => {
    intake.datagram(packetFor('02:00:00:00:00:01'), { ...from('fe80::1%eth0'), family: 'IPv6' }, 9);
    intake.datagram(packetFor('02:00:00:00:00:02'), { ...from('::ffff:192.0.2.7'), family: 'IPv6' }, 9);
    expect(delivered.map(({ sourceIp, transport }) => [sourceIp, transport])).to.deep.equal([
      ['fe80::1', Transport.TRANSPORT_UDP6],
      ['192.0.2.7', Transport.TRANSPORT_UDP6],
    ]);
    expect([...transports]).to.deep.equal(['udp6']);
  });

  it('makes an event of a frame: no IP source, no port, the size without padding', () => {
    const payload = Buffer.concat([Buffer.alloc(3), packetFor('02:00:00:00:00:01'), Buffer.from('secret')]);
    intake.frame({ payload, source: '02:ff:00:00:00:01', vlanId: 7, interfaceName: 'eth1' });

    expect([...transports, ...results]).to.deep.equal(['ethernet', 'accepted']);
    expect(delivered[0]).to.deep.include({
      macAddress: '02:00:00:00:00:01',
      sourceIp: '255.255.255.255',
      sourcePort: 0,
      destPort: 0,
      packetSize: 108,
      transport: Transport.TRANSPORT_ETHERNET,
      vlanId: 7,
      interface: 'eth1',
    });
    expect(Buffer.from(delivered[0]?.secureOn ?? []).toString()).to.equal('secret');
  });

  it('reports a packet of each sender, whoever was first, and copies from one sender once', () => {
    for (const address of ['192.0.2.66', '192.0.2.1', '192.0.2.1', '::ffff:192.0.2.1', '192.0.2.66'])
      intake.datagram(packetFor('02:00:00:00:00:01'), from(address), 9);
    expect(results).to.deep.equal(['accepted', 'accepted', 'duplicate', 'duplicate', 'duplicate']);
    expect(delivered.map(({ sourceIp }) => sourceIp)).to.deep.equal(['192.0.2.66', '192.0.2.1']);
  });

  it('reports the frame and the datagram of one wake, as only one of them may be allowed, and each once per password', () => {
    const frame = { source: '02:ff:00:00:00:01', vlanId: 0, interfaceName: 'eth1' };
    const withPassword = Buffer.concat([packetFor('02:00:00:00:00:01'), Buffer.from('1234')]);
    intake.frame({ ...frame, payload: packetFor('02:00:00:00:00:01') });
    intake.datagram(packetFor('02:00:00:00:00:01'), from('192.0.2.1'), 9);
    intake.datagram(withPassword, from('192.0.2.1'), 9);
    intake.frame({ ...frame, payload: withPassword });
    intake.frame({ ...frame, payload: withPassword });
    expect(results).to.deep.equal(['accepted', 'accepted', 'accepted', 'accepted', 'duplicate']);
  });

  it('counts what each network card sends by Ethernet against a share of its own', () => {
    const frame = (i: number, source: string): void =>
      intake.frame({ payload: packetFor(`02:00:00:00:00:0${i}`), source, vlanId: 0, interfaceName: 'eth1' });
    for (let i = 1; i <= 4; i++) frame(i, '02:ff:00:00:00:01');
    frame(5, '02:ff:00:00:00:02');
    expect(aside).to.deep.equal(['02:ff:00:00:00:01']);
  });

  for (const mac of ['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01']) {
    it(`drops the unusable address ${mac}`, () => {
      intake.datagram(packetFor(mac), from('192.0.2.1'), 9);
      expect([results, delivered]).to.deep.equal([['unusable'], []]);
    });
  }
});
