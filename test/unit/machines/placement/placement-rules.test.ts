import { expect } from 'chai';
import fc from 'fast-check';
import {
  decidePlacement,
  decideSearch,
  type PlacementDecision,
  type PlacementInputs,
  type Reference,
  refusedChangeText,
  type SearchAnswer,
} from '../../../../src/machines/placement/placement-rules';

const to = (key: string): Reference => ({ wanted: key, key });
const missing = (name: string): Reference => ({
  wanted: name,
  key: undefined,
  problem: `KubevirtConfig ${name} not found in namespace cfg`,
  meant: [name],
});

function inputs(given: Partial<PlacementInputs> = {}): PlacementInputs {
  return {
    ...{ machine: 'team-a/web', profile: 'first', configNamespace: 'cfg' },
    ...{ recorded: undefined, spec: undefined, annotation: undefined, fallback: undefined, candidates: [] },
    ...given,
  };
}

/** `<key> <rule>`, `+` when the annotation is written, and what is refused; or `<problem>`, `~` while waiting. */
function told(decision: PlacementDecision): string {
  if (decision.type === 'search') return 'search';
  if (decision.type === 'unplaced') return `${decision.waiting ? '~' : ''}${decision.problem}`;
  const { key, rule, needsAnnotation, refused } = decision;
  return `${key} ${rule}${needsAnnotation ? ' +' : ''}${refused === undefined ? '' : ` refuses ${refused.field} ${refused.wanted}`}`;
}

const NO_REFERENCE = 'machine team-a/web has no KubevirtConfig reference';

describe('the decision table of placement', () => {
  const rows: readonly (readonly [string, Partial<PlacementInputs>, string])[] = [
    ['recorded, nothing else said', { recorded: 'r', candidates: ['a', 'b'] }, 'r Recorded +'],
    ['recorded, annotation the same', { recorded: 'r', annotation: to('r') }, 'r Recorded'],
    ['recorded, spec and annotation the same', { recorded: 'r', spec: to('r'), annotation: to('r') }, 'r Recorded'],
    [
      'recorded, annotation differs',
      { recorded: 'r', annotation: to('x') },
      'r Recorded refuses annotation vitistack.io/kubevirt-config x',
    ],
    ['recorded, spec differs', { recorded: 'r', spec: to('x'), annotation: to('r') }, 'r Recorded refuses spec.kubevirtConfigRef x'],
    ['recorded, annotation the same, its config is gone', { recorded: 'r', annotation: missing('r') }, 'r Recorded'],
    [
      'recorded, spec leads nowhere else',
      { recorded: 'r', spec: missing('x'), annotation: to('r') },
      'r Recorded refuses spec.kubevirtConfigRef x',
    ],
    ['recorded, default differs', { recorded: 'r', annotation: to('r'), fallback: to('d') }, 'r Recorded'],
    ['spec alone', { spec: to('s'), fallback: to('d'), candidates: ['a', 'b'] }, 's Spec +'],
    ['spec and another annotation', { spec: to('s'), annotation: to('a') }, 's Spec refuses annotation vitistack.io/kubevirt-config a'],
    ['annotation', { annotation: to('a'), fallback: to('d') }, 'a Annotation'],
    ['default', { fallback: to('d'), candidates: ['a', 'b'] }, 'd Default +'],
    ['nothing, the list cannot be read', { candidates: new Error('boom') }, '~ListFailed'],
    ['nothing, no candidates', {}, 'NoKubevirtConfigs'],
    ['nothing, one candidate', { candidates: ['only'] }, 'only Single +'],
    ['nothing, several candidates', { candidates: ['a', 'b'] }, 'search'],
    ['spec leads nowhere', { spec: missing('s'), annotation: to('a') }, 'KubevirtConfigError'],
    ['annotation leads nowhere', { annotation: missing('a'), candidates: ['only'] }, 'KubevirtConfigError'],
    ['default leads nowhere', { fallback: missing('d'), candidates: ['only'] }, 'KubevirtConfigError'],
  ];

  for (const [title, given, expected] of rows) {
    it(`${title}: ${expected}`, () => {
      expect(told(decidePlacement(inputs(given)))).to.equal(expected);
    });
  }

  it('has the texts of the older operator', () => {
    const textOf = (given: Partial<PlacementInputs>): string => (decidePlacement(inputs(given)) as { text: string }).text;

    expect(textOf({})).to.equal(`${NO_REFERENCE} and no KubevirtConfigs are available in namespace cfg`);
    expect(textOf({ profile: 'second' })).to.equal(`${NO_REFERENCE} and no KubevirtConfigs are available`);
    expect(textOf({ candidates: new Error('boom') })).to.equal(`${NO_REFERENCE} and failed to list available configs: boom`);
    expect(textOf({ annotation: missing('x') })).to.equal('KubevirtConfig x not found in namespace cfg');
    expect(refusedChangeText('team-a/web', 'east', { field: 'spec.kubevirtConfigRef', wanted: 'west' })).to.equal(
      'machine team-a/web is placed on KubevirtConfig east; changing spec.kubevirtConfigRef to west is not supported. Restore east, or delete the Machine and create it anew',
    );
  });
});

