import type { RemoteInfo } from 'node:dgram';
import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import type { ReportEvent } from '../../../../src/wol/agent/delivery';
import { DuplicateFilter } from '../../../../src/wol/agent/duplicate-filter';
import { PacketIntake } from '../../../../src/wol/agent/packet-intake';
import { PacketLog } from '../../../../src/wol/agent/packet-log';
import { SourceLimiter } from '../../../../src/wol/agent/source-limiter';
import { buildMagicPacket } from '../../../../src/wol/protocol/magic-packet';
import { RecordingLogger } from '../support/recording-logger';

const from = (address: string): RemoteInfo => ({ address, port: 40_000, family: 'IPv4', size: 102 });
const packetFor = (mac: string): Buffer => Buffer.from(buildMagicPacket(mac));

describe('packet intake', () => {
  let clock: FakeClock;
  let intake: PacketIntake;
  let delivered: ReportEvent[];
  let results: string[];
  let queueTakes: boolean;

  beforeEach(() => {
    clock = new FakeClock();
    delivered = [];
    results = [];
    queueTakes = true;
    intake = new PacketIntake({
      nodeName: 'node-a',
      configName: 'home',
      clock,
      duplicates: new DuplicateFilter({ windowMs: 2_000 }, clock),
      limiter: new SourceLimiter(clock, { burst: 3, perSecond: 1 }),
      deliver(event) {
        if (queueTakes) delivered.push(event);
        return queueTakes;
      },
      count: (result) => results.push(result),
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

  it('limits one flooding sender and still hears another one, also for the same address', () => {
    for (let i = 1; i <= 5; i++) intake.datagram(packetFor(`02:00:00:00:00:0${i}`), from('192.0.2.1'), 9);
    intake.datagram(packetFor('02:00:00:00:00:05'), from('192.0.2.2'), 9);
    expect(results).to.deep.equal(['accepted', 'accepted', 'accepted', 'limited', 'limited', 'accepted']);
  });

  it('does not charge a sender for its repeats', () => {
    for (let i = 0; i < 10; i++) intake.datagram(packetFor('02:00:00:00:00:01'), from('192.0.2.1'), 9);
    intake.datagram(packetFor('02:00:00:00:00:02'), from('192.0.2.1'), 9);
    expect(results).to.deep.equal(['accepted', ...Array<string>(9).fill('duplicate'), 'accepted']);
  });

  for (const mac of ['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01']) {
    it(`drops the unusable address ${mac}`, () => {
      intake.datagram(packetFor(mac), from('192.0.2.1'), 9);
      expect([results, delivered]).to.deep.equal([['unusable'], []]);
    });
  }
});
