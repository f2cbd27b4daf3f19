import { expect } from 'chai';
import { inSlices, type Pace, pacedBy } from '../../../../src/wol/manager/pace';
import { WakeMap } from '../../../../src/wol/manager/wake-map';
import { aConfig, aTarget, mac } from './builders';

/** Rests after every step until the test says go on. */
class SteppedPace implements Pace {
  readonly stepsALook = 1;
  private waiting: (() => void)[] = [];
  begin(): void {}
  isOver(): boolean {
    return true;
  }
  rest(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
  /** @returns false when nobody rests any more. */
  async goOn(): Promise<boolean> {
    const waiting = this.waiting.splice(0);
    for (const resume of waiting) resume();
    await new Promise((resolve) => setImmediate(resolve));
    return waiting.length > 0;
  }
  async finish(): Promise<void> {
    while (await this.goOn());
  }
}

describe('a config that changes for a large fleet', () => {
  const FLEET = 20;
  let pace: SteppedPace;
  let map: WakeMap;
  let told: string[];

  beforeEach(() => {
    pace = new SteppedPace();
    map = new WakeMap({ pace });
    told = [];
    for (let n = 0; n < FLEET; n++) map.upsertTarget(aTarget(`lab/vm-${n}`, [mac(n)]));
    map.onChange(({ config, counts }) => told.push(`${config} ${counts.managedVms}`));
  });

  const known = (): number => Array.from({ length: FLEET }, (_, n) => map.resolve(mac(n), 9)).filter(Boolean).length;

  it('is gone through in slices, and its counts are told once, at the end', async () => {
    map.upsertConfig(aConfig('all'));
    await pace.goOn();
    expect(known()).to.be.within(1, FLEET - 1);
    expect([map.isUnderWay('all'), told]).to.deep.equal([true, []]);

    await pace.finish();

    expect([map.isUnderWay('all'), known(), told]).to.deep.equal([false, FLEET, [`all ${FLEET}`]]);
  });

  it('contributes nothing any more from the event on that makes it invalid or deletes it', async () => {
    map.upsertConfig(aConfig('all'));
    await pace.finish();
    map.upsertConfig(aConfig('all', {}, { deleting: true }));
    expect([known(), map.isUnderWay('all')]).to.deep.equal([0, true]);
    map.upsertConfig(aConfig('all'));
    await pace.finish();
    map.removeConfig('all');

    expect(known()).to.equal(0);
    await pace.finish();
    expect(map.size.macs).to.equal(0);
  });

  it('goes on waking by its former claims while it changes, under its new policy at once', async () => {
    map.upsertConfig(aConfig('all'));
    await pace.finish();

    map.upsertConfig(aConfig('all', { startPolicy: 'Skip', allowedSources: ['192.0.2.0/24'] }));

    expect([known(), map.isUnderWay('all')]).to.deep.equal([FLEET, true]);
    const policies = Array.from({ length: FLEET }, (_, n) => map.resolve(mac(n), 9)!.governing[0]!);
    expect(
      policies.every(({ startPolicy, acceptsSource }) => startPolicy === 'Skip' && acceptsSource?.('198.51.100.1') === false),
    ).to.equal(true);
  });

  it('ends in its last state when it changes again and again meanwhile', async () => {
    for (const wolPort of [7, 9, 7, 4_000, 9]) {
      map.upsertConfig(aConfig('all', { wolPort }));
      await pace.goOn();
    }
    await pace.finish();

    expect([known(), map.resolve(mac(0), 7), map.countsOf('all')?.managedVms]).to.deep.equal([FLEET, undefined, FLEET]);
    expect(told).to.deep.equal([`all ${FLEET}`]);
  });

  it('is told of its end even when its counts are what they were', async () => {
    map.upsertConfig(aConfig('all'));
    await pace.finish();
    map.upsertConfig(aConfig('all', { unpause: true }));
    await pace.finish();

    expect(told).to.deep.equal([`all ${FLEET}`, `all ${FLEET}`]);
  });

  it('does not keep a virtual machine that changes meanwhile from being right at once', async () => {
    map.upsertConfig(aConfig('all'));
    map.upsertTarget(aTarget(`lab/vm-${FLEET - 1}`, [mac(900)]));
    map.upsertTarget(aTarget('lab/new', [mac(901)]));

    expect([mac(900), mac(901)].map((address) => map.resolve(address, 9)?.key)).to.deep.equal([`lab/vm-${FLEET - 1}`, 'lab/new']);
    await pace.finish();
    expect(map.countsOf('all')).to.deep.include({ managedVms: FLEET + 1, managedMacs: FLEET + 1 });
  });
});

describe('work in slices', () => {
  it('ends at once when it fits into one slice, and rests after 5 ms otherwise', async () => {
    let nowMs = 0;
    function* work(steps: number): Generator<undefined, void> {
      for (let n = 0; n < steps; n++) {
        nowMs += 0.1;
        yield;
      }
    }
    const pace = pacedBy({ monotonicMs: () => nowMs });
    expect(inSlices(work(31), pace)).to.equal(undefined);

    const before = nowMs;
    const rest = inSlices(work(1_000), pace);

    expect(nowMs - before).to.be.within(5, 10);
    await rest;
    expect(nowMs - before).to.be.closeTo(100, 0.001);
  });
});
