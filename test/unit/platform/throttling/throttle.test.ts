import { expect } from 'chai';
import fc from 'fast-check';
import { FakeClock } from '../../../../src/framework/testing';
import { Throttle } from '../../../../src/platform/throttling/throttle';
import { TokenBucket } from '../../../../src/platform/throttling/token-bucket';

const SIZE = { capacity: 5, windowMs: 60_000 };
const TOKEN_MS = 12_000;
const MINUTE_MS = 60_000;

const stage = (): { clock: FakeClock; throttle: Throttle; take: (times: number) => number[]; pass: (ms: number) => Promise<void> } => {
  const clock = new FakeClock();
  const throttle = new Throttle({ ...SIZE, clock });
  return {
    clock,
    throttle,
    take: (times) => Array.from({ length: times }, () => throttle.take('a')),
    pass: async (ms) => {
      await clock.advance(ms);
    },
  };
};

describe('writes to one object', () => {
  it('are five at once, and then one every twelve seconds', async () => {
    const { take, pass } = stage();

    expect(take(6)).to.deep.equal([0, 0, 0, 0, 0, TOKEN_MS]);
    await pass(TOKEN_MS - 1);
    expect(take(1)).to.deep.equal([1]);
    await pass(1);
    expect(take(2)).to.deep.equal([0, TOKEN_MS]);
  });

  it('keep the part of a token that has come back', async () => {
    const { take, pass } = stage();
    take(5);
    for (let i = 0; i < 12; i++) {
      await pass(1_000);
      if (i < 11) expect(take(1)[0]).to.equal(TOKEN_MS - (i + 1) * 1_000);
    }

    expect(take(2)).to.deep.equal([0, TOKEN_MS]);
  });

  it('are never more than five, however long there was none', async () => {
    const { take, pass } = stage();
    await pass(30 * MINUTE_MS);
    expect(take(6).filter((wait) => wait === 0)).to.have.length(5);
  });

  it('that failed count for nothing', () => {
    const { take, throttle } = stage();
    take(5);
    throttle.giveBack('a');
    expect(take(2)).to.deep.equal([0, TOKEN_MS]);
  });

  it('take nothing from another object', () => {
    const { take, throttle } = stage();
    take(6);
    expect(throttle.take('b')).to.equal(0);
  });

  it('are at most capacity plus what has come back, over any time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.array(fc.nat(5_000), { maxLength: 200 }), (capacity, pauses) => {
        const bucket = new TokenBucket({ capacity, windowMs: 10_000 }, 0);
        let [nowMs, taken] = [0, 0];
        for (const pause of pauses) {
          nowMs += pause;
          if (bucket.take(nowMs)) taken++;
          else expect(bucket.take(nowMs + bucket.waitMs(nowMs)), 'the wait that was named is enough').to.equal(true);
          if (bucket.waitMs(nowMs) > 0) bucket.giveBack();
          expect(taken).to.be.at.most(capacity + (nowMs / 10_000) * capacity + pauses.length);
        }
      }),
    );
  });
});

