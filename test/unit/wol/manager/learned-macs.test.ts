import { expect } from 'chai';
import fc from 'fast-check';
import type { WolConfigSpec } from '../../../../src/api/wol/v1beta1';
import { LearnedMacs } from '../../../../src/wol/manager/learned-macs';
import { LEARNED_SHARDS } from '../../../../src/wol/manager/limits';
import { LocalWakeTargets } from '../../../../src/wol/manager/local-wake-targets';
import { MacLearner } from '../../../../src/wol/manager/mac-learner';
import { WakeMap } from '../../../../src/wol/manager/wake-map';
import { aVm, aVmi } from '../../kubevirt/builders';
import { aConfig, mac } from './builders';

const LEARNING: WolConfigSpec = { learnRuntimeMACs: true };

/** The virtual machine lab/web and a config `lab`, with everything that learns. */
class School {
  readonly learned = new LearnedMacs();
  readonly map: WakeMap;
  readonly targets: LocalWakeTargets;
  readonly learner: MacLearner;
  interfacesKept = 0;

  constructor(spec: WolConfigSpec = LEARNING) {
    const calls = { start: () => Promise.reject(new Error('unused')), unpause: () => Promise.reject(new Error('unused')) };
    this.targets = new LocalWakeTargets(calls, () => true);
    this.map = new WakeMap({ learnedMacsOf: ({ uid }) => this.learned.macsOf(uid) });
    const { map, targets, learned } = this;
    const keepInterfaces = () => {
      this.interfacesKept++;
      return () => void this.interfacesKept--;
    };
    this.learner = new MacLearner({ map, targets, learned, keepInterfaces });
    map.attach(targets);
    this.config(spec);
  }

  config(spec: WolConfigSpec | undefined): void {
    if (spec === undefined) this.map.removeConfig('lab');
    else this.map.upsertConfig(aConfig('lab', spec));
    this.learner.followConfigs();
  }

  vm(macs: readonly string[] = [], options: Parameters<typeof aVm>[0] = {}): void {
    this.targets.upsertVm(aVm({ ...options, macs: [...macs] }));
  }

  runs(interfaces: readonly { name?: string; mac?: string }[]): void {
    const vmi = aVmi();
    this.targets.upsertVmi({ ...vmi, status: { ...vmi.status, interfaces: [...interfaces] } });
  }

  wakes(number: number): string | undefined {
    const found = this.map.resolve(mac(number), 9);
    return found && `${found.key} ${found.source}`;
  }
}

