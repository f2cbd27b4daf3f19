import { expect } from 'chai';
import { FakeClock } from '../../../src/framework/testing/fake-clock';
import { KeyedWorker } from '../../kubevirt/api/keyed-worker';

describe('the keyed worker of the KubeVirt stand-in', () => {
  it('runs a key again that was asked for while it ran, and never twice at once', async () => {
    const clock = new FakeClock();
    const finish: (() => void)[] = [];
    let active = 0;
    let most = 0;
    const worker = new KeyedWorker(clock, async () => {
      most = Math.max(most, ++active);
      await new Promise<void>((resolve) => finish.push(resolve));
      active--;
    });

    worker.add('a');
    worker.add('a');
    worker.add('a');
    finish.shift()?.();
    await clock.advance(0);
    finish.shift()?.();
    await clock.advance(0);

    expect([most, active, finish.length]).to.deep.equal([1, 0, 0]);
  });

  it('keeps to its limit of keys at a time and gets round to all of them', async () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    let active = 0;
    let most = 0;
    const run = async (key: string): Promise<void> => {
      most = Math.max(most, ++active);
      await Promise.resolve();
      seen.push(key);
      active--;
    };
    const worker = new KeyedWorker(clock, run, 2);

    for (const key of ['a', 'b', 'c', 'd']) worker.add(key);
    await clock.advance(0);

    expect(seen).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(most).to.equal(2);
  });

  it('lets the earlier of two delays of one key count', async () => {
    const clock = new FakeClock();
    const atMs: number[] = [];
    const worker = new KeyedWorker(clock, async () => void atMs.push(clock.monotonicMs()));

    worker.addAfter('a', 100);
    worker.addAfter('a', 500);
    worker.addAfter('a', 50);
    await clock.advance(1_000);

    expect(atMs).to.deep.equal([50]);
  });

  it('starts nothing after it was closed, and leaves no timer', async () => {
    const clock = new FakeClock();
    let runs = 0;
    const worker = new KeyedWorker(clock, async () => void runs++);
    worker.addAfter('a', 10);

    await worker.close();
    worker.add('b');
    await clock.advance(100);

    expect([runs, clock.pendingTimers]).to.deep.equal([0, 0]);
  });
});
