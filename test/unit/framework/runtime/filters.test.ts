import { expect } from 'chai';
import fc from 'fast-check';
import { ABSENT, PRESENT, type ValueFilter } from '../../../../src/framework/decorators';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import type { CompiledFilters } from '../../../../src/framework/registry/handler-spec';
import { fieldAt, matches } from '../../../../src/framework/runtime/filters';

const filters = (given: Partial<CompiledFilters> = {}): CompiledFilters => ({
  labels: [],
  annotations: [],
  fields: [],
  when: undefined,
  ...given,
});
const labelled = (labels: Record<string, string>): KubernetesObject => ({ metadata: { name: 'x', labels } });

describe('filters', () => {
  const cases: [string, ValueFilter, string | undefined, boolean][] = [
    ['a value', 'a', 'a', true],
    ['a value', 'a', 'ab', false],
    ['a value', 'a', undefined, false],
    ['the empty value', '', '', true],
    ['a list', ['a', 'b'], 'b', true],
    ['a list', ['a', 'b'], 'c', false],
    ['a list', ['a', 'b'], undefined, false],
    ['an empty list', [], 'a', false],
    ['a pattern', /^a/, 'abc', true],
    ['a pattern', /^a/, 'cba', false],
    ['a pattern', /.*/, undefined, false],
    ['PRESENT', PRESENT, '', true],
    ['PRESENT', PRESENT, undefined, false],
    ['ABSENT', ABSENT, undefined, true],
    ['ABSENT', ABSENT, '', false],
    ['a function', (value) => value === undefined, undefined, true],
    ['a function', (value) => value === undefined, 'a', false],
  ];
  for (const [name, filter, value, expected] of cases) {
    it(`${expected ? 'match' : 'do not match'} ${name} against ${value === undefined ? 'a missing key' : JSON.stringify(value)}`, () => {
      const metadata = value === undefined ? {} : { key: value };
      expect(matches(filters({ labels: [['key', filter]] }), labelled(metadata))).to.equal(expected);
      expect(matches(filters({ annotations: [['key', filter]] }), { metadata: { annotations: metadata } })).to.equal(expected);
    });
  }

  it('match everything when there are none', () => {
    expect(matches(filters(), {})).to.equal(true);
  });

  it('all have to hold', () => {
    const both = filters({ labels: [['a', '1']], fields: [['spec', 'ports']], when: () => true });

    expect(matches(both, { ...labelled({ a: '1' }), spec: { ports: [] } } as KubernetesObject)).to.equal(true);
    expect(matches(both, labelled({ a: '1' }))).to.equal(false);
    expect(matches(both, { spec: { ports: [] } } as KubernetesObject)).to.equal(false);
  });

  it('judge the same value the same way again, also with a pattern that remembers where it was', () => {
    for (const pattern of [/a/g, /a/y, /a/gy]) {
      const given = filters({ labels: [['key', pattern]] });
      const verdicts = [1, 2, 3].map(() => matches(given, labelled({ key: 'a' })));
      expect(verdicts).to.deep.equal([true, true, true]);
      expect(pattern.lastIndex).to.equal(0);
    }
  });

  it('take no inherited property for a label or a field', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(matches(filters({ labels: [[name, PRESENT]] }), labelled({}))).to.equal(false);
      expect(matches(filters({ labels: [[name, ABSENT]] }), labelled({}))).to.equal(true);
      expect(matches(filters({ fields: [['spec', name]] }), { spec: {} } as KubernetesObject)).to.equal(false);
    }
  });

  it('take a `when` that throws for false, and report it', () => {
    const error = new Error('no spec');
    const reported: unknown[] = [];
    const given = filters({
      when: () => {
        throw error;
      },
    });

    expect(matches(given, {}, (thrown) => reported.push(thrown))).to.equal(false);
    expect(matches(given, {})).to.equal(false);
    expect(reported).to.deep.equal([error]);
  });

  it('take a label function that throws for false, and report it', () => {
    const reported: unknown[] = [];
    const given = filters({ labels: [['a', (value) => value!.length > 3]] });

    expect(matches(given, {}, (thrown) => reported.push(thrown))).to.equal(false);
    expect(reported).to.have.length(1);
    expect(reported[0]).to.be.instanceOf(TypeError);
  });

  it('do not ask `when` about an object that other filters have ruled out', () => {
    let asked = 0;
    matches(filters({ labels: [['a', PRESENT]], when: () => ++asked > 0 }), labelled({}));

    expect(asked).to.equal(0);
  });

  it('never hold for a value and its negation at once, and always for one of them', () => {
    const names = fc.constantFrom('a', 'b', 'c', 'constructor');
    const labels = fc.dictionary(names, fc.constantFrom('', 'x', 'y'));
    const filter = fc.oneof(
      fc.constantFrom<ValueFilter>(PRESENT, ABSENT, 'x', '', /^x/, ['x', '']),
      fc.constantFrom<ValueFilter>((value) => value === 'y'),
    );
    const holds = (given: ValueFilter, value: string | undefined): boolean =>
      matches(filters({ labels: [['key', given]] }), labelled(value === undefined ? {} : { key: value }));
    fc.assert(
      fc.property(labels, names, filter, (present, name, given) => {
        const value = Object.hasOwn(present, name) ? present[name] : undefined;
        const direct = matches(filters({ labels: [[name, given]] }), labelled(present));
        const negated = matches(filters({ labels: [[name, (seen?: string) => !holds(given, seen)]] }), labelled(present));
        expect(direct).to.equal(holds(given, value));
        expect(negated).to.equal(!direct);
      }),
    );
  });

  it('hold together exactly when each holds alone', () => {
    const pair = fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom<ValueFilter>(PRESENT, ABSENT, 'x', ['x', 'y']));
    fc.assert(
      fc.property(
        fc.array(pair, { maxLength: 4 }),
        fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('x', 'y', 'z')),
        (pairs, labels) => {
          const object = labelled(labels);
          const together = matches(filters({ labels: pairs }), object);
          expect(together).to.equal(pairs.every((one) => matches(filters({ labels: [one] }), object)));
        },
      ),
    );
  });
});

describe('the value at a path', () => {
  const object = { spec: { ports: [7, 9], none: null, zero: 0, nested: { deep: 'x' } } };
  const cases: [string, unknown][] = [
    ['spec.nested.deep', 'x'],
    ['spec.zero', 0],
    ['spec.none', null],
    ['spec.none.below', undefined],
    ['spec.zero.toFixed', undefined],
    ['spec.ports.1', 9],
    ['spec.ports.2', undefined],
    ['spec.ports.map', undefined],
    ['status.phase', undefined],
  ];
  for (const [path, expected] of cases) {
    it(`${path} is ${JSON.stringify(expected) ?? 'not there'}`, () => {
      expect(fieldAt(object, path.split('.'))).to.equal(expected);
    });
  }

  it('is found wherever it was put', () => {
    const step = fc.string({ minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), fc.jsonValue(), (path, value) => {
        const holder = path.reduceRight<unknown>((inner, name) => Object.fromEntries([[name, inner]]), value);
        expect(fieldAt(holder, path)).to.deep.equal(value);
      }),
    );
  });
});