describe('learned addresses', () => {
  it('wake a virtual machine that declares none, and stay while it is off', () => {
    const school = new School();
    school.vm();
    school.runs([{ name: 'default', mac: mac(1).toUpperCase() }]);
    expect(school.wakes(1)).to.equal('lab/web learned');

    school.targets.removeVmi('lab/web');

    expect(school.wakes(1)).to.equal('lab/web learned');
    expect(school.map.countsOf('lab')).to.deep.include({ managedVms: 1, unwakeableVms: 0 });
  });

  it('are replaced when the next instance shows others', () => {
    const school = new School();
    school.vm();
    school.runs([{ name: 'default', mac: mac(1) }]);
    school.runs([
      { name: 'default', mac: mac(2) },
      { name: 'second', mac: mac(3) },
    ]);

    expect([1, 2, 3].map((n) => school.wakes(n))).to.deep.equal([undefined, 'lab/web learned', 'lab/web learned']);
  });

  it('are never taken from an entry that only the guest reports', () => {
    const school = new School();
    school.vm();
    school.runs([{ mac: mac(1) }, { name: '', mac: mac(2) }, { name: 'default' }]);

    expect([school.wakes(1), school.wakes(2), school.learned.size]).to.deep.equal([undefined, undefined, 0]);
  });

  it('are not learned for a virtual machine that declares an address, or without a config that asks for it', () => {
    const declares = new School();
    declares.vm([mac(1)]);
    declares.runs([{ name: 'default', mac: mac(2) }]);
    const unasked = new School({});
    unasked.vm();
    unasked.runs([{ name: 'default', mac: mac(2) }]);

    expect([declares.wakes(2), unasked.wakes(2)]).to.deep.equal([undefined, undefined]);
    expect([declares.interfacesKept, unasked.interfacesKept]).to.deep.equal([1, 0]);
  });

  const ends: readonly (readonly [string, (school: School) => void])[] = [
    ['is deleted', (school) => school.targets.removeVm('lab/web')],
    ['is created anew under its name', (school) => school.vm([], { uid: 'another' })],
    ['declares an address', (school) => school.vm([mac(9)])],
    ['leaves the scope', (school) => school.vm([], { labels: { wake: 'no' } })],
  ];
  for (const [what, end] of ends) {
    it(`are dropped when the virtual machine ${what}`, () => {
      const school = new School({ ...LEARNING, discoveryMode: 'LabelSelector', vmSelector: { matchLabels: { wake: 'yes' } } });
      school.vm([], { labels: { wake: 'yes' } });
      school.runs([{ name: 'default', mac: mac(1) }]);
      expect(school.wakes(1)).to.equal('lab/web learned');
      school.targets.removeVmi('lab/web');

      end(school);

      expect([school.wakes(1), school.learned.size]).to.deep.equal([undefined, 0]);
    });
  }

  it('are dropped by the next sweep when no config learns any more, and interfaces are kept no longer', () => {
    const school = new School();
    school.vm();
    school.runs([{ name: 'default', mac: mac(1) }]);
    school.config({});
    expect(school.wakes(1)).to.equal(undefined);
    school.learner.sweep();

    expect([school.learned.size, school.interfacesKept]).to.deep.equal([0, 0]);
  });

  it('come back from what was stored, whatever is known first: the addresses or the virtual machine', () => {
    const before = new School();
    before.vm();
    before.runs([{ name: 'default', mac: mac(1) }]);
    const stored = Object.assign({}, ...Array.from({ length: LEARNED_SHARDS }, (_, shard) => before.learned.stored(shard)));
    const [early, late] = [new School(), new School()];

    early.learner.restore(stored);
    early.vm();
    late.vm();
    late.learner.restore(stored);

    expect([early.wakes(1), late.wakes(1)]).to.deep.equal(['lab/web learned', 'lab/web learned']);
    late.targets.removeVm('lab/web');
    expect(late.learned.size).to.equal(0);
  });

  it('that were seen since are newer than what was stored', () => {
    const learned = new LearnedMacs();
    learned.learn('uid', [mac(2)]);
    learned.restore({ uid: mac(1), other: `${mac(3)},${mac(4)}`, broken: 'nonsense' });

    expect([learned.macsOf('uid'), learned.macsOf('other'), learned.size]).to.deep.equal([[mac(2)], [mac(3), mac(4)], 2]);
  });

  it('are refused and counted beyond the cap of a shard, while known machines may still change theirs', () => {
    const learned = new LearnedMacs(2);
    const uids = Array.from({ length: 100 }, (_, n) => `uid-${n}`);
    for (const uid of uids) learned.learn(uid, [mac(1)]);
    expect([learned.size, learned.rejections]).to.deep.equal([2 * LEARNED_SHARDS, 100 - 2 * LEARNED_SHARDS]);

    const [known] = learned.uids();
    expect(learned.learn(known!, [mac(2)])).to.equal(true);
  });

  it('survive being stored and read, whatever was learned in whatever order', () => {
    const steps = fc.array(
      fc.record({
        uid: fc.uuid().map((id) => id.slice(0, 2)),
        macs: fc.array(fc.nat(50).map(mac), { maxLength: 10 }),
        forget: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(steps, (sequence) => {
        const learned = new LearnedMacs();
        for (const { uid, macs, forget } of sequence) forget ? learned.forget(uid) : learned.learn(uid, macs);
        const again = new LearnedMacs();
        for (let shard = 0; shard < LEARNED_SHARDS; shard++) again.restore(learned.stored(shard));
        expect(again.uids().sort()).to.deep.equal(learned.uids().sort());
        for (const uid of learned.uids()) expect(again.macsOf(uid)).to.deep.equal(learned.macsOf(uid));
      }),
    );
  });
});
