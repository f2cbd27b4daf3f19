import { expect } from 'chai';
import type { WolConfigSpec } from '../../../../src/api/wol/v1beta1';
import { configProblems, type EffectiveConfig, evaluateConfig } from '../../../../src/wol/manager/effective-config';
import { aConfig } from './builders';

function effective(spec?: WolConfigSpec): EffectiveConfig {
  const evaluation = evaluateConfig(aConfig('lab', spec));
  if (evaluation.kind !== 'effective') throw new Error(`not effective: ${JSON.stringify(evaluation)}`);
  return evaluation.config;
}

describe('the validation of a WolConfig', () => {
  const invalid: [string, WolConfigSpec, string][] = [
    [
      'LabelSelector without a selector',
      { discoveryMode: 'LabelSelector' },
      'spec.vmSelector is not set; allowed with discoveryMode LabelSelector: a label selector, {} for every virtual machine in scope',
    ],
    [
      'a selector operator of no meaning',
      { discoveryMode: 'LabelSelector', vmSelector: { matchExpressions: [{ key: 'a', operator: 'Like', values: ['b'] }] } },
      'spec.vmSelector.matchExpressions[0].operator is "Like"; allowed: In, NotIn, Exists, DoesNotExist',
    ],
    [
      'In without values',
      { discoveryMode: 'LabelSelector', vmSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
      'spec.vmSelector.matchExpressions[0].values is []; allowed: at least one value with operator In',
    ],
    [
      'Exists with values',
      { discoveryMode: 'LabelSelector', vmSelector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } },
      'spec.vmSelector.matchExpressions[0].values is ["b"]; allowed: no values with operator Exists',
    ],
    [
      'Explicit without mappings',
      { discoveryMode: 'Explicit' },
      'spec.explicitMappings is empty; allowed with discoveryMode Explicit: at least one mapping',
    ],
    ['an empty namespace', { namespaceSelectors: ['lab', ''] }, 'spec.namespaceSelectors[1] is ""; allowed: the name of a namespace'],
    [
      'a source that is no CIDR',
      { allowedSources: ['10.0.0.0/8', '10.0.0.0/33'] },
      'spec.allowedSources[1] is "10.0.0.0/33"; allowed: a CIDR, for example 192.0.2.0/24 or 2001:db8::/32',
    ],
    ['a port out of range', { wolPorts: [9, 70_000] }, 'spec.wolPorts[1] is 70000; allowed: 1 to 65535'],
    ['a single port out of range', { wolPort: 0 }, 'spec.wolPort is 0; allowed: 1 to 65535'],
  ];
  for (const [title, spec, text] of invalid) {
    it(`refuses ${title} and says what is allowed`, () => expect(configProblems(spec)).to.deep.equal([text]));
  }

  it('names every problem at once', () => {
    expect(configProblems({ discoveryMode: 'Explicit', wolPorts: [0], allowedSources: ['x'] })).to.have.lengthOf(3);
  });

  it('does not look at what the mode ignores, so that objects which once worked still do', () => {
    const broken = { matchExpressions: [{ key: 'a', operator: 'Like' }] };
    expect(configProblems({ discoveryMode: 'All', vmSelector: broken })).to.deep.equal([]);
    const explicitMappings = [{ macAddress: '02:00:00:00:00:01', vmName: 'web', namespace: 'lab' }];
    expect(configProblems({ discoveryMode: 'Explicit', namespaceSelectors: [''], explicitMappings })).to.deep.equal([]);
    expect(configProblems({ wolPort: 0, wolPorts: [9] })).to.deep.equal([]);
  });

  it('takes an empty selector for one that matches everything', () => {
    expect(effective({ discoveryMode: 'LabelSelector', vmSelector: {} }).matches({})).to.equal(true);
  });
});

