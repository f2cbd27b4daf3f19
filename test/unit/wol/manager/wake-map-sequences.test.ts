import { expect } from 'chai';
import fc from 'fast-check';
import type { WolConfigSpec } from '../../../../src/api/wol/v1beta1';
import { type WakeTarget, wakeTargetKey } from '../../../../src/kubevirt/wake-target';
import type { ConfigCounts } from '../../../../src/wol/manager/config-ledger';
import type { Pace } from '../../../../src/wol/manager/pace';
import { WakeMap } from '../../../../src/wol/manager/wake-map';
import { aConfig, aTarget, mac } from './builders';

const MACS = [1, 2, 3].map(mac);
const KEYS = ['a/x', 'a/y', 'b/x'];
const CONFIGS = ['c1', 'c2', 'c3'];
const CHANNELS = [0, 7, 9, 'ethernet'] as const;

type Step =
  | { do: 'target'; target: WakeTarget }
  | { do: 'remove-target'; key: string }
  | { do: 'config'; name: string; spec: WolConfigSpec; deleting: boolean }
  | { do: 'remove-config'; name: string }
  | { do: 'ask' };

const labels = fc.constantFrom<Record<string, string>>({}, { wake: 'yes' }, { wake: 'no' });
const targets = fc
  .record({
    key: fc.constantFrom(...KEYS),
    macs: fc.uniqueArray(fc.constantFrom(...MACS), { maxLength: 2 }),
    createdAt: fc.nat(2),
    labels,
    ignored: fc.boolean(),
    remote: fc.boolean(),
  })
  .map(({ key, macs, remote, ...rest }) =>
    aTarget(remote ? key.replace('/', '/r-') : key, macs, {
      ...rest,
      uid: `${key}${rest.createdAt}`,
      ...(remote && { cluster: 'east', scope: key }),
    }),
  );
const specs: fc.Arbitrary<WolConfigSpec> = fc.record(
  {
    discoveryMode: fc.constantFrom('All', 'LabelSelector', 'Explicit'),
    namespaceSelectors: fc.constantFrom<string[]>([], ['a'], ['b']),
    vmSelector: fc.constantFrom({}, { matchLabels: { wake: 'yes' } }),
    explicitMappings: fc.array(
      fc.record({ macAddress: fc.constantFrom(...MACS), namespace: fc.constantFrom('a', 'b'), vmName: fc.constantFrom('x', 'y') }),
      { maxLength: 3 },
    ),
    wolPorts: fc.constantFrom([9], [7], [7, 9]),
    includeRemote: fc.boolean(),
    learnRuntimeMACs: fc.boolean(),
    agent: fc.constantFrom({}, { rawEthernet: true }),
  },
  { requiredKeys: [] },
);
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('target' as const), target: targets }) },
  { weight: 2, arbitrary: targets.map((target): Step => ({ do: 'remove-target', key: wakeTargetKey(target) })) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('config' as const),
      name: fc.constantFrom(...CONFIGS),
      spec: specs,
      deleting: fc.constant(false),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('config' as const),
      name: fc.constantFrom(...CONFIGS),
      spec: specs,
      deleting: fc.constant(true),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom(...CONFIGS).map((name): Step => ({ do: 'remove-config', name })) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'ask' }) },
);

const newMap = (pace?: Pace): WakeMap =>
  new WakeMap({ ...(pace && { pace }), learnedMacsOf: ({ name }) => (name.endsWith('x') ? [mac(2)] : []) });

/** Everything that can be observed of a map. */
function observe(map: WakeMap): unknown {
  const resolutions = MACS.flatMap((address) =>
    CHANNELS.map((channel) => {
      const found = map.resolve(address, channel);
      return found && [address, channel, found.key, found.source, found.target?.uid, found.governing.map(({ name }) => name)];
    }),
  );
  const configs = CONFIGS.map((name) => [name, map.evaluationOf(name)?.kind, map.countsOf(name), map.conflictsOf(name)]);
  return { resolutions, configs, size: map.size };
}

