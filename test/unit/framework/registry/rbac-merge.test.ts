import { expect } from 'chai';
import * as fc from 'fast-check';
import type { ApiVerb } from '../../../../src/framework/decorators/handler';
import { OPERATOR_NAMESPACE } from '../../../../src/framework/kinds/operator-namespace';
import { mergeRules, type RbacRule, rightText } from '../../../../src/framework/registry/rbac-merge';

type Input = Partial<Omit<RbacRule, 'reasons'>> & { why?: string };

function aRule({ why = 'test', ...rule }: Input = {}): RbacRule {
  const whole = { group: '', resource: 'configmaps', verbs: ['get'] as ApiVerb[], names: [], namespace: undefined, ...rule };
  return { ...whole, reasons: [{ by: 'A', why, verbs: whole.verbs }] };
}

/** Every single right: what a set of rules grants, however it is written. */
function granted(rules: readonly RbacRule[]): Set<string> {
  const places = [undefined, OPERATOR_NAMESPACE, 'a', 'b'];
  const names = ['x', 'y', 'some other'];
  const all = new Set<string>();
  for (const { group, resource, verbs, names: only, namespace } of rules) {
    for (const verb of verbs) {
      for (const place of places.filter((one) => namespace === undefined || one === namespace)) {
        for (const name of only.length === 0 ? names : only) all.add([verb, group, resource, String(place), name].join(' '));
      }
    }
  }
  return all;
}

const anyRule = fc
  .record({
    group: fc.constantFrom('', 'apps'),
    resource: fc.constantFrom('configmaps', 'configmaps/status'),
    verbs: fc.uniqueArray(fc.constantFrom<ApiVerb>('get', 'list', 'patch', 'bind'), { minLength: 1 }),
    names: fc.uniqueArray(fc.constantFrom('x', 'y')),
    namespace: fc.constantFrom<RbacRule['namespace']>(undefined, OPERATOR_NAMESPACE, 'a', 'b'),
    why: fc.constantFrom('one', 'two'),
  })
  .map(aRule);

describe('merging rules', () => {
  it('makes one rule a resource, with the verbs in a fixed order and all reasons', () => {
    const merged = mergeRules([aRule({ verbs: ['patch'], why: 'writes' }), aRule({ verbs: ['list', 'get'], why: 'reads' })]);

    expect(merged).to.have.length(1);
    expect(merged[0]!.verbs).to.deep.equal(['get', 'list', 'patch']);
    expect(merged[0]!.reasons.map(({ why, verbs }) => [why, verbs])).to.deep.equal([
      ['reads', ['get', 'list']],
      ['writes', ['patch']],
    ]);
  });

  it('sorts by place, then group, then resource', () => {
    const rules = [
      aRule({ resource: 'secrets', namespace: 'b' }),
      aRule({ resource: 'secrets', namespace: OPERATOR_NAMESPACE }),
      aRule({ group: 'apps', resource: 'daemonsets' }),
      aRule({ resource: 'pods' }),
      aRule(),
    ];

    expect(mergeRules(rules).map((rule) => rightText('get', rule))).to.deep.equal([
      'get configmaps',
      'get pods',
      'get daemonsets.apps',
      'get secrets in the operator namespace',
      'get secrets in namespace b',
    ]);
  });

  it('drops what a wider rule grants anyway, and keeps the reason there', () => {
    const merged = mergeRules([
      aRule({ verbs: ['get', 'patch'], names: ['x'], namespace: 'a', why: 'one object' }),
      aRule({ verbs: ['get'], why: 'all objects' }),
    ]);

    expect(merged.map(({ verbs, names }) => [verbs, names])).to.deep.equal([
      [['get'], []],
      [['patch'], ['x']],
    ]);
    expect(merged[0]!.reasons.map(({ why }) => why)).to.deep.equal(['all objects', 'one object']);
  });

  it('grants exactly what was put in, whatever the order, and the same when merged again', () => {
    fc.assert(
      fc.property(fc.array(anyRule, { maxLength: 8 }), fc.func(fc.nat()), (rules, rank) => {
        const merged = mergeRules(rules);
        const shuffled = [...rules].sort((a, b) => rank(a) - rank(b));
        expect(granted(merged)).to.deep.equal(granted(rules));
        expect(mergeRules(shuffled)).to.deep.equal(merged);
        expect(mergeRules(merged)).to.deep.equal(merged);
      }),
    );
  });

  it('leaves no verb that two of its rules grant for the same objects', () => {
    fc.assert(
      fc.property(fc.array(anyRule, { maxLength: 8 }), (rules) => {
        const merged = mergeRules(rules);
        for (const rule of merged) {
          const alone = granted([rule]);
          const others = granted(merged.filter((other) => other !== rule && isWider(other, rule)));
          expect([...alone].filter((right) => others.has(right))).to.deep.equal([]);
        }
      }),
    );
  });
});

function isWider(wide: RbacRule, narrow: RbacRule): boolean {
  const place = wide.namespace === undefined || wide.namespace === narrow.namespace;
  return place && (wide.names.length === 0 || (narrow.names.length > 0 && narrow.names.every((name) => wide.names.includes(name))));
}
