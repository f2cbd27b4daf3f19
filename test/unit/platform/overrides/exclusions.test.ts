import { expect } from 'chai';
import { Exclusions, type Identity, matchesRule, parseExclusions } from '../../../../src/platform/overrides/exclusions';
import { parseGlob } from '../../../../src/platform/overrides/glob';

const identity = (change: Partial<Identity> = {}): Identity => ({
  group: '',
  kind: 'ConfigMap',
  namespace: 'ns',
  name: 'my-map',
  ...change,
});
const excludes = (text: string, change: Partial<Identity> = {}): boolean => {
  const parsed = parseExclusions(text);
  if (parsed.kind === 'unreadable') throw new Error(parsed.problem);
  return matchesRule(parsed, identity(change));
};

describe('globs', () => {
  const TABLE: readonly (readonly [string, string, boolean])[] = [
    ['*', '', true],
    ['*', 'anything', true],
    ['*', 'a/b', false],
    ['a*c', 'abbbc', true],
    ['a*c', 'abbbd', false],
    ['*-*-x', 'a-b-c-x', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[a-c]x', 'bx', true],
    ['[a-c]x', 'dx', false],
    ['[^a-c]x', 'dx', true],
    ['[!a-c]x', 'ax', false],
    ['[abc]', 'c', true],
    ['[\\]]', ']', true],
    ['a\\*c', 'a*c', true],
    ['a\\*c', 'abc', false],
    ['plain', 'plain', true],
    ['plain', 'plainer', false],
    ['a.c', 'abc', false],
    ['Case', 'case', false],
  ];
  for (const [pattern, text, expected] of TABLE) {
    it(`${pattern} ${expected ? 'matches' : 'does not match'} ${JSON.stringify(text)}`, () =>
      expect(parseGlob(pattern).matches(text)).to.equal(expected));
  }

  for (const pattern of ['[', '[a', '[]', '[z-a]', 'a\\', '[a-]', '[^]']) {
    it(`${JSON.stringify(pattern)} is none`, () => expect(() => parseGlob(pattern)).to.throw(TypeError));
  }

  it('take no long time, whatever they are', () => {
    const glob = parseGlob('*a'.repeat(200));
    expect(glob.matches('a'.repeat(4_000))).to.equal(true);
    expect(glob.matches(`${'a'.repeat(150)}${'b'.repeat(4_000)}`)).to.equal(false);
  });
});

describe('disabled resources', () => {
  it('match kind and group exactly, name and namespace by glob', () => {
    const rule = '- {kind: ConfigMap, name: "my-*", namespace: "n?"}';

    expect(excludes(rule)).to.equal(true);
    expect(excludes(rule, { kind: 'configmap' })).to.equal(false);
    expect(excludes(rule, { name: 'your-map' })).to.equal(false);
    expect(excludes(rule, { namespace: 'other' })).to.equal(false);
    expect(excludes('- {kind: ConfigMap, name: my-map, group: apps}')).to.equal(false);
    expect(excludes('- {kind: ConfigMap, name: my-map, group: ""}')).to.equal(true);
  });

  it('without a namespace mean any, cluster scope included', () => {
    for (const rule of [
      '- {kind: Thing, name: a}',
      '- {kind: Thing, name: a, namespace: ""}',
      '- {kind: Thing, name: a, namespace: "*"}',
    ]) {
      expect(excludes(rule, { kind: 'Thing', name: 'a', namespace: '' }), rule).to.equal(true);
      expect(excludes(rule, { kind: 'Thing', name: 'a', namespace: 'x' }), rule).to.equal(true);
    }
    expect(excludes('- {kind: Thing, name: a, namespace: "?*"}', { kind: 'Thing', name: 'a', namespace: '' })).to.equal(false);
  });

  it('count as far as they are valid', () => {
    const parsed = parseExclusions(
      '- {name: a}\n- {kind: A}\n- {kind: A, name: "["}\n- just text\n- {kind: A, name: 5}\n- {kind: A, name: ok}',
    );

    expect(parsed.kind === 'rules' && parsed.problems).to.deep.equal([
      'rule 1: kind is missing',
      'rule 2: name is missing; "*" means all',
      'rule 3: a "[" has no proper "]"',
      'rule 4: it is no map with kind and name',
      'rule 5: name is missing; "*" means all',
    ]);
    expect(parsed.kind === 'rules' && matchesRule(parsed, identity({ kind: 'A', name: 'ok' }))).to.equal(true);
  });

  it('count without what is misspelt in them, and say so', () => {
    const parsed = parseExclusions('- {kind: A, name: ok, namspace: zone}\n- {kind: B, name: ok, namespace: zone, group: ""}');

    expect(parsed.kind === 'rules' && parsed.problems).to.deep.equal([
      'rule 1: "namspace" is not known; allowed: kind, name, namespace, group; the rule counts without it',
    ]);
    expect(parsed.kind === 'rules' && matchesRule(parsed, identity({ kind: 'A', name: 'ok', namespace: 'elsewhere' }))).to.equal(true);
  });

  it('are none in a blank text', () => {
    for (const text of [undefined, '', '  \n', '[]', '# nothing']) expect(parseExclusions(text)).to.include({ kind: 'rules' });
  });

  const UNREADABLE = ['{kind: A}', 'text', '- {kind: A', '- {kind: A, kind: B, name: c}', `- {kind: A, name: "${'x'.repeat(70_000)}"}`];
  for (const text of UNREADABLE) {
    it(`cannot be read as a whole: ${text.slice(0, 40)}`, () => expect(parseExclusions(text).kind).to.equal('unreadable'));
  }

  it('are at most 500', () => expect(parseExclusions('- {kind: A, name: b}\n'.repeat(501)).kind).to.equal('unreadable'));

  it('stay in force while a newer text cannot be read', () => {
    const exclusions = new Exclusions();
    exclusions.update('- {kind: ConfigMap, name: my-map}');
    exclusions.update('- {kind: ConfigMap, name: my-map');

    expect(exclusions.verdict(identity())).to.deep.equal({ kind: 'excluded' });
    expect(exclusions.verdict(identity({ name: 'other' }))).to.deep.equal({ kind: 'included' });
    expect(exclusions.problems[0]).to.contain('no YAML');
    expect(exclusions.isReadable).to.equal(false);
  });

  it('let nothing be written when no text could be read yet, until one can', () => {
    const exclusions = new Exclusions();
    exclusions.update('nonsense');
    expect(exclusions.verdict(identity()).kind).to.equal('unknown');

    expect(exclusions.update('- {kind: Other, name: "*"}')).to.equal(true);
    expect(exclusions.verdict(identity()).kind).to.equal('included');
    expect(exclusions.update('- {kind: Other, name: "*"}')).to.equal(false);
  });
});
