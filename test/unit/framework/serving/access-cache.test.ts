import { inspect } from 'node:util';
import { expect } from 'chai';
import { AccessCache } from '../../../../src/framework/serving/access/access-cache';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';

describe('access cache', () => {
  it('never holds more entries than allowed, by default 256', () => {
    const cache = new AccessCache(new FakeClock());
    for (let i = 0; i < 1_000; i++) cache.put(cache.keyOf(`token-${i}`), i % 2 === 0 ? 'allowed' : 'forbidden');
    expect(cache.size).to.equal(256);
  });

  it('lets the oldest go when all are allowed', () => {
    const cache = new AccessCache(new FakeClock(), { maxEntries: 2 });
    for (const key of ['a', 'b', 'c']) cache.put(key, 'allowed');
    expect(['a', 'b', 'c'].map((key) => cache.get(key))).to.deep.equal([undefined, 'allowed', 'allowed']);
  });

  it('lets what is over go first', async () => {
    const clock = new FakeClock();
    const cache = new AccessCache(clock, { maxEntries: 2, ttlMs: 1_000 });
    cache.put('old', 'allowed');
    await clock.advance(1_000);
    cache.put('refused', 'forbidden');
    cache.put('new', 'allowed');
    expect(['old', 'refused', 'new'].map((key) => cache.get(key))).to.deep.equal([undefined, 'forbidden', 'allowed']);
  });

  it('holds no token, and its keys mean nothing to another process', () => {
    const [one, other] = [new AccessCache(new FakeClock()), new AccessCache(new FakeClock())];
    one.put(one.keyOf('very-secret-token'), 'allowed');

    expect(inspect(one, { depth: 9, showHidden: true })).not.to.contain('very-secret-token');
    expect(one.keyOf('t')).to.equal(one.keyOf('t'));
    expect(one.keyOf('t')).not.to.equal(other.keyOf('t'));
  });
});
