import { expect } from 'chai';
import fc from 'fast-check';
import { KeyedQueue, type RunSlot } from '../../../../src/framework/queue/keyed-queue';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { SystemClock } from '../../../../src/framework/time/clock';

/** A queue whose runs end when the test says so. */
function aQueue({ workers = 4 }: { workers?: number } = {}) {
  const clock = new FakeClock();
  const started: string[] = [];
  const open = new Map<string, { finish: () => void; slot: RunSlot }>();
  const bugs: unknown[] = [];
  const queue = new KeyedQueue({
    name: 'test',
    workers,
    clock,
    run: (key, slot) => {
      started.push(key);
      if (open.has(key)) throw new Error(`${key} runs twice at once`);
      return new Promise<void>((resolve) => open.set(key, { slot, finish: resolve })).then(() => void open.delete(key));
    },
    onBug: (_key, error) => bugs.push(error),
  });
  const finish = async (key: string): Promise<void> => {
    open.get(key)!.finish();
    await clock.advance(0);
  };
  return { clock, queue, started, open, finish, bugs };
}

describe('keyed queue', () => {
  it('runs nothing before it is started, and everything added by then afterwards', async () => {
    const { queue, clock, started } = aQueue();
    queue.add('a', 'high');
    await clock.advance(0);
    expect(started).to.deep.equal([]);

    queue.start();
    await clock.advance(0);
    expect(started).to.deep.equal(['a']);
  });

  it('folds adds for a waiting key into one run', async () => {
    const { queue, clock, started, finish } = aQueue({ workers: 1 });
    queue.start();
    queue.add('a', 'high');
    await clock.advance(0);
    for (let i = 0; i < 5; i++) queue.add('b', 'high');

    await finish('a');
    await finish('b');
    expect(started).to.deep.equal(['a', 'b']);
  });

  it('runs a key once more when it was added while it ran, however often', async () => {
    const { queue, clock, started, finish } = aQueue();
    queue.start();
    queue.add('a', 'high');
    await clock.advance(0);
    for (let i = 0; i < 3; i++) queue.add('a', 'high');
    expect(started).to.deep.equal(['a']);

    await finish('a');
    await finish('a');
    expect(started).to.deep.equal(['a', 'a']);
  });

  it('never uses more workers than it has', async () => {
    const { queue, clock, open, finish } = aQueue({ workers: 2 });
    queue.start();
    for (const key of ['a', 'b', 'c']) queue.add(key, 'high');
    await clock.advance(0);
    expect([...open.keys()]).to.deep.equal(['a', 'b']);

    await finish('b');
    expect([...open.keys()]).to.deep.equal(['a', 'c']);
  });

  it('lets a high key pass low ones, and one pick in eight still comes from the low lane', async () => {
    const { queue, clock, started, finish } = aQueue({ workers: 1 });
    for (let i = 0; i < 3; i++) queue.add(`low-${i}`, 'low');
    for (let i = 0; i < 16; i++) queue.add(`high-${i}`, 'high');
    queue.start();
    await clock.advance(0);
    for (let i = 0; i < 18; i++) await finish(started[started.length - 1]!);

    expect(started.slice(0, 7).every((key) => key.startsWith('high'))).to.equal(true);
    expect(started[7]).to.equal('low-0');
    expect(started[15]).to.equal('low-1');
    expect(started).to.have.length(19);
  });

  it('moves a key from the low to the high lane when a high reason comes', async () => {
    const { queue, clock, started, finish } = aQueue({ workers: 1 });
    for (const key of ['a', 'b', 'c']) queue.add(key, 'low');
    queue.add('c', 'high');
    queue.start();
    await clock.advance(0);
    await finish('c');

    expect(started).to.deep.equal(['c', 'a']);
  });

  it('holds a delayed key until it is due, and the earliest of several due times wins', async () => {
    const { queue, clock, started } = aQueue();
    queue.start();
    queue.add('a', 'high', 5_000);
    queue.add('a', 'high', 2_000);
    queue.add('a', 'high', 9_000);

    await clock.advance(1_999);
    expect(started).to.deep.equal([]);
    await clock.advance(1);
    expect(started).to.deep.equal(['a']);
    await clock.advance(20_000);
    expect(started).to.deep.equal(['a']);
  });

  it('runs a delayed key at once when it is added without delay, and only once', async () => {
    const { queue, clock, started, finish } = aQueue();
    queue.start();
    queue.add('a', 'high', 5_000);
    queue.add('a', 'high');
    await clock.advance(0);
    await finish('a');
    await clock.advance(10_000);

    expect(started).to.deep.equal(['a']);
  });

  it('keeps the delay of an add that came while the key ran', async () => {
    const { queue, clock, started, finish } = aQueue();
    queue.start();
    queue.add('a', 'high');
    await clock.advance(0);
    queue.add('a', 'high', 3_000);
    await finish('a');
    expect(started).to.have.length(1);

    await clock.advance(3_000);
    expect(started).to.have.length(2);
  });

  it('forgets a waiting key, and does not repeat a running one that was forgotten', async () => {
    const { queue, clock, started, finish } = aQueue({ workers: 1 });
    queue.start();
    queue.add('a', 'high');
    await clock.advance(0);
    queue.add('a', 'high');
    queue.add('b', 'high');
    queue.add('c', 'high', 1_000);
    for (const key of ['a', 'b', 'c']) queue.forget(key);

    await finish('a');
    await clock.advance(5_000);
    expect(started).to.deep.equal(['a']);
  });

  it('gives the worker of an abandoned run to others but keeps its key locked', async () => {
    const { queue, clock, started, open, finish } = aQueue({ workers: 1 });
    queue.start();
    queue.add('stuck', 'high');
    await clock.advance(0);
    queue.add('other', 'high');
    open.get('stuck')!.slot.abandon();
    await clock.advance(0);
    queue.add('stuck', 'high');
    await finish('other');

    expect(started).to.deep.equal(['stuck', 'other']);
    expect(queue.abandoned).to.equal(1);
    await finish('stuck');
    expect(started).to.deep.equal(['stuck', 'other', 'stuck']);
    expect(queue.abandoned).to.equal(0);
  });

  it('starts nothing new while paused and resumes with what waits', async () => {
    const { queue, clock, started } = aQueue();
    queue.start();
    queue.pause();
    queue.add('a', 'high');
    queue.add('b', 'high', 100);
    await clock.advance(1_000);
    expect(started).to.deep.equal([]);
    expect(clock.pendingTimers).to.equal(0);

    queue.start();
    await clock.advance(0);
    expect(started).to.deep.equal(['a', 'b']);
  });

  it('survives a run that rejects and reports it', async () => {
    const { queue, clock, bugs, finish } = aQueue();
    queue.start();
    queue.add('a', 'high');
    await clock.advance(0);
    const broken = new KeyedQueue({
      name: 'broken',
      clock,
      run: () => Promise.reject(new Error('bug')),
      onBug: (_key, error) => bugs.push(error),
    });
    broken.start();
    broken.add('b', 'high');
    await clock.advance(0);
    await finish('a');

    expect(bugs).to.have.length(1);
    expect(broken.isRunning('b')).to.equal(false);
  });

  it('refuses a number of workers that cannot work', () => {
    expect(() => aQueue({ workers: 0 })).to.throw(RangeError, 'workers is 0');
  });

  it('never runs a key beside itself and loses nothing, whatever is added, finished and paused in whatever order', async () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('add' as const),
        key: fc.integer({ min: 0, max: 4 }),
        delay: fc.constantFrom(0, 0, 50, 500),
        low: fc.boolean(),
      }),
      fc.record({ do: fc.constant('finish' as const), nth: fc.nat(4) }),
      fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(10, 100, 1_000) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), async (steps, workers) => {
        const { queue, clock, started, open, finish, bugs } = aQueue({ workers });
        const owed = new Set<string>();
        queue.start();
        let seen = 0;
        const noteStarts = (): void => {
          for (; seen < started.length; seen++) owed.delete(started[seen]!);
          expect(open.size).to.be.at.most(workers);
        };
        for (const action of steps) {
          if (action.do === 'add') {
            noteStarts();
            owed.add(`k${action.key}`);
            queue.add(`k${action.key}`, action.low ? 'low' : 'high', action.delay);
          } else if (action.do === 'advance') await clock.advance(action.ms);
          else if (open.size > 0) await finish([...open.keys()][action.nth % open.size]!);
          else await clock.advance(0);
          noteStarts();
        }
        for (let round = 0; round < 40 && (owed.size > 0 || open.size > 0); round++) {
          await clock.advance(1_000);
          for (const key of [...open.keys()]) await finish(key);
          noteStarts();
        }
        expect([...owed]).to.deep.equal([]);
        expect(bugs).to.deep.equal([]);
      }),
      { numRuns: 150 },
    );
  });

  it('refuses a delay that is no number, and goes on with the others', async () => {
    const { queue, clock, started } = aQueue();
    queue.start();
    expect(() => queue.add('a', 'high', Number.NaN)).to.throw(RangeError, 'delayMs of a is NaN; allowed: numbers');
    queue.add('b', 'high', 5);
    await clock.advance(5);

    expect(started).to.deep.equal(['b']);
  });

  it('gives the rest of the process a turn between runs, however quickly a key asks for the next', async () => {
    let runs = 0;
    let isOver = false;
    const queue: KeyedQueue = new KeyedQueue({
      name: 'test',
      clock: new SystemClock(),
      run: async (key) => {
        // A limit, so that a queue that never lets go fails this test instead of stopping it.
        if (++runs < 100_000 && !isOver) queue.add(key, 'high');
      },
    });
    queue.start();
    queue.add('a', 'high');
    await new Promise<void>((resolve) => setImmediate(resolve));
    isOver = true;

    expect(runs).to.be.below(100_000);
  });

  it('needs no time to pass for any number of keys', async () => {
    const { clock } = aQueue();
    let runs = 0;
    const queue = new KeyedQueue({ name: 'test', clock, run: async () => void runs++ });
    queue.start();
    for (let i = 0; i < 100; i++) queue.add(`key-${i}`, 'high');
    await clock.advance(0);

    expect(runs).to.equal(100);
    expect(clock.timersSet).to.equal(0);
  });
});