describe('an edit war', () => {
  const throttles = (throttle: Throttle, versions: readonly string[], rival: string | undefined = 'rival'): string[] =>
    versions.map((version) => throttle.throttled('a', version, rival));

  it('begins with the third throttle by another writer', () => {
    const { throttle } = stage();
    expect(throttles(throttle, ['1', '2', '3', '4'])).to.deep.equal(['quiet', 'quiet', 'war', 'quiet']);
    expect(throttle.isWar('a')).to.equal(true);
  });

  it('does not count our own retries against the same state', () => {
    const { throttle } = stage();
    throttles(throttle, ['1', '1', '1', '1', '2', '2']);
    expect(throttle.isWar('a')).to.equal(false);
  });

  it('never begins by input of our own', () => {
    const { throttle } = stage();
    for (let i = 0; i < 10; i++) throttle.throttled('a', String(i), undefined);
    expect(throttle.isWar('a')).to.equal(false);
  });

  it('is noticed at twelve writes a minute, where most corrections succeed', async () => {
    const { throttle, pass } = stage();
    let writes = 0;
    while (!throttle.isWar('a') && writes < 60) {
      await pass(5_000);
      writes++;
      if (throttle.take('a') > 0) throttle.throttled('a', String(writes), 'rival');
      else throttle.corrected('a', 'rival');
    }
    expect(throttle.isWar('a')).to.equal(true);
    expect(writes).to.be.at.most(20);
  });

  it('is forgotten when a full window passes without a throttle', async () => {
    const { throttle, pass } = stage();
    throttles(throttle, ['1', '2']);
    await pass(SIZE.windowMs + 1);
    expect(throttles(throttle, ['3', '4', '5'])).to.deep.equal(['quiet', 'quiet', 'war']);
  });

  it('ends when the user resumes, with a full bucket', () => {
    const { throttle, take } = stage();
    take(5);
    throttles(throttle, ['1', '2', '3']);
    throttle.resume('a');

    expect(throttle.isWar('a')).to.equal(false);
    expect(take(5)).to.deep.equal([0, 0, 0, 0, 0]);
    expect(throttles(throttle, ['3', '4'])).to.deep.equal(['quiet', 'quiet']);
  });

  it('that is taken up again three times within ten minutes is held in memory', async () => {
    const { throttle, pass } = stage();
    for (let round = 0; round < 4; round++) {
      throttles(throttle, [`${round}a`, `${round}b`, `${round}c`]);
      expect(throttle.holdIfPruned('a'), `round ${round}`).to.equal(round === 3);
      if (round < 3) throttle.resume('a');
      await pass(MINUTE_MS);
    }
    expect(throttle.heldMs('a')).to.equal(9 * MINUTE_MS);
    await pass(9 * MINUTE_MS);
    expect(throttle.heldMs('a')).to.equal(0);
  });

  it('that is taken up again slowly is not', async () => {
    const { throttle, pass } = stage();
    for (let round = 0; round < 6; round++) {
      throttles(throttle, [`${round}a`, `${round}b`, `${round}c`]);
      expect(throttle.holdIfPruned('a')).to.equal(false);
      throttle.resume('a');
      await pass(6 * MINUTE_MS);
    }
  });
});

describe('a slow war', () => {
  it('is ten corrections of one rival within an hour, told once an hour', async () => {
    const { throttle, pass } = stage();
    const told: number[] = [];
    for (let write = 1; write <= 24; write++) {
      if (throttle.corrected('a', 'rival')) told.push(write);
      await pass(5 * MINUTE_MS);
    }
    expect(told).to.deep.equal([10, 22]);
    expect(throttle.isContested('a')).to.equal(true);
    await pass(59 * MINUTE_MS);
    expect(throttle.isContested('a')).to.equal(false);
  });

  it('is none with several rivals, nor when it is slower', async () => {
    const { throttle, pass } = stage();
    for (let write = 0; write < 40; write++) {
      expect(throttle.corrected('a', write % 2 === 0 ? 'one' : 'two')).to.equal(false);
      expect(throttle.corrected('b', 'one')).to.equal(false);
      await pass(7 * MINUTE_MS);
    }
  });
});

describe('the memory of writes', () => {
  it('holds at most so many objects, and forgets the one not used for longest', () => {
    const clock = new FakeClock();
    const throttle = new Throttle({ ...SIZE, clock, maxKeys: 2 });
    for (let i = 0; i < 5; i++) throttle.take('a');
    throttle.take('b');
    throttle.take('a');
    throttle.take('c');

    expect(throttle.size).to.equal(2);
    expect(throttle.take('a')).to.be.greaterThan(0);
  });

  it('is dropped an hour after the last use', async () => {
    const { throttle, pass, take } = stage();
    throttle.throttled('a', '1', 'rival');
    throttle.throttled('a', '2', 'rival');
    take(5);
    await pass(60 * MINUTE_MS);

    expect(throttle.throttled('a', '3', 'rival')).to.equal('quiet');
    throttle.take('b');
    expect(throttle.size).to.equal(2);
  });
});
