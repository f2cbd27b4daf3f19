import { expect } from 'chai';
import { mergeRules, OPERATOR_NAMESPACE, type RbacRule, rightText } from '../../../../src/framework';
import { CatalogError, loadCatalog } from '../../../../src/platform/catalog';
import { catalogRights, contextRights, KindTable, platformRights } from '../../../../src/platform/rights';
import { shippedAssets } from '../../../../src/platform/settings';
import { anAsset, inDirectory } from '../support/catalogs';

const e = (source: string): string => `${'$'}{ ${source} }`;

const KINDS = `
- { apiVersion: v1, kind: ConfigMap, plural: configmaps, namespaced: true }
- { apiVersion: v1, kind: Namespace, plural: namespaces, namespaced: false }
- { apiVersion: a.io/v1, kind: Thing, plural: thingies, namespaced: false }
- { apiVersion: a.io/v2, kind: Thing, plural: thingies, namespaced: false }
- { apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, plural: clusterroles, namespaced: false }
- { apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, plural: clusterrolebindings, namespaced: false }
`;

/** Rights of a catalog, one line a verb. */
function rightsOf(files: Record<string, string>, { withRemoval = false, tombstone = '', retired = '', kinds = KINDS } = {}): string[] {
  const names = Object.keys(files);
  const exempt = names.map((path) => /name: ([a-z0-9-]+)/.exec(files[path]!)?.[1]);
  const listed = { tombstones: tombstone === '' ? [] : ['tombstones/t.yaml'], retired: retired === '' ? [] : ['retired/r.yaml'] };
  const root = { version: '1', assets: names.map((file) => ({ file })), exempt, ...listed };
  const all = {
    ...files,
    'kinds.yaml': kinds,
    'catalog.yaml': JSON.stringify(root),
    ...(tombstone === '' ? {} : { 'tombstones/t.yaml': tombstone }),
    ...(retired === '' ? {} : { 'retired/r.yaml': retired }),
  };
  return inDirectory(all, (directory) => linesOf(catalogRights(loadCatalog(directory), KindTable.in(directory), { withRemoval })));
}

function linesOf(rules: readonly RbacRule[]): string[] {
  return mergeRules(rules).flatMap((rule) => rule.verbs.map((verb) => rightText(verb, rule)));
}

