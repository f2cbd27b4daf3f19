import { expect } from 'chai';
import fc from 'fast-check';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { DeliveryQueue, type Queued } from '../../../../src/wol/agent/delivery-queue';

describe('delivery queue', () => {
  let clock: FakeClock;
  let expired: number;

  beforeEach(() => {
    clock = new FakeClock();
    expired = 0;
  });

  const aQueue = (capacity: number): DeliveryQueue<number> => new DeliveryQueue<number>({ capacity, onExpired: () => expired++ }, clock);
  const taken = (queue: DeliveryQueue<number>): Queued<number> => queue.take() as Queued<number>;

  it('gives the oldest first', () => {
    const queue = aQueue(10);
    for (const event of [1, 2, 3]) queue.offer(event);
    expect([taken(queue).event, taken(queue).event, taken(queue).event, queue.take()]).to.deep.equal([1, 2, 3, undefined]);
  });

  it('refuses an event when it is full, and takes one again after another is done', () => {
    const queue = aQueue(2);
    expect([queue.offer(1), queue.offer(2), queue.offer(3)]).to.deep.equal([true, true, false]);
    queue.take();
    expect(queue.offer(3)).to.equal(false);
    queue.done();
    expect(queue.offer(3)).to.equal(true);
  });

  it('full of the events of many senders, makes room for one that has fewer, at the cost of the newest of those that have most', () => {
    const displaced: [number, string][] = [];
    const queue = new DeliveryQueue<number>({ capacity: 6, onDisplaced: (event, source) => displaced.push([event, source]) }, clock);
    for (const [event, source] of [
      [1, 'a'],
      [2, 'b'],
      [3, 'b'],
      [4, 'c'],
      [5, 'b'],
      [6, 'c'],
    ] as const)
      queue.offer(event, source);

    expect([queue.makeRoomFor('d'), queue.offer(7, 'd')]).to.deep.equal([true, true]);
    expect([queue.makeRoomFor('e'), queue.offer(8, 'e')]).to.deep.equal([true, true]);
    expect(new Map(displaced.map(([event, source]) => [source, event]))).to.deep.equal(
      new Map([
        ['b', 5],
        ['c', 6],
      ]),
    );
    expect([queue.makeRoomFor('a'), queue.makeRoomFor('b'), queue.size]).to.deep.equal([false, false, 6]);
    expect([1, 2, 3, 4, 5, 6].map(() => taken(queue).event)).to.deep.equal([1, 2, 3, 4, 7, 8]);
    expect([queue.take(), queue.isCrowdedBy('b')]).to.deep.equal([undefined, false]);
  });

  it('hears a sender with one event through a flood of thousands, which gets what is left', () => {
    const queue = new DeliveryQueue<number>({ capacity: 4_096 }, clock);
    const offer = (event: number, source: string): boolean => queue.makeRoomFor(source) && queue.offer(event, source);
    for (let i = 0; i < 40_000; i++) offer(i, `forged ${i % 600}`);
    expect(offer(-1, 'honest')).to.equal(true);
    for (let i = 0; i < 40_000; i++) offer(i, `forged ${i % 600}`);
    expect(queue.size).to.equal(4_096);
    expect(Array.from({ length: 4_096 }, () => taken(queue).event)).to.include(-1);
  });

  it('puts what was given back in its old place, whatever the order of giving back', () => {
    const queue = aQueue(10);
    for (const event of [1, 2, 3, 4]) queue.offer(event);
    const [first, second, third] = [taken(queue), taken(queue), taken(queue)];
    queue.giveBack(second);
    queue.giveBack(third);
    queue.giveBack(first);

    expect([1, 2, 3, 4].map(() => taken(queue).event)).to.deep.equal([1, 2, 3, 4]);
  });

  it('gives an event that is exactly 60 s old and drops an older one', async () => {
    const queue = aQueue(10);
    queue.offer(1);
    await clock.advance(60_000);
    const first = taken(queue);
    queue.giveBack(first);
    await clock.advance(1);

    expect(first.event).to.equal(1);
    expect(queue.take()).to.equal(undefined);
    expect([expired, queue.size]).to.deep.equal([1, 0]);
  });

  it('makes room from old events when nobody takes any', async () => {
    const queue = aQueue(2);
    queue.offer(1);
    queue.offer(2);
    await clock.advance(60_001);
    expect(queue.offer(3)).to.equal(true);
    expect([expired, queue.size]).to.deep.equal([2, 1]);
  });

  it('behaves like a sorted list under every sequence of operations', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('offer', 'take', 'done', 'giveBack'), { maxLength: 200 }), (operations) => {
        const queue = aQueue(8);
        let model: number[] = [];
        const out: Queued<number>[] = [];
        let next = 0;
        for (const operation of operations) {
          if (operation === 'offer') {
            const accepted = queue.offer(next);
            expect(accepted).to.equal(model.length + out.length < 8);
            if (accepted) model.push(next);
            next++;
          } else if (operation === 'take') {
            const item = queue.take();
            expect(item?.event).to.equal(model.shift());
            if (item !== undefined) out.push(item);
          } else if (out.length > 0) {
            const item = out.pop() as Queued<number>;
            if (operation === 'done') queue.done();
            else {
              queue.giveBack(item);
              model = [...model, item.event].sort((a, b) => a - b);
            }
          }
          expect(queue.size).to.equal(model.length + out.length);
        }
      }),
    );
  });
});
