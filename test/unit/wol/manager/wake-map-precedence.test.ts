/**
 * The rules of precedence and conflict, written down a second time without an index: slow, short, and compared with the map.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import type { WolConfig, WolConfigSpec } from '../../../../src/api/wol/v1beta1';
import type { WakeTarget } from '../../../../src/kubevirt/wake-target';
import { WakeMap } from '../../../../src/wol/manager/wake-map';
import { aConfig, aTarget, mac } from './builders';

const MACS = [1, 2, 3].map(mac);
const CHANNELS = [0, 7, 9, 'ethernet'] as const;
const MODES = ['Explicit', 'LabelSelector', 'All'];

interface Candidate {
  readonly config: WolConfig;
  readonly key: string;
  readonly target: WakeTarget | undefined;
  readonly learned: boolean;
}

const keyOf = ({ cluster, namespace, name }: WakeTarget): string => `${cluster === '' ? '' : `${cluster}:`}${namespace}/${name}`;
const learnedOf = ({ name }: WakeTarget): string[] => (name.endsWith('x') ? [MACS[1]!] : []);
const modeOf = ({ spec }: WolConfig): string => spec?.discoveryMode ?? 'All';

/** Step 1 of the rules: which claims there are at all on this channel. */
function candidates(
  address: string,
  channel: (typeof CHANNELS)[number],
  configs: readonly WolConfig[],
  targets: readonly WakeTarget[],
): Candidate[] {
  return configs.flatMap((config) => {
    const { spec = {} } = config;
    const ports = spec.wolPorts ?? [9];
    const listens = channel === 'ethernet' ? spec.agent?.rawEthernet === true : channel === 0 || ports.includes(channel);
    if (!listens) return [];
    const visible = targets.filter(({ cluster }) => cluster === '' || spec.includeRemote !== false);
    if (modeOf(config) === 'Explicit') return explicitCandidates(address, config, visible);
    return visible
      .filter(({ scope }) => !scope.ignored && (spec.namespaceSelectors?.length ? spec.namespaceSelectors.includes(scope.namespace) : true))
      .filter(({ scope }) => modeOf(config) === 'All' || (spec.vmSelector?.matchLabels ? scope.labels['wake'] === 'yes' : true))
      .flatMap((target) => {
        const learned = target.macs.length === 0 && spec.learnRuntimeMACs === true;
        const macs = learned ? learnedOf(target) : target.macs;
        return macs.includes(address) ? [{ config, key: keyOf(target), target, learned }] : [];
      });
  });
}

function explicitCandidates(address: string, config: WolConfig, visible: readonly WakeTarget[]): Candidate[] {
  const names = new Set(
    (config.spec?.explicitMappings ?? []).filter((m) => m.macAddress === address).map((m) => `${m.namespace}/${m.vmName}`),
  );
  return [...names].flatMap((name): Candidate[] => {
    const bearers = visible.filter(({ scope }) => `${scope.namespace}/${scope.name}` === name);
    if (bearers.length === 0) return [{ config, key: name, target: undefined, learned: false }];
    return bearers.filter(({ scope }) => !scope.ignored).map((target) => ({ config, key: keyOf(target), target, learned: false }));
  });
}

/** Steps 2 to 4: precedence, then the tie-breakers one after the other. */
function expected(all: readonly Candidate[]): { winner: string; governing: string[]; losers: string[] } | undefined {
  const mode = MODES.find((name) => all.some(({ config }) => modeOf(config) === name));
  const equals = all.filter(({ config }) => modeOf(config) === mode);
  if (equals.length === 0) return undefined;
  const rank = ({ target, learned, key }: Candidate): (string | number)[] => [
    target === undefined ? 1 : 0,
    learned ? 1 : 0,
    target !== undefined && target.cluster !== '' ? 1 : 0,
    target?.createdAt ?? 0,
    target?.uid ?? '',
    key,
  ];
  const [strongest] = [...equals].sort((a, b) => compare(rank(a), rank(b)));
  const governing = equals.filter(({ key }) => key === strongest!.key).map(({ config }) => config);
  governing.sort((a, b) =>
    compare([a.metadata!.creationTimestamp!, a.metadata!.name!], [b.metadata!.creationTimestamp!, b.metadata!.name!]),
  );
  const losers = new Set(equals.map(({ key }) => key).filter((key) => key !== strongest!.key));
  return { winner: strongest!.key, governing: governing.map(({ metadata }) => metadata!.name!), losers: [...losers].sort() };
}

