import { expect } from 'chai';
import { nullLogger } from '../../../../src/framework';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { LocalWakeTargets } from '../../../../src/wol/manager/local-wake-targets';
import { Reverification } from '../../../../src/wol/manager/reverification';
import { WakeMap } from '../../../../src/wol/manager/wake-map';
import { aVm, aVmi } from '../../kubevirt/builders';
import { aConfig, aTarget, mac } from './builders';

function sourceOf(...targets: ReturnType<typeof aTarget>[]) {
  return { name: 'test', ready: () => true, targets: () => targets, subscribe: () => () => undefined };
}

describe('the re-verification of the wake map', () => {
  it('begins after cacheTTL, 10 % earlier or later, and again', async () => {
    const clock = new FakeClock();
    const verified: number[] = [];
    let random = 0;
    const verify = async (): Promise<void> => void verified.push(clock.monotonicMs());
    const reverification = new Reverification({ verify, clock, logger: nullLogger, random: () => random });
    reverification.follow('lab', 100);
    random = 0.5;
    await clock.advance(90_000);
    expect(verified).to.deep.equal([90_000]);
    await clock.advance(100_000);
    expect(verified).to.deep.equal([90_000, 190_000]);

    reverification.follow('lab', undefined);

    expect(clock.pendingTimers).to.equal(0);
  });

  it('looks at one config after the other, and survives one that fails', async () => {
    const clock = new FakeClock();
    const log: string[] = [];
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const verify = async (config: string): Promise<void> => {
      log.push(config);
      if (config === 'a') await held;
      if (config === 'a') throw new Error('broken');
    };
    const reverification = new Reverification({ verify, clock, logger: nullLogger, random: () => 0.5 });
    reverification.follow('a', 10);
    reverification.follow('b', 11);
    await clock.advance(11_000);
    expect(log).to.deep.equal(['a']);
    release();
    await clock.advance(0);

    expect(log).to.deep.equal(['a', 'b']);
    reverification.close();
  });

  it('finds nothing to repair in a map that is right', async () => {
    const map = new WakeMap();
    const targets = [aTarget('a/x', [mac(1)]), aTarget('a/y', [mac(1), mac(2)]), aTarget('b/z')];
    for (const target of targets) map.upsertTarget(target);
    map.upsertConfig(aConfig('all'));
    map.upsertConfig(aConfig('some', { namespaceSelectors: ['a'] }));

    for (const config of ['all', 'some']) await map.verify(config, [sourceOf(...targets)]);

    expect(map.repairs).to.equal(0);
  });

  it('finds a target that was never announced, one that is another now, and one that is gone', async () => {
    const map = new WakeMap();
    const kept = aTarget('a/kept', [mac(1)]);
    for (const target of [kept, aTarget('a/changed', [mac(2)]), aTarget('a/gone', [mac(3)])]) map.upsertTarget(target);
    map.upsertConfig(aConfig('all'));

    await map.verify('all', [sourceOf(kept, aTarget('a/changed', [mac(4)]), aTarget('a/new', [mac(5)]))]);

    expect(map.repairs).to.equal(3);
    expect([1, 2, 3, 4, 5].map((n) => map.resolve(mac(n), 9)?.key)).to.deep.equal(['a/kept', undefined, undefined, 'a/changed', 'a/new']);
    expect(map.countsOf('all')).to.deep.include({ managedVms: 3, managedMacs: 3 });
  });

  it('does not take for gone what is announced while it looks', async () => {
    let rested = (): void => undefined;
    const pace = {
      stepsALook: 1,
      begin: () => undefined,
      isOver: () => true,
      rest: () =>
        new Promise<void>((resolve) => {
          rested = resolve;
        }),
    };
    const map = new WakeMap();
    const targets = Array.from({ length: 100 }, (_, n) => aTarget(`a/vm-${n}`, [mac(n)]));
    for (const target of targets) map.upsertTarget(target);
    map.upsertConfig(aConfig('all'));
    Object.assign(map, { pace });
    const done = map.verify('all', [sourceOf(...targets)]);
    map.upsertTarget(aTarget('a/late', [mac(500)]));
    let isDone = false;
    void done.then(() => {
      isDone = true;
    });
    while (!isDone) {
      rested();
      await new Promise((resolve) => setImmediate(resolve));
    }

    expect(map.repairs).to.equal(0);
    expect(map.resolve(mac(500), 9)?.key).to.equal('a/late');
  });

  it('compares virtual machines and instances with what the caches hold', () => {
    const calls = { start: () => Promise.reject(new Error('unused')), unpause: () => Promise.reject(new Error('unused')) };
    const local = new LocalWakeTargets(calls, () => true);
    const cacheOf = <T>(...entries: [string, T][]) => ({
      get: (key: string) => new Map(entries).get(key),
      list: () => entries.map(([, o]) => o),
    });
    const [vm, vmi] = [aVm({ macs: [mac(1)] }), aVmi()];
    local.upsertVm(vm);
    local.upsertVmi(vmi);
    for (const _ of local.verify(cacheOf(['lab/web', vm]), cacheOf(['lab/web', vmi])));
    expect(local.repairs).to.equal(0);

    const newer = aVm({ macs: [mac(2)] });
    newer.metadata = { ...newer.metadata, resourceVersion: '77' };
    for (const _ of local.verify(cacheOf(['lab/web', newer]), cacheOf()));

    expect(local.repairs).to.equal(2);
    expect(local.get('lab/web')?.macs).to.deep.equal([mac(2)]);
    expect(local.instanceOf('lab/web')).to.equal(undefined);
  });
});