describe('rights that follow from a catalog', () => {
  it('are those to follow and make a kind, and to read and change the objects by name', () => {
    expect(rightsOf({ 'a.yaml': anAsset() })).to.have.members([
      'list configmaps',
      'watch configmaps',
      'create configmaps',
      'get configmaps named a',
      'patch configmaps named a',
    ]);
  });

  it('name every instance of an asset', () => {
    const rights = rightsOf({
      'a.yaml': anAsset({ forEach: 'topology.roles' }, { metadata: { name: `x-${e('item')}`, namespace: 'ns' } }),
    });

    expect(rights).to.include('patch configmaps named x-master, x-worker');
  });

  it('are not limited to names that only the cluster tells', () => {
    expect(rightsOf({ 'a.yaml': anAsset({}, { metadata: { name: e('settings.namespace'), namespace: 'ns' } }) })).to.include(
      'patch configmaps',
    );
  });

  it('take plurals from the table of kinds, once for all versions', () => {
    const files = {
      'a.yaml': anAsset(
        { apiVersions: ['a.io/v2', 'a.io/v1'] },
        { apiVersion: e('self.apiVersion'), kind: 'Thing', metadata: { name: 'a' } },
      ),
    };

    expect(rightsOf(files).filter((line) => line.startsWith('patch'))).to.deep.equal(['patch thingies.a.io named a']);
  });

  it('cannot be told of a kind that does not stand in the table', () => {
    const other = { apiVersion: 'b.io/v1', kind: 'Other', metadata: { name: 'a' } };

    expect(() => rightsOf({ 'a.yaml': anAsset({}, other) })).to.throw(
      CatalogError,
      'kinds.yaml: has no row for b.io/v1 Other, which asset a names',
    );
    expect(() => rightsOf({ 'a.yaml': anAsset({ when: ['cluster.list("b.io/v1", "Other", "").size() > 0'] }) })).to.throw(
      'a look-up of asset a',
    );
  });

  it('have no creation of what is only taken over', () => {
    expect(rightsOf({ 'a.yaml': anAsset({ create: false }) })).to.not.include('create configmaps');
  });

  it('have deletion by name where an asset asks for it, and with removal for everything that may go', () => {
    expect(rightsOf({ 'a.yaml': anAsset({ onUnwanted: 'delete' }) })).to.include('delete configmaps named a');
    expect(rightsOf({ 'a.yaml': anAsset() })).to.not.include('delete configmaps named a');
    expect(rightsOf({ 'a.yaml': anAsset() }, { withRemoval: true })).to.include('delete configmaps named a');
  });

  it('never have deletion of namespaces, of what was there before, and of what is only edited', () => {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } };

    for (const file of [anAsset({}, namespace), anAsset({ create: false }), anAsset({ strategy: 'edit' })]) {
      expect(rightsOf({ 'a.yaml': file }, { withRemoval: true }).filter((line) => line.startsWith('delete'))).to.deep.equal([]);
    }
  });

  it('follow one object only where one text of it is edited', () => {
    expect(rightsOf({ 'a.yaml': anAsset({ strategy: 'edit' }) })).to.have.members([
      'create configmaps',
      ...['get', 'list', 'watch', 'patch'].map((verb) => `${verb} configmaps named a`),
    ]);
  });

  it('are none for fragments, which go into an object of another asset', () => {
    const files = { 'a.yaml': anAsset(), 'b.yaml': anAsset({ name: 'b', into: 'a', onUnwanted: 'delete' }) };

    expect(rightsOf(files)).to.deep.equal(rightsOf({ 'a.yaml': anAsset() }));
  });

  it('read what is looked up, by name where the name is written down', () => {
    const look = (expression: string) => rightsOf({ 'a.yaml': anAsset({ when: [expression] }) }).filter((line) => line.includes('a.io'));
    const read = (names: string) => ['get', 'list', 'watch'].map((verb) => `${verb} thingies.a.io${names}`);

    expect(look('cluster.get("a.io/v1", "Thing", "", "x").hasValue()')).to.deep.equal(read(' named x'));
    expect(look('cluster.get("a.io/v1", "Thing", "", settings.namespace).hasValue()')).to.deep.equal(read(''));
    expect(look('cluster.list("a.io/v1", "Thing", "").size() > 0')).to.deep.equal(read(''));
    expect(look('cluster.has("a.io/v1", "Thing") && cluster.schemaHas("a.io/v1", "Thing", "spec")')).to.deep.equal([]);
  });

  it('follow and delete tombstones', () => {
    const tombstone = 'apiVersion: a.io/v1\nkind: Thing\nmetadata: { name: old }\n';

    expect(rightsOf({ 'a.yaml': anAsset() }, { tombstone }).filter((line) => line.includes('a.io'))).to.have.members([
      'list thingies.a.io',
      'watch thingies.a.io',
      'get thingies.a.io named old',
      'delete thingies.a.io named old',
    ]);
  });

  it('follow what the catalog dropped, and delete it by name where that is allowed', () => {
    const retired = 'apiVersion: a.io/v1\nkind: Thing\nmetadata: { name: old }\n';
    const rights = (withRemoval: boolean) =>
      rightsOf({ 'a.yaml': anAsset() }, { retired, withRemoval }).filter((line) => line.includes('a.io'));

    expect(rights(false)).to.have.members(['list thingies.a.io', 'watch thingies.a.io']);
    expect(rights(true)).to.have.members([
      'list thingies.a.io',
      'watch thingies.a.io',
      'get thingies.a.io named old',
      'delete thingies.a.io named old',
    ]);
  });

  describe('to grant', () => {
    const role = (rules: unknown, header: object = {}): string =>
      anAsset(
        { name: 'role', ...header },
        { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'r' }, rules },
      );
    const binding = (name: string): string =>
      anAsset(
        { name: 'binding' },
        {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRoleBinding',
          metadata: { name: 'b' },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
        },
      );

    it('are everything that a role asset grants', () => {
      const rules = [{ apiGroups: ['', 'c.io'], resources: ['pods', 'pods/log'], verbs: ['get'], resourceNames: ['x'] }];

      expect(rightsOf({ 'a.yaml': role(rules) })).to.include.members([
        'get pods named x',
        'get pods/log named x',
        'get pods.c.io named x',
        'get pods/log.c.io named x',
      ]);
    });

    it('are bind for a role that is no asset, and nothing more for one that is', () => {
      const bind = (name: string): string[] =>
        rightsOf({ 'a.yaml': role([]), 'b.yaml': binding(name) }).filter((line) => line.startsWith('bind'));

      expect(bind('collect-logs')).to.deep.equal(['bind clusterroles.rbac.authorization.k8s.io named collect-logs']);
      expect(bind('r')).to.deep.equal([]);
    });

    it('are refused for wildcards, unknown verbs and paths', () => {
      for (const rule of [
        { apiGroups: ['*'], resources: ['pods'], verbs: ['get'] },
        { apiGroups: [''], resources: ['*'], verbs: ['get'] },
        { apiGroups: [''], resources: ['pods/*'], verbs: ['get'] },
        { apiGroups: [''], resources: ['pods'], verbs: ['*'] },
        { apiGroups: [''], resources: ['pods'], verbs: ['fly'] },
        { nonResourceURLs: ['/metrics'], verbs: ['get'] },
      ]) {
        expect(() => rightsOf({ 'a.yaml': role([rule]) }), JSON.stringify(rule)).to.throw(CatalogError, 'a.yaml: role: ');
      }
    });

    it('have to be known without a cluster', () => {
      expect(() => rightsOf({ 'a.yaml': role(e('hco.spec.rules')) })).to.throw(CatalogError, 'depends on the cluster');
      const rules = [{ apiGroups: [''], resources: ['pods'], verbs: [e('params.verb')] }];
      expect(rightsOf({ 'a.yaml': role(rules, { params: { verb: 'list' } }) })).to.include('list pods');
    });
  });
});

