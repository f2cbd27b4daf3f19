import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { DeliveryQueue } from '../../../../src/wol/agent/delivery-queue';
import { WaitingAside } from '../../../../src/wol/agent/waiting-aside';
import { BURST_OVER_MS } from '../../../../src/wol/protocol/limits';

describe('events waiting aside', () => {
  it('are taken in turns, those of each sender oldest first', () => {
    const aside = new WaitingAside<string>();
    for (const item of ['a1', 'a2', 'a3']) aside.add('a', item);
    for (const item of ['b1', 'b2']) aside.add('b', item);
    expect(Array.from({ length: 6 }, () => aside.take())).to.deep.equal(['a1', 'b1', 'a2', 'b2', 'a3', undefined]);
    expect(aside.size).to.equal(0);
  });

  it('are at most so many of one sender and so many of all', () => {
    const aside = new WaitingAside<number>({ max: 5, maxPerSource: 3 });
    const kept = ['a', 'a', 'a', 'a', 'b', 'b', 'c'].map((source, n) => aside.add(source, n));
    expect(kept).to.deep.equal([true, true, true, false, true, true, false]);
    expect(aside.size).to.equal(5);
    aside.take();
    expect(aside.add('a', 7)).to.equal(true);
  });

  it('keep their order through many rounds of adding and taking', () => {
    const aside = new WaitingAside<number>();
    const taken: (number | undefined)[] = [];
    for (let n = 0; n < 1_000; n++) {
      aside.add('a', n);
      if (n % 3 !== 0) taken.push(aside.take());
    }
    while (aside.size > 0) taken.push(aside.take());
    expect(taken).to.deep.equal(Array.from({ length: 1_000 }, (_, n) => n));
  });
});

describe('delivery queue with a sender over its share', () => {
  let clock: FakeClock;
  let expired: number;
  let queue: DeliveryQueue<string>;

  beforeEach(() => {
    clock = new FakeClock();
    expired = 0;
    queue = new DeliveryQueue({ capacity: 3, lifetimeMs: 60_000, onExpired: () => expired++ }, clock);
  });

  const takeAll = (): string[] => {
    const taken: string[] = [];
    for (let item = queue.take(); item !== undefined; item = queue.take()) taken.push(item.event);
    return taken;
  };

  it('takes every event of another sender before it, and then its own', async () => {
    queue.offerAside('flood 1', 'x');
    queue.offerAside('flood 2', 'x');
    queue.offer('wake 1');
    queue.offer('wake 2');
    expect(queue.size).to.equal(4);
    await clock.advance(BURST_OVER_MS);
    expect(takeAll()).to.deep.equal(['wake 1', 'wake 2', 'flood 1', 'flood 2']);
  });

  it('takes its events at the pace of one share while more come, and all once none came for a moment', async () => {
    let taken = 0;
    for (let ms = 0; ms < 1_000; ms++) {
      queue.offerAside(`flood ${ms}`, 'x');
      if (queue.take() !== undefined) {
        taken++;
        queue.done();
      }
      await clock.advance(1);
    }
    expect(taken).to.equal(500);

    await clock.advance(BURST_OVER_MS);
    expect(takeAll()).to.have.length(500);
  });

  it('calls a sender crowded while 64 of its events wait in line, or one aside', () => {
    const long = new DeliveryQueue<string>({ capacity: 1_000 }, clock);
    for (let i = 0; i < 64; i++) {
      expect(long.isCrowdedBy('x')).to.equal(false);
      long.offer(`wake ${i}`, 'x');
    }
    expect([long.isCrowdedBy('x'), long.isCrowdedBy('y')]).to.deep.equal([true, false]);
    long.take();
    expect(long.isCrowdedBy('x')).to.equal(false);
    long.offerAside('wake', 'x');
    expect(long.isCrowdedBy('x')).to.equal(true);
  });

  it('leaves the capacity to the others', () => {
    for (let i = 0; i < 1_000; i++) queue.offerAside(`flood ${i}`, 'x');
    expect(['a', 'b', 'c', 'd'].map((event) => queue.offer(event))).to.deep.equal([true, true, true, false]);
  });

  it('takes nothing more in while it is full of events of others', () => {
    for (const event of ['a', 'b', 'c']) queue.offer(event);
    expect(queue.offerAside('flood', 'x')).to.equal(false);
    queue.take();
    expect(queue.offerAside('flood', 'x')).to.equal(false);
    queue.done();
    expect(queue.offerAside('flood', 'x')).to.equal(true);
  });

  it('never takes what waited aside for too long, and counts it', async () => {
    queue.offerAside('old 1', 'x');
    queue.offerAside('old 2', 'x');
    await clock.advance(60_001);
    queue.offerAside('new', 'x');
    await clock.advance(BURST_OVER_MS);
    expect(takeAll()).to.deep.equal(['new']);
    expect(expired).to.equal(2);
  });

  it('forgets what waited aside for too long also when nothing is taken', async () => {
    for (let i = 0; i < 100; i++) queue.offerAside(`old ${i}`, 'x');
    await clock.advance(60_001);
    queue.dropExpired();
    expect([queue.size, expired]).to.deep.equal([0, 100]);
  });

  it('puts an event from aside that was given back before those that still wait there', async () => {
    queue.offerAside('first', 'x');
    queue.offerAside('second', 'x');
    await clock.advance(BURST_OVER_MS);
    queue.giveBack(queue.take()!);
    expect(takeAll()).to.deep.equal(['first', 'second']);
  });
});
