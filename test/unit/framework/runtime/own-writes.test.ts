import { expect } from 'chai';
import { OwnWrites } from '../../../../src/framework/runtime/own-writes';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';

describe('the memory of own writes', () => {
  it('knows which handler wrote which version of which object', () => {
    const writes = new OwnWrites(new FakeClock());
    writes.remember('widgets', 'n/w', '7', 'A.a');

    expect(writes.wasWrittenBy('widgets', 'n/w', '7', 'A.a')).to.equal(true);
    expect(writes.wasWrittenBy('widgets', 'n/w', '7', 'B.b')).to.equal(false);
    expect(writes.wasWrittenBy('widgets', 'n/w', '8', 'A.a')).to.equal(false);
    expect(writes.wasWrittenBy('widgets', 'n/x', '7', 'A.a')).to.equal(false);
    expect(writes.wasWrittenBy('gadgets', 'n/w', '7', 'A.a')).to.equal(false);
    expect(writes.wasWrittenBy('widgets', 'n/w', undefined, 'A.a')).to.equal(false);
  });

  it('lets several handlers share one write', () => {
    const writes = new OwnWrites(new FakeClock());
    for (const handler of ['A.a', 'B.b']) writes.remember('widgets', 'n/w', '7', handler);

    expect(['A.a', 'B.b', 'C.c'].map((handler) => writes.wasWrittenBy('widgets', 'n/w', '7', handler))).to.deep.equal([true, true, false]);
  });

  it('keeps the last sixteen versions of an object, whatever the number of handlers that share them', () => {
    const writes = new OwnWrites(new FakeClock());
    for (let version = 1; version <= 17; version++) {
      for (const handler of ['A.a', 'B.b', 'C.c']) writes.remember('widgets', 'n/w', String(version), handler);
    }

    expect(writes.wasWrittenBy('widgets', 'n/w', '1', 'A.a')).to.equal(false);
    expect(writes.wasWrittenBy('widgets', 'n/w', '2', 'A.a')).to.equal(true);
    expect(writes.wasWrittenBy('widgets', 'n/w', '17', 'C.c')).to.equal(true);
  });

  it('forgets a write after five minutes, also when the object is written again and again', async () => {
    const clock = new FakeClock();
    const writes = new OwnWrites(clock);
    writes.remember('widgets', 'n/w', '1', 'A.a');
    await clock.advance(300_000);
    expect(writes.wasWrittenBy('widgets', 'n/w', '1', 'A.a')).to.equal(true);

    writes.remember('widgets', 'n/w', '2', 'A.a');
    await clock.advance(1);
    expect(writes.wasWrittenBy('widgets', 'n/w', '1', 'A.a')).to.equal(false);
    expect(writes.wasWrittenBy('widgets', 'n/w', '2', 'A.a')).to.equal(true);
  });

  it('does not grow with the number of objects ever written', async () => {
    const clock = new FakeClock();
    const writes = new OwnWrites(clock);
    for (let object = 0; object < 1_000; object++) writes.remember('widgets', `n/${object}`, '1', 'A.a');
    await clock.advance(600_000);
    writes.remember('widgets', 'n/last', '1', 'A.a');
    const { writes: kept } = writes as unknown as { writes: ReadonlyMap<string, unknown> };

    expect(kept.size).to.equal(1);
  });
});
