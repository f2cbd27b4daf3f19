import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { DuplicateFilter, type PacketIdentity } from '../../../../src/wol/agent/duplicate-filter';

const MAC = '02:00:00:00:00:01';
const aPacket = (fields: Partial<PacketIdentity> = {}): PacketIdentity => ({
  mac: MAC,
  sender: '192.0.2.1',
  port: 9,
  password: undefined,
  ...fields,
});
const password = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

describe('duplicate filter', () => {
  let clock: FakeClock;
  let filter: DuplicateFilter;
  let evictions: number;

  beforeEach(() => {
    clock = new FakeClock();
    evictions = 0;
    filter = new DuplicateFilter({ windowMs: 2_000, maxWindows: 3, onEvicted: () => evictions++ }, clock);
  });

  /** What the agent does with a packet whose delivery succeeds. */
  const passes = (packet: PacketIdentity): boolean => {
    if (filter.isDuplicate(packet)) return false;
    filter.remember(packet);
    return true;
  };

  it('drops a repeat one millisecond before the window ends and passes it when it has ended', async () => {
    expect(passes(aPacket())).to.equal(true);
    await clock.advance(1_999);
    expect(passes(aPacket())).to.equal(false);
    await clock.advance(1);
    expect(passes(aPacket())).to.equal(true);
  });

  it('does not let repeats extend the window', async () => {
    passes(aPacket());
    await clock.advance(1_500);
    passes(aPacket());
    await clock.advance(500);
    expect(passes(aPacket())).to.equal(true);
  });

  it('does not let another port extend the window', async () => {
    passes(aPacket());
    await clock.advance(1_500);
    expect(passes(aPacket({ port: 7 }))).to.equal(true);
    await clock.advance(500);
    expect(passes(aPacket())).to.equal(true);
  });

  it('starts no window for a packet that was not accepted', () => {
    expect(filter.isDuplicate(aPacket())).to.equal(false);
    expect(filter.isDuplicate(aPacket())).to.equal(false);
    expect(filter.size).to.equal(0);
  });

  it('passes each port once', () => {
    expect([7, 9, 7, 9].map((port) => passes(aPacket({ port })))).to.deep.equal([true, true, false, false]);
  });

  it('passes the right password after a wrong one', () => {
    expect(passes(aPacket({ password: password(0, 0, 0, 0, 0, 0) }))).to.equal(true);
    expect(passes(aPacket({ password: password(1, 2, 3, 4, 5, 6) }))).to.equal(true);
    expect(passes(aPacket())).to.equal(true);
    expect(passes(aPacket({ password: password(1, 2, 3, 4, 5, 6) }))).to.equal(false);
  });

  it('tells four zero bytes from six zero bytes and from no password', () => {
    expect(passes(aPacket({ password: password(0, 0, 0, 0) }))).to.equal(true);
    expect(passes(aPacket({ password: password(0, 0, 0, 0, 0, 0) }))).to.equal(true);
    expect(passes(aPacket())).to.equal(true);
  });

  it('passes the packet of each sender once, so that a sender who is refused mutes nobody', () => {
    const senders = ['192.0.2.1', '192.0.2.2', '192.0.2.1', '192.0.2.2', '02:ff:00:00:00:01', '02:ff:00:00:00:01'];
    expect(senders.map((sender) => passes(aPacket({ sender })))).to.deep.equal([true, true, false, false, true, false]);
  });

  it('passes the right password of one sender after any number of wrong ones of another', () => {
    for (let i = 0; i < 100; i++) passes(aPacket({ sender: '192.0.2.66', password: password(0, 0, 0, i) }));
    expect(passes(aPacket({ password: password(1, 2, 3, 4) }))).to.equal(true);
  });

  it('passes eight different pairs of a sender for an address and no more until its window ends', async () => {
    const ports = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    expect(ports.map((port) => passes(aPacket({ port })))).to.deep.equal([...Array<boolean>(8).fill(true), false]);
    await clock.advance(2_000);
    expect(passes(aPacket({ port: 9 }))).to.equal(true);
  });

  it('keeps addresses apart', () => {
    expect(passes(aPacket())).to.equal(true);
    expect(passes(aPacket({ mac: '02:00:00:00:00:02' }))).to.equal(true);
  });

  it('counts each sender for an address against what it may remember', () => {
    for (let i = 1; i <= 5; i++) passes(aPacket({ sender: `192.0.2.${i}` }));
    expect([filter.size, evictions]).to.deep.equal([3, 2]);
  });

  it('forgets the oldest address when it is full, and counts that', () => {
    for (const last of ['01', '02', '03', '04']) passes(aPacket({ mac: `02:00:00:00:00:${last}` }));

    expect(filter.size).to.equal(3);
    expect(evictions).to.equal(1);
    expect(filter.isDuplicate(aPacket())).to.equal(false);
    expect(filter.isDuplicate(aPacket({ mac: '02:00:00:00:00:02' }))).to.equal(true);
  });

  it('makes room from windows that have ended without calling that an eviction', async () => {
    for (const last of ['01', '02', '03']) passes(aPacket({ mac: `02:00:00:00:00:${last}` }));
    await clock.advance(2_000);
    passes(aPacket({ mac: '02:00:00:00:00:04' }));

    expect(filter.size).to.equal(1);
    expect(evictions).to.equal(0);
  });

  it('holds nothing once the windows have passed', async () => {
    passes(aPacket());
    await clock.advance(2_000);
    expect(filter.size).to.equal(0);
  });

  it('is not disturbed by a change of the wall clock', () => {
    passes(aPacket());
    clock.jumpWallClock(3_600_000);
    expect(passes(aPacket())).to.equal(false);
  });

  it('with a window of zero passes everything and remembers nothing', () => {
    filter = new DuplicateFilter({ windowMs: 0 }, clock);
    expect([passes(aPacket()), passes(aPacket())]).to.deep.equal([true, true]);
    expect(filter.size).to.equal(0);
  });
});