describe('the search for a virtual machine', () => {
  const search = (answers: Readonly<Record<string, SearchAnswer>>): PlacementDecision =>
    decideSearch(inputs({ candidates: Object.keys(answers) }), new Map(Object.entries(answers)), 'vm-web');
  const textOf = (decision: PlacementDecision): string => (decision as { text: string }).text;

  it('takes the one cluster that has it', () => {
    expect(told(search({ a: 'absent', b: 'found', c: 'absent' }))).to.equal('b Search +');
  });

  it('takes it also while others cannot be reached, and names those', () => {
    const decision = search({ b: 'found', c: 'unreachable', a: 'unreachable' });

    expect(decision).to.include({ type: 'placed', key: 'b', rule: 'Search' });
    expect((decision as { unsearched?: readonly string[] }).unsearched).to.deep.equal(['a', 'c']);
  });

  it('fails when two clusters have it, and names them', () => {
    const decision = search({ b: 'found', a: 'found', c: 'absent' });

    expect(told(decision)).to.equal('DuplicateVirtualMachine');
    expect(textOf(decision)).to.equal(
      `${NO_REFERENCE} and VirtualMachine vm-web exists on 2 clusters (a, b) - cannot determine placement. Please set annotation 'vitistack.io/kubevirt-config'`,
    );
  });

  it('fails when no cluster has it', () => {
    const decision = search({ a: 'absent', b: 'absent' });

    expect(told(decision)).to.equal('AmbiguousPlacement');
    expect(textOf(decision)).to.equal(
      `${NO_REFERENCE} and 2 configs are available - cannot determine placement. Please set annotation 'vitistack.io/kubevirt-config' or DEFAULT_KUBEVIRT_CONFIG env var`,
    );
  });

  it('waits when no cluster that answered has it and others did not answer', () => {
    const decision = search({ a: 'absent', c: 'unreachable', b: 'unreachable' });

    expect(told(decision)).to.equal('~SearchIncomplete');
    expect(textOf(decision)).to.equal(
      `${NO_REFERENCE} and 3 configs are available - cannot determine placement: could not search b, c. Please set annotation 'vitistack.io/kubevirt-config' or wait until they are reachable`,
    );
  });
});

describe('whatever is said and found, placement', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'ns/d');
  const reference = fc.option(fc.oneof(key.map(to), key.map(missing)), { nil: undefined });
  const anything = fc.record({
    recorded: fc.option(key, { nil: undefined }),
    spec: reference,
    annotation: reference,
    fallback: reference,
    candidates: fc.oneof(fc.uniqueArray(key), fc.constant(new Error('boom'))),
    answers: fc.array(fc.constantFrom<SearchAnswer>('found', 'absent', 'unreachable'), { minLength: 4, maxLength: 4 }),
  });

  const outcome = (given: Partial<PlacementInputs> & { answers: readonly SearchAnswer[] }): PlacementDecision => {
    const decision = decidePlacement(inputs(given));
    if (decision.type !== 'search') return decision;
    return decideSearch(inputs(given), new Map(decision.candidates.map((name, index) => [name, given.answers[index]!])), 'vm');
  };

  it('never leaves a record, and never decides for a cluster that nobody named, listed or found the machine on', () => {
    fc.assert(
      fc.property(anything, (given) => {
        const decision = outcome(given);
        if (given.recorded !== undefined) expect(decision).to.include({ type: 'placed', key: given.recorded, rule: 'Recorded' });
        if (decision.type !== 'placed') return;
        const named = [given.recorded, given.spec?.key, given.annotation?.key, given.fallback?.key];
        const listed: readonly string[] = Array.isArray(given.candidates) ? given.candidates : [];
        expect([...named, ...listed]).to.include(decision.key);
        if (decision.rule === 'Single') expect(listed).to.deep.equal([decision.key]);
        if (decision.rule === 'Search') expect(given.answers[listed.indexOf(decision.key)]).to.equal('found');
      }),
    );
  });

  it('ends in a cluster or in a text that says what to do or to wait for, and never asks for a search twice', () => {
    fc.assert(
      fc.property(anything, (given) => {
        const decision = outcome(given);
        expect(decision.type).to.be.oneOf(['placed', 'unplaced']);
        if (decision.type === 'unplaced') expect(decision.text).to.have.length.above(10);
      }),
    );
  });

  it('writes the annotation exactly where there is none', () => {
    fc.assert(
      fc.property(anything, (given) => {
        const decision = outcome(given);
        if (decision.type === 'placed') expect(decision.needsAnnotation).to.equal(given.annotation === undefined);
      }),
    );
  });
});
