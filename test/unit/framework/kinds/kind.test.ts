import { expect } from 'chai';
import { Secret } from '../../../../src/framework/kinds/core-kinds';
import { defineKind, kindPath, sameKind } from '../../../../src/framework/kinds/kind';

const Widget = defineKind('example.org/v1', 'Widget', 'widgets', { scope: 'Namespaced' });
const Node = defineKind('v1', 'Node', 'nodes', { scope: 'Cluster' });

describe('a kind', () => {
  it('has every option filled in', () => {
    expect(Widget).to.deep.equal({
      apiVersion: 'example.org/v1',
      group: 'example.org',
      version: 'v1',
      kind: 'Widget',
      plural: 'widgets',
      scope: 'Namespaced',
      eitherScope: false,
      optional: false,
      alternatives: [],
      status: true,
      observedGeneration: false,
      conditions: false,
      ownStatus: undefined,
      volatileStatus: [],
      sensitive: false,
      virtual: false,
      id: 'widgets.example.org',
    });
  });

  it('of the core group has an empty group and goes by its bare plural', () => {
    expect(Node).to.include({ group: '', version: 'v1', id: 'nodes' });
  });

  it('is frozen, its lists too, and does not follow later changes of the options', () => {
    const volatileStatus = ['lastSync'];
    const ownStatus = ['phase'];
    const kind = defineKind('example.org/v1', 'Gadget', 'gadgets', {
      scope: 'Cluster',
      volatileStatus,
      ownStatus,
      alternatives: ['example.org/v1beta1'],
    });
    volatileStatus.push('other');
    ownStatus.push('other');

    expect(kind).to.be.frozen;
    expect([kind.volatileStatus, kind.ownStatus, kind.alternatives]).to.deep.equal([['lastSync'], ['phase'], ['example.org/v1beta1']]);
    for (const list of [kind.volatileStatus, kind.ownStatus, kind.alternatives]) expect(list).to.be.frozen;
  });

  it('is sensitive when it is the Secret of the core group, or says so', () => {
    const foreign = defineKind('vault.example.org/v1', 'Secret', 'secrets', { scope: 'Namespaced' });
    const told = defineKind('vault.example.org/v1', 'Token', 'tokens', { scope: 'Namespaced', sensitive: true });
    const harmless = defineKind('v1', 'Secret', 'secrets', { scope: 'Namespaced', sensitive: false });

    expect([Secret, foreign, told, harmless].map(({ sensitive }) => sensitive)).to.deep.equal([true, false, true, false]);
  });

  it('equals another by group and kind, whatever version and options', () => {
    const newer = defineKind('example.org/v2', 'Widget', 'widgets', { scope: 'Namespaced', optional: true });
    const elsewhere = defineKind('example.com/v1', 'Widget', 'widgets', { scope: 'Namespaced' });

    expect(sameKind(Widget, newer)).to.equal(true);
    expect(sameKind(Widget, elsewhere)).to.equal(false);
    expect(sameKind(Widget, defineKind('example.org/v1', 'Gadget', 'widgets', { scope: 'Namespaced' }))).to.equal(false);
  });

  for (const apiVersion of ['', '/v1', 'example.org/', 'a/b/c']) {
    it(`is refused with the apiVersion "${apiVersion}"`, () => {
      const text = `apiVersion of Widget is "${apiVersion}"; allowed: <group>/<version>, or <version> for the core group`;
      expect(() => defineKind(apiVersion, 'Widget', 'widgets', { scope: 'Cluster' })).to.throw(TypeError, text);
    });
  }

  for (const plural of ['', 'Widgets', 'widgets/status', '-widgets', 'wid gets']) {
    it(`is refused with the plural "${plural}"`, () => {
      expect(() => defineKind('example.org/v1', 'Widget', plural, { scope: 'Cluster' })).to.throw(
        TypeError,
        `plural of Widget is "${plural}"`,
      );
    });
  }

  it('is refused with an alternative of another group, which would be another kind', () => {
    const define = (alternative: string) => () =>
      defineKind('example.org/v1', 'Widget', 'widgets', { scope: 'Cluster', alternatives: [alternative] });

    expect(define('example.com/v1')).to.throw(TypeError, 'alternative of Widget is "example.com/v1"; allowed: example.org/<version>');
    expect(define('v1')).to.throw(TypeError);
    expect(define('example.org/v1beta1')).not.to.throw();
  });
});

describe('the path of a kind', () => {
  const cases: [string, string][] = [
    [kindPath(Node), '/api/v1/nodes'],
    [kindPath(Node, undefined, 'n1'), '/api/v1/nodes/n1'],
    [kindPath(Node, 'ignored', 'n1'), '/api/v1/nodes/n1'],
    [kindPath(Widget), '/apis/example.org/v1/widgets'],
    [kindPath(Widget, 'ns'), '/apis/example.org/v1/namespaces/ns/widgets'],
    [kindPath(Widget, 'ns', 'w', 'status'), '/apis/example.org/v1/namespaces/ns/widgets/w/status'],
    [kindPath(Widget, 'a/b', '../../secrets'), '/apis/example.org/v1/namespaces/a%2Fb/widgets/..%2F..%2Fsecrets'],
  ];
  for (const [path, expected] of cases) {
    it(`can be ${expected}`, () => {
      expect(path).to.equal(expected);
    });
  }
});
