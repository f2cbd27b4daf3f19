import { expect } from 'chai';
import { Problems } from '../../../../src/platform/catalog/catalog-error';
import { readYaml } from '../../../../src/platform/catalog/yaml-file';

const read = (text: string): { values: unknown; problems: string[] } => {
  const problems = new Problems();
  const values = readYaml(text, 'a.yaml', problems);
  return { values, problems: problems.found.map((problem) => problem.text) };
};

describe('the YAML of a catalog', () => {
  for (const [text, why] of [
    ['mode: 0644', 'leading zero'],
    ['mode: -007', 'leading zero'],
    ['mode: 00', 'leading zero'],
    ['a: yes', 'truth value'],
    ['a: No', 'truth value'],
    ['a: ON', 'truth value'],
    ['a: off', 'truth value'],
    ['a: y', 'truth value'],
    ['a: N', 'truth value'],
    ['y: 1', 'truth value'],
    ['- [x, no]', 'truth value'],
    ['a: 12:30', 'base 60'],
    ['a: 1:20:30.5', 'base 60'],
    ['a: 0000:00:02.0', 'base 60'],
    ['a: 1_000', 'underscores'],
    ['a: 0x_ff', 'underscores'],
    ['a: 1_0.5', 'underscores'],
    ['a:\n\t- b', 'tab'],
    ['a: "b\tc"', 'tab'],
    ['a: 8086:15', 'base 60'],
    ['__proto__: 1', '__proto__'],
    ['a: {"__proto__": 1}', '__proto__'],
    ['a: &x {b: 1}\nc:\n  <<: *x', 'merge keys'],
    ['a: 9007199254740993', 'exactly'],
    ['a: .inf', 'exactly'],
    ['a: .nan', 'exactly'],
    ['a: 1\na: 2', 'unique'],
    ['? [a]\n: b', 'strings'],
    ['a: !custom b', 'tag'],
    ['a: [', 'line 1'],
    ['a: b: c', 'line 1'],
    ['a: *nowhere', 'alias'],
  ] as const) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      const { values, problems } = read(text);

      expect(values).to.equal(undefined);
      expect(problems.join('; ')).to.match(new RegExp(why, 'i'));
      for (const problem of problems) expect(problem).to.match(/^(line \d+: |Unresolved alias).*$/);
    });
  }

  for (const [text, value] of [
    ['mode: 420', { mode: 420 }],
    ['mode: 0o644', { mode: 420 }],
    ['a: 0', { a: 0 }],
    ['a: 0.5', { a: 0.5 }],
    ['a: "0644"', { a: '0644' }],
    ["a: 'yes'", { a: 'yes' }],
    ['"y": 1', { y: 1 }],
    ['a: true', { a: true }],
    ['a: null', { a: null }],
    ['a: yesterday', { a: 'yesterday' }],
    ['a: "12:30"', { a: '12:30' }],
    ['a: 48h0m0s', { a: '48h0m0s' }],
    ['a: a_b', { a: 'a_b' }],
    ['a: v1_0', { a: 'v1_0' }],
    ['a: 2024-10-01', { a: '2024-10-01' }],
    ['1: a', { '1': 'a' }],
    ['a: 8086:1572', { a: '8086:1572' }],
    ['a: |\n  0644\n  yes', { a: '0644\nyes\n' }],
    ['a: {{ $x }}', undefined],
    ['a: "{{ $x }}"', { a: '{{ $x }}' }],
    ['a: &x [1]\nb: *x', { a: [1], b: [1] }],
  ] as const) {
    it(`reads ${JSON.stringify(text)} as ${JSON.stringify(value)}`, () => {
      expect(read(text).values).to.deep.equal(value === undefined ? undefined : [value]);
    });
  }

  it('refuses an alias inside of what it names', () => {
    expect(read('a: &a\n  name: x\n  description: *a').problems.join()).to.contain('an alias stands inside of what it names');
  });

  it('refuses more than 100 aliases', () => {
    const lists = (count: number): string => `a: &x [1]\nb: [${Array.from({ length: count }, () => '*x').join(', ')}]`;

    expect(read(lists(90)).problems).to.deep.equal([]);
    expect(
      read(`a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]`).problems.join(),
    ).to.match(/alias/i);
  });

  it('tells each trap with its line', () => {
    expect(read('a: yes\nb: 1\nc: 0644\n').problems.map((text) => text.slice(0, 7))).to.deep.equal(['line 1:', 'line 3:']);
  });

  it('reads documents one by one', () => {
    expect(read('a: 1\n---\nb: 2\n').values).to.deep.equal([{ a: 1 }, { b: 2 }]);
    expect(read('').values).to.deep.equal([]);
  });
});