function apply(map: WakeMap, step: Step): void {
  switch (step.do) {
    case 'target':
      map.upsertTarget(step.target);
      return;
    case 'remove-target':
      map.removeTarget(step.key);
      return;
    case 'config':
      map.upsertConfig(aConfig(step.name, step.spec, { deleting: step.deleting }));
      return;
    case 'remove-config':
      map.removeConfig(step.name);
      return;
    case 'ask':
      observe(map);
  }
}

/** The objects that are left at the end, in an order of their own. */
function fromScratch(sequence: readonly Step[], reversed: boolean): WakeMap {
  const kept = new Map<string, Step>();
  for (const step of sequence) {
    if (step.do === 'target') kept.set(wakeTargetKey(step.target), step);
    else if (step.do === 'config') kept.set(step.name, step);
    else if (step.do === 'remove-target') kept.delete(step.key);
    else if (step.do === 'remove-config') kept.delete(step.name);
  }
  const map = newMap();
  const left = [...kept.values()];
  for (const step of reversed ? left.reverse() : left) apply(map, step);
  return map;
}

describe('any sequence of events', () => {
  it('ends in the map that one evaluation of the remaining objects gives, in whatever order', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 40 }), fc.boolean(), (sequence, reversed) => {
        const map = newMap();
        for (const step of sequence) apply(map, step);
        expect(observe(map)).to.deep.equal(observe(fromScratch(sequence, reversed)));
      }),
      { numRuns: 3_000 },
    );
  });

  it('ends in that map also when configs are gone through in slices and other events come in between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 40 }), fc.array(fc.boolean()), async (sequence, rests) => {
        let looks = 0;
        const resting: (() => void)[] = [];
        const map = newMap({
          stepsALook: 1,
          begin: () => undefined,
          isOver: () => rests[looks++ % (rests.length || 1)] ?? true,
          rest: () => new Promise<void>((resolve) => resting.push(resolve)),
        });
        for (const step of sequence) {
          apply(map, step);
          if (step.do !== 'ask') continue;
          resting.shift()?.();
          await new Promise((resolve) => setImmediate(resolve));
        }
        while (resting.length > 0) {
          resting.shift()?.();
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect(CONFIGS.filter((name) => map.isUnderWay(name))).to.deep.equal([]);
        expect(observe(map)).to.deep.equal(observe(fromScratch(sequence, false)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('finds nothing to repair afterwards', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 40 }), async (sequence) => {
        const map = newMap();
        const targets = new Map<string, WakeTarget>();
        for (const step of sequence) {
          apply(map, step);
          if (step.do === 'target') targets.set(wakeTargetKey(step.target), step.target);
          else if (step.do === 'remove-target') targets.delete(step.key);
        }
        const source = { name: 'test', ready: () => true, targets: () => targets.values(), subscribe: () => () => undefined };
        for (const name of CONFIGS) await map.verify(name, [source]);
        expect(map.repairs).to.equal(0);
      }),
      { numRuns: 500 },
    );
  });

  it('tells listeners exactly the counts that asking gives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 30 }), async (sequence) => {
        const map = newMap();
        const told = new Map<string, ConfigCounts>();
        map.onChange(({ config, counts }) => told.set(config, counts));
        for (const step of sequence) {
          if (step.do === 'remove-config') told.delete(step.name);
          apply(map, step);
          if (step.do === 'ask') await Promise.resolve();
        }
        await new Promise((resolve) => setImmediate(resolve));
        const none: ConfigCounts = { managedVms: 0, managedMacs: 0, unwakeableVms: 0, conflicts: 0 };
        for (const name of CONFIGS) {
          if (map.evaluationOf(name) !== undefined) expect(told.get(name) ?? none).to.deep.equal(map.countsOf(name));
        }
      }),
      { numRuns: 300 },
    );
  });
});