function compare(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : a[at]! < b[at]! ? -1 : 1;
}

const targetsArbitrary = fc
  .uniqueArray(fc.record({ key: fc.constantFrom('a/x', 'a/y', 'b/x', 'b/y'), remote: fc.boolean() }), {
    selector: ({ key, remote }) => `${key} ${remote}`,
    maxLength: 5,
  })
  .chain((keys) => fc.tuple(...keys.map(targetArbitrary)));

function targetArbitrary({ key, remote }: { key: string; remote: boolean }): fc.Arbitrary<WakeTarget> {
  const options = fc.record({
    createdAt: fc.nat(1),
    uid: fc.constantFrom('u1', 'u2', 'u3'),
    labels: fc.constantFrom<Record<string, string>>({}, { wake: 'yes' }),
    ignored: fc.boolean(),
  });
  const macs = fc.uniqueArray(fc.constantFrom(...MACS), { maxLength: 2 });
  return fc
    .tuple(macs, options)
    .map(([declared, rest]) =>
      aTarget(remote ? key.replace('/', '/r') : key, declared, { ...rest, ...(remote && { cluster: 'east', scope: key }) }),
    );
}

const specs: fc.Arbitrary<WolConfigSpec> = fc.record(
  {
    discoveryMode: fc.constantFrom('All', 'LabelSelector', 'Explicit'),
    namespaceSelectors: fc.constantFrom<string[]>([], ['a']),
    explicitMappings: fc.array(
      fc.record({ macAddress: fc.constantFrom(...MACS), namespace: fc.constantFrom('a', 'b'), vmName: fc.constantFrom('x', 'y') }),
      { minLength: 1, maxLength: 3 },
    ),
    vmSelector: fc.constantFrom({}, { matchLabels: { wake: 'yes' } }),
    wolPorts: fc.constantFrom([9], [7], [7, 9]),
    includeRemote: fc.boolean(),
    learnRuntimeMACs: fc.boolean(),
    agent: fc.constantFrom({}, { rawEthernet: true }),
  },
  { requiredKeys: ['explicitMappings', 'vmSelector'] },
);
const configsArbitrary = fc
  .array(fc.tuple(specs, fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z')), { maxLength: 4 })
  .map((list) => list.map(([spec, createdAt], index) => aConfig(`c${index}`, spec, { createdAt })));

describe('the winner of an address', () => {
  it('is on every channel the one that the rules name, governed by the configs they name', () => {
    fc.assert(
      fc.property(configsArbitrary, targetsArbitrary, (configs, targets) => {
        const map = new WakeMap({ learnedMacsOf: learnedOf });
        for (const target of targets) map.upsertTarget(target);
        for (const config of configs) map.upsertConfig(config);
        for (const address of MACS) {
          for (const channel of CHANNELS) {
            const found = map.resolve(address, channel);
            const wanted = expected(candidates(address, channel, configs, targets));
            expect(found?.key).to.equal(wanted?.winner);
            expect(found?.governing.map(({ name }) => name)).to.deep.equal(wanted?.governing);
          }
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('is told of in a conflict by every config that takes part on a channel of its own, and by no other', () => {
    fc.assert(
      fc.property(configsArbitrary, targetsArbitrary, (configs, targets) => {
        const map = new WakeMap({ learnedMacsOf: learnedOf });
        for (const config of configs) map.upsertConfig(config);
        for (const target of targets) map.upsertTarget(target);
        for (const config of configs) {
          const { spec = {}, metadata } = config;
          const channels = [
            ...(spec.wolPorts ?? [9]),
            ...(spec.agent?.rawEthernet ? (['ethernet'] as const) : []),
          ] as (typeof CHANNELS)[number][];
          const contested = MACS.filter((address) =>
            channels.some((channel) => {
              const all = candidates(address, channel, configs, targets);
              const outcome = expected(all);
              const best = Math.min(...all.map((one) => MODES.indexOf(modeOf(one.config))));
              const takesPart = all.some((one) => one.config === config && MODES.indexOf(modeOf(config)) === best);
              return outcome !== undefined && outcome.losers.length > 0 && takesPart;
            }),
          );
          expect(map.conflictsOf(metadata!.name!).map((conflict) => conflict.mac)).to.deep.equal(contested);
          expect(map.countsOf(metadata!.name!)?.conflicts).to.equal(contested.length);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