describe('the table of kinds', () => {
  for (const [text, why] of [
    ['{}', 'has to be a list'],
    ['- { apiVersion: v1, kind: A, plural: as }', '[0].namespaced: is missing'],
    ['- { kind: A, plural: as, namespaced: true }', '[0].apiVersion: is missing'],
    ['- { apiVersion: v1, kind: A, plural: as, namespaced: yes }', 'truth value'],
    ['- &a { apiVersion: v1, kind: A, plural: as, namespaced: true }\n- *a', 'v1/A stands there twice'],
    ['- { apiVersion: v1, kind: A, plural: as, namespaced: true, short: a }', '[0].short: is not known here'],
  ] as const) {
    it(`refuses ${text}`, () => {
      expect(() => inDirectory({ 'kinds.yaml': text }, (directory) => KindTable.in(directory))).to.throw(CatalogError, why);
    });
  }

  it('has to be there', () => {
    expect(() => inDirectory({}, (directory) => KindTable.in(directory))).to.throw(CatalogError, 'kinds.yaml');
  });
});

describe('rights of the platform module', () => {
  const rights = platformRights(shippedAssets(), { withRemoval: true });

  it('have no wildcard, and nothing on Secrets', () => {
    for (const { group, resource, verbs, names } of rights) {
      expect([group, resource, ...verbs, ...names].join(' ')).to.not.contain('*');
      expect(resource).to.not.match(/^secrets/);
    }
  });

  it('say for each verb what it is needed for', () => {
    for (const { verbs, reasons } of rights) {
      expect(reasons.flatMap((reason) => reason.verbs)).to.include.members([...verbs]);
      for (const { by, why } of reasons) expect(`${by}${why}`).to.match(/^(asset|tombstone|retired|context|status)/);
    }
  });

  it('change no kind without naming its objects', () => {
    for (const rule of rights) {
      if (rule.verbs.some((verb) => ['patch', 'delete'].includes(verb))) expect(rule.names, rule.resource).to.not.deep.equal([]);
    }
  });

  it('write nothing in the namespace of the operator but the status', () => {
    const here = linesOf(contextRights().filter(({ namespace }) => namespace === OPERATOR_NAMESPACE));

    expect(here).to.deep.equal([
      'create configmaps in the operator namespace',
      'get configmaps named virt-steward-platform-status in the operator namespace',
      'patch configmaps named virt-steward-platform-status in the operator namespace',
    ]);
  });

  it('are the same each time', () => {
    expect(JSON.stringify(platformRights(shippedAssets(), { withRemoval: true }))).to.equal(JSON.stringify(rights));
  });
});