describe('the defaults of a WolConfig', () => {
  it('are mode All, every namespace, port 9, 60 starts a minute and 300 s without a spec', () => {
    expect(effective()).to.deep.include({
      mode: 'All',
      namespaces: undefined,
      ports: [9],
      startsPerMinute: 60,
      cacheTtlSeconds: 300,
      startPolicy: 'Start',
      unpause: false,
      includeRemote: true,
      learnRuntimeMacs: false,
      rawEthernet: false,
      acceptsSource: undefined,
      passwordSecret: undefined,
    });
  });

  it('take wolPorts without repeats in order, else wolPort, else 9', () => {
    expect(effective({ wolPorts: [40_000, 9, 40_000, 7], wolPort: 1 }).ports).to.deep.equal([40_000, 9, 7]);
    expect(effective({ wolPort: 7 }).ports).to.deep.equal([7]);
    expect(effective({ wolPorts: [] }).ports).to.deep.equal([9]);
  });

  it('take a cacheTTL of 0 for 300 s and one above a day for a day', () => {
    expect(effective({ cacheTTL: 0 }).cacheTtlSeconds).to.equal(300);
    expect(effective({ cacheTTL: 10_000_000 }).cacheTtlSeconds).to.equal(86_400);
  });

  it('collect explicit mappings by virtual machine, normalised, each once, and keep a machine whose address is unusable', () => {
    const mapping = (macAddress: string, vmName: string) => ({ macAddress, vmName, namespace: 'lab' });
    const explicitMappings = [
      mapping('02:00:00:00:00:0A', 'web'),
      mapping('02:00:00:00:00:0a', 'web'),
      mapping('02:00:00:00:00:0b', 'web'),
      mapping('ff:ff:ff:ff:ff:ff', 'db'),
    ];
    expect([...effective({ discoveryMode: 'Explicit', explicitMappings }).mappings]).to.deep.equal([
      ['lab/web', ['02:00:00:00:00:0a', '02:00:00:00:00:0b']],
      ['lab/db', []],
    ]);
  });

  it('leave out a config that is being deleted', () => {
    expect(evaluateConfig(aConfig('lab', {}, { deleting: true }))).to.deep.equal({ kind: 'deleting' });
  });
});

describe('label selectors', () => {
  const matches = (expression: { key: string; operator: string; values?: string[] }, labels: Record<string, string>): boolean =>
    effective({ discoveryMode: 'LabelSelector', vmSelector: { matchExpressions: [expression] } }).matches(labels);

  it('In needs the key and one of the values', () => {
    const expression = { key: 'tier', operator: 'In', values: ['a', 'b'] };
    expect(
      [{ tier: 'a' }, { tier: 'b' }, { tier: 'c' }, {}].map((labels) => matches(expression, labels as Record<string, string>)),
    ).to.deep.equal([true, true, false, false]);
  });

  it('NotIn and DoesNotExist match an absent key', () => {
    const notIn = { key: 'tier', operator: 'NotIn', values: ['a'] };
    expect([matches(notIn, {}), matches(notIn, { tier: 'b' }), matches(notIn, { tier: 'a' })]).to.deep.equal([true, true, false]);
    const absent = { key: 'tier', operator: 'DoesNotExist' };
    expect([matches(absent, {}), matches(absent, { tier: '' })]).to.deep.equal([true, false]);
  });

  it('Exists matches an empty value, and no key that objects inherit', () => {
    expect(matches({ key: 'tier', operator: 'Exists' }, { tier: '' })).to.equal(true);
    expect(matches({ key: 'constructor', operator: 'Exists' }, {})).to.equal(false);
  });

  it('need all of matchLabels and all of matchExpressions', () => {
    const vmSelector = { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'Exists' }] };
    const config = effective({ discoveryMode: 'LabelSelector', vmSelector });
    expect(config.matches({ app: 'web', tier: 'x', other: 'y' })).to.equal(true);
    expect(config.matches({ app: 'web' })).to.equal(false);
    expect(config.matches({ app: 'db', tier: 'x' })).to.equal(false);
  });
});

describe('allowed sources', () => {
  const accepts = (allowedSources: string[], source: string) => effective({ allowedSources }).acceptsSource?.(source);

  it('match IPv4 and IPv6 networks, whatever bits the network has beyond its prefix', () => {
    expect(accepts(['192.0.2.77/24'], '192.0.2.1')).to.equal(true);
    expect(accepts(['192.0.2.0/24'], '192.0.3.1')).to.equal(false);
    expect(accepts(['2001:db8::/32'], '2001:db8:1::5')).to.equal(true);
    expect(accepts(['2001:db8::/32'], '2001:db9::5')).to.equal(false);
  });

  it('keep the families apart and match no other text', () => {
    expect(accepts(['0.0.0.0/0'], '2001:db8::1')).to.equal(false);
    expect(accepts(['::/0'], '192.0.2.1')).to.equal(false);
    expect(accepts(['0.0.0.0/0', '::/0'], 'localhost')).to.equal(false);
    expect(accepts(['0.0.0.0/0', '::/0'], '')).to.equal(false);
  });

  it('mean any source when the list is empty', () => expect(effective({ allowedSources: [] }).acceptsSource).to.equal(undefined));
});
