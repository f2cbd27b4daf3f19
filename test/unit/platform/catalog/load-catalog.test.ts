import { expect } from 'chai';
import { CatalogError, loadCatalog } from '../../../../src/platform/catalog';
import { aCatalog, anAsset, inDirectory, problemsOf, theAsset } from '../support/catalogs';

const OPEN = '$' + '{';
const named = (name: string, header: object = {}, metadata: object = {}): string =>
  anAsset({ name, ...header }, { metadata: { name, namespace: 'ns', ...metadata } });

const golden = (name: string): string =>
  anAsset({ name, order: 0 }, { apiVersion: 'hco.kubevirt.io/v1', kind: 'HyperConverged', metadata: { name: 'h', namespace: 'ns' } });

describe('loading a catalog', () => {
  it('fills in what a header leaves out', () => {
    const asset = theAsset();

    expect(asset).to.include({
      name: 'a',
      file: 'a.yaml',
      position: 0,
      maturity: 'ga',
      order: 1,
      install: 'always',
      adopt: 'always',
      create: true,
      strategy: 'apply',
      onUnwanted: 'keep',
      isNodeLevel: false,
    });
    for (const list of ['aliases', 'switches', 'when', 'requires', 'vars', 'fill', 'lookUps', 'options'] as const)
      expect(asset[list]).to.deep.equal([]);
    expect(asset.apiVersions).to.deep.equal(['v1']);
    expect(asset.identity).to.deep.equal({ apiVersions: ['v1'], kind: 'ConfigMap', names: ['a'], name: 'a', namespace: 'ns' });
  });

  it('takes everything that a header may say', () => {
    const asset = theAsset({
      group: 'g',
      aliases: ['older'],
      description: 'd',
      maturity: 'tp',
      order: 3,
      install: 'opt-in',
      switch: ['x', 'older-x'],
      when: ['topology.isHCP'],
      requires: ['crd:as.example.com', 'kind:apps/v1/Deployment', 'kind:v1/Pod', 'feature:olm'],
      params: { size: 1 },
      vars: { one: 'params.size', two: 'vars.one + 1' },
      fill: ['/spec/a~1b'],
      adopt: 'never',
      create: false,
      onUnwanted: 'delete',
    });

    expect(asset).to.include({
      group: 'g',
      maturity: 'tp',
      order: 3,
      install: 'opt-in',
      adopt: 'never',
      create: false,
      onUnwanted: 'delete',
    });
    expect(asset.switches).to.deep.equal(['x', 'older-x']);
    expect(asset.requires).to.deep.equal([
      { type: 'crd', resource: 'as.example.com' },
      { type: 'kind', apiVersion: 'apps/v1', kind: 'Deployment' },
      { type: 'kind', apiVersion: 'v1', kind: 'Pod' },
      { type: 'feature', feature: 'olm' },
    ]);
    expect(asset.vars.map(({ name }) => name)).to.deep.equal(['one', 'two']);
    expect([...asset.reads]).to.have.members(['topology', 'cluster']);
    expect(asset.options.map(({ name }) => name)).to.deep.equal(['enable-x', 'enable-older-x']);
  });

  it('takes dp for the maturity of what has to be opted in', () => {
    expect(theAsset({ install: 'opt-in', switch: 'x' }).maturity).to.equal('dp');
  });

  it('sorts by order, then as listed', () => {
    const files = { 'a.yaml': named('a', { order: 2 }), 'b.yaml': named('b'), 'c.yaml': golden('c'), 'd.yaml': named('d') };

    expect(aCatalog(files).assets.map(({ name, position }) => [name, position])).to.deep.equal([
      ['c', 0],
      ['b', 1],
      ['d', 2],
      ['a', 3],
    ]);
  });

  it('uses a file several times, each with its own name, group, parameters and conditions', () => {
    const file = anAsset(
      { name: 'tune', params: { role: 'worker' } },
      { metadata: { name: `tune-${OPEN} params.role }`, namespace: 'ns' } },
    );
    const assets = [
      { file: 'a.yaml' },
      { file: 'a.yaml', name: 'tune-master', group: 'g', params: { role: 'master' }, when: ['topology.hasSchedulableMasters'] },
    ];
    const catalog = aCatalog({ 'a.yaml': file }, { assets, exempt: ['tune', 'tune-master'] });

    expect(catalog.assets.map(({ name, group, identity, when }) => [name, group, identity.name, when.length])).to.deep.equal([
      ['tune', undefined, 'tune-worker', 0],
      ['tune-master', 'g', 'tune-master', 1],
    ]);
  });

  it('knows the names of all instances where they can be told', () => {
    const of = (forEach: string) => theAsset({ forEach }, { metadata: { name: `x-${OPEN} item }`, namespace: 'ns' } }).identity;

    expect(of('topology.roles')).to.deep.include({ names: ['x-worker', 'x-master'], namespace: 'ns' });
    expect(of('["b", "c"]').names).to.deep.equal(['x-b', 'x-c']);
    expect(of('keys(hardware.resources)').names).to.equal(undefined);
    expect(theAsset({}, { metadata: { name: `${OPEN} settings.namespace }`, namespace: 'ns' } }).identity).to.not.have.any.keys(
      'name',
      'names',
    );
    expect(theAsset({}, { metadata: { name: 'a', namespace: `${OPEN} settings.namespace }` } }).identity).to.not.have.key('namespace');
  });

  it('marks what may reboot nodes', () => {
    const kind = (apiVersion: string, name: string) => theAsset({}, { apiVersion, kind: name, metadata: { name: 'a' } }).isNodeLevel;

    expect(kind('machineconfiguration.openshift.io/v1', 'MachineConfig')).to.equal(true);
    expect(kind('machineconfiguration.openshift.io/v1', 'KubeletConfig')).to.equal(true);
    expect(kind('machineconfiguration.openshift.io/v1', 'MachineConfigPool')).to.equal(false);
    expect(kind('v1', 'ConfigMap')).to.equal(false);
  });

  it('knows the annotations that the catalog reads', () => {
    const files = { 'a.yaml': anAsset({ switch: 'x' }, { data: { a: `${OPEN} option("size", "") }` } }) };

    expect([...aCatalog(files).optionNames]).to.deep.equal(['enable-x', 'size']);
  });

  it('refuses a directory that is not there', () => {
    expect(() => loadCatalog('/nowhere/catalog')).to.throw(CatalogError, '/nowhere/catalog: cannot be read');
    expect(() => inDirectory({ 'a.yaml': '' }, loadCatalog)).to.throw(CatalogError, 'catalog.yaml: ');
  });

  it('is refused without a name of its directory', () => {
    expect(() => loadCatalog('')).to.throw(CatalogError, '--platform-assets-dir: is empty; allowed: the directory of a catalog');
  });

  describe('that is larger than a catalog can be', () => {
    const refusal = (files: Record<string, string>): string =>
      inDirectory(files, (directory) => {
        try {
          return String(loadCatalog(directory));
        } catch (error) {
          return (error as Error).message.replaceAll(directory, 'DIRECTORY');
        }
      });

    it('is refused with its largest file, and with what all take, before any of them is read', () => {
      const file = 'x'.repeat(2 ** 20);
      const files = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`files/${index}`, file]));

      expect(refusal({ 'catalog.yaml': 'no: [yaml', 'files/large': `${file}x` })).to.equal(
        'files/large: has 1048577 bytes; allowed: 1048576',
      );
      expect(refusal({ 'catalog.yaml': 'no: [yaml', ...files })).to.equal('DIRECTORY: has 16777225 bytes in all; allowed: 16777216');
    });

    it('is refused with too many files, wherever they stand, but for schemas and documents', () => {
      const many = (folder: string, end = '.yaml'): Record<string, string> =>
        Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`${folder}/${index}${end}`, '']));

      expect(refusal(many('a/b/c'))).to.equal('DIRECTORY: has more than 1000 files, which is no catalog; allowed: 1000');
      expect(refusal({ 'catalog.yaml': 'no: [yaml', ...many('crds'), ...many('docs', '.md') })).to.match(/^catalog\.yaml: /);
    });
  });

  it('tells everything that is wrong with all files at once, by file and field', () => {
    const problems = problemsOf({
      'a.yaml': anAsset({ order: -1, install: 'sometimes', colour: 'red', when: ['1 +', 'hardware.x'], requires: ['crd:'] }),
      'b.yaml': 'a: yes\n',
      'c.yaml': anAsset({ name: 'c' }, { metadata: {} }),
      'd.yaml': anAsset({ name: 'd' }, { data: { a: `${OPEN} nothing }`, b: ['x', `y ${OPEN} topology.x }`], [`${OPEN} 1 }`]: 'z' } }),
    });

    for (const start of [
      'a.yaml: asset.order: is -1; allowed: a whole number from 0',
      'a.yaml: asset.install: is "sometimes"; allowed: always | opt-in',
      'a.yaml: asset.colour: is not known here',
      'a.yaml: asset.when[0]: expression "1 +"',
      'a.yaml: asset.when[1]: expression "hardware.x"',
      'a.yaml: asset.requires[0]: is "crd:"',
      'b.yaml: line 1: yes',
      'c.yaml: metadata.name: is missing',
      'd.yaml: data.a: expression "nothing": Unknown variable: nothing',
      'd.yaml: data.b[1]: expression "topology.x": No such key: x',
      `d.yaml: data.${OPEN} 1 }: expression`,
    ]) {
      expect(
        problems.some((problem) => problem.startsWith(start)),
        `${start}\n${problems.join('\n')}`,
      ).to.equal(true);
    }
  });

  describe('refuses', () => {
    const refused = (title: string, files: Record<string, string>, text: string, root: object = {}): void => {
      it(title, () => expect(problemsOf(files, root).join('\n')).to.contain(text));
    };

    refused('a file without two documents', { 'a.yaml': 'asset: {name: a}\n' }, 'a.yaml: has 1 documents; allowed: two');
    refused('a file of three documents', { 'a.yaml': `${anAsset()}---\n{}\n` }, 'has 3 documents');
    refused('a header without a name', { 'a.yaml': anAsset({ name: null }) }, 'a.yaml: asset.name: is missing', { exempt: [] });
    refused('a name that cannot stand in an annotation', { 'a.yaml': anAsset({ name: 'A.b' }) }, 'asset.name: is "A.b"');
    refused('something beside the header', { 'a.yaml': anAsset().replace('asset:', 'more: 1\nasset:') }, 'a.yaml: more: is not known here');
    refused('an object without a kind', { 'a.yaml': anAsset({}, { kind: null }) }, 'a.yaml: kind: is missing');
    refused(
      'a computed kind',
      { 'a.yaml': anAsset({}, { kind: `${OPEN} self.name }` }) },
      'kind: is missing; it cannot be told by an expression',
    );
    refused('an object without an apiVersion', { 'a.yaml': anAsset({}, { apiVersion: null }) }, 'apiVersion: is missing');
    refused(
      'versions of two groups',
      { 'a.yaml': anAsset({ apiVersions: ['a.io/v1', 'b.io/v1'] }) },
      'asset.apiVersions: has to list versions of one group',
    );
    refused('a fixed version beside alternatives', { 'a.yaml': anAsset({ apiVersions: ['v1', 'v2'] }) }, 'apiVersion: is fixed');
    for (const member of [
      'resourceVersion',
      'uid',
      'managedFields',
      'creationTimestamp',
      'finalizers',
      'ownerReferences',
      'generateName',
    ]) {
      refused(
        `metadata.${member}`,
        { 'a.yaml': anAsset({}, { metadata: { name: 'a', [member]: 'x' } }) },
        `metadata.${member}: cannot be set`,
      );
    }
    for (const [kind, name] of [
      ['annotations', 'platform.kubevirt.io/mode'],
      ['annotations', 'platform.kubevirt.io/patch'],
      ['labels', 'platform.kubevirt.io/managed-by'],
    ] as const) {
      refused(
        `a ${name} of its own`,
        { 'a.yaml': anAsset({}, { metadata: { name: 'a', [kind]: { [name]: 'x' } } }) },
        `metadata.${kind}.${name}: cannot be set`,
      );
    }
    refused('a status', { 'a.yaml': anAsset({}, { status: {} }) }, 'status: cannot be set');
    refused('expressions in keys', { 'a.yaml': anAsset({}, { data: { [`${OPEN} self.name }`]: 'x' } }) }, 'keys take no expressions');

    refused(
      'opt-in without a way to opt in',
      { 'a.yaml': anAsset({ install: 'opt-in' }) },
      'asset.install: is opt-in, but nobody can opt in',
    );
    refused(
      'opt-in by hardware alone',
      { 'a.yaml': anAsset({ install: 'opt-in', when: ['hardware.gpuPresent'] }) },
      'asset.install: is opt-in, but nobody can opt in',
    );
    refused(
      'conditions that are no truth value',
      { 'a.yaml': anAsset({ when: ['topology.workerCount'] }) },
      'when[0]: expression "topology.workerCount": gives int',
    );
    refused('item in a condition', { 'a.yaml': anAsset({ forEach: 'topology.roles', when: ['item == "x"'] }) }, 'Unknown variable: item');
    refused(
      'a shared condition that there is not',
      { 'a.yaml': anAsset({ when: ['$missing'] }) },
      'when[0]: names the shared condition missing',
    );
    refused('a shared condition that cannot be compiled', { 'a.yaml': anAsset() }, 'catalog.yaml: conditions.c: expression "1 +"', {
      conditions: { c: '1 +' },
    });
    refused(
      'vars that read later ones',
      { 'a.yaml': anAsset({ vars: { one: 'vars.two', two: '1' } }) },
      'asset.vars.one: expression "vars.two": Unknown variable: vars.two',
    );
    refused(
      'a forEach that gives no list',
      { 'a.yaml': anAsset({ forEach: 'topology.isHCP' }) },
      'asset.forEach: expression "topology.isHCP": gives bool',
    );
    refused(
      'a parameter without a value',
      { 'a.yaml': anAsset({ params: { role: null } }) },
      'asset.params.role: has no default and is not given',
    );
    refused('a parameter that the file does not have', { 'a.yaml': anAsset() }, 'asset.params.role: is given in the catalog', {
      assets: [{ file: 'a.yaml', params: { role: 'x' } }],
    });
    refused('a parameter that is no scalar', { 'a.yaml': anAsset({ params: { role: [1] } }) }, 'asset.params.role: has to be text');
    refused(
      'parameters that the header does not have',
      { 'a.yaml': anAsset({}, { data: { a: `${OPEN} params.x }` } }) },
      'Unknown variable: params.x',
    );
    refused('requirements of unknown form', { 'a.yaml': anAsset({ requires: ['pods'] }) }, 'asset.requires[0]: is "pods"; allowed: crd:');
    refused('features that there are not', { 'a.yaml': anAsset({ requires: ['feature:aws'] }) }, 'asset.requires[0]: is "feature:aws"');
    refused('pointers without a slash', { 'a.yaml': anAsset({ fill: ['spec.a'] }) }, 'asset.fill: has "spec.a"');

    refused(
      'two assets of one name',
      { 'a.yaml': named('a'), 'b.yaml': named('a', {}, { name: 'b' }) },
      'b.yaml: asset.name: a is also a name of an asset in a.yaml',
    );
    refused('an alias that is a name', { 'a.yaml': named('a'), 'b.yaml': named('b', { aliases: ['a'] }) }, 'asset.name: a is also a name');
    refused(
      'a group that is the name of an asset outside',
      { 'a.yaml': named('a'), 'b.yaml': named('b', { group: 'a' }) },
      'asset.group: a is also the name',
    );
    refused('a file that is not there', { 'a.yaml': anAsset() }, 'catalog.yaml: assets[1].file: names b.yaml, which is no file', {
      assets: [{ file: 'a.yaml' }, { file: 'b.yaml' }],
    });
    refused('a file that leads out of the directory', { 'a.yaml': anAsset() }, 'names ../a.yaml, which is no file', {
      assets: [{ file: 'a.yaml' }, { file: '../a.yaml' }],
    });
    refused('a file that is not used', { 'a.yaml': anAsset(), 'b.yaml': named('b') }, 'b.yaml: stands in no entry', {
      assets: [{ file: 'a.yaml' }],
      exempt: ['a'],
    });
    refused(
      'two assets with one object',
      { 'a.yaml': named('a'), 'b.yaml': named('b', {}, { name: 'a' }) },
      'b.yaml: metadata: the asset a in a.yaml has the same object',
    );
    refused(
      'an instance with the object of another asset',
      { 'a.yaml': named('a', { forEach: 'topology.roles' }, { name: `x-${OPEN} item }` }), 'b.yaml': named('b', {}, { name: 'x-master' }) },
      'b.yaml: metadata: the asset a in a.yaml has the same object',
    );
    refused(
      'to wait for an asset that there is not',
      { 'a.yaml': named('a', { requires: ['asset:b'] }) },
      'asset.requires: names b, which is no asset',
    );
    refused(
      'assets that wait for one another',
      {
        'a.yaml': named('a', { requires: ['asset:b'] }),
        'b.yaml': named('b', { requires: ['asset:c'] }),
        'c.yaml': named('c', { requires: ['asset:a'] }),
      },
      'a.yaml: asset.requires: waits for b, which waits for a',
    );

    refused('a fragment of nothing', { 'a.yaml': named('a', { into: 'b' }) }, 'asset.into: names b, which is no asset');
    refused(
      'a fragment of a fragment',
      { 'a.yaml': named('a'), 'b.yaml': named('b', { into: 'a' }), 'c.yaml': named('c', { into: 'b' }) },
      'asset.into: names b, which is a fragment itself',
    );
    refused(
      'a fragment of another kind',
      { 'a.yaml': named('a'), 'b.yaml': anAsset({ name: 'b', into: 'a' }, { apiVersion: 'v1', kind: 'Service' }) },
      'names a, which is a ConfigMap and no Service',
    );
    refused(
      'a fragment with instances',
      { 'a.yaml': named('a'), 'b.yaml': named('b', { into: 'a', forEach: '["x"]' }) },
      'a fragment has one instance',
    );

    refused('an asset without a feature', { 'a.yaml': anAsset() }, 'catalog.yaml: features: leave out the asset a', { exempt: [] });
    refused('a feature of assets that there are not', { 'a.yaml': anAsset() }, 'catalog.yaml: features[0].assets: has b', {
      features: [{ name: 'F', description: 'd', assets: ['a', 'b'] }],
    });
    refused('a feature of groups that there are not', { 'a.yaml': anAsset() }, 'catalog.yaml: features[0].groups: has g', {
      features: [{ name: 'F', description: 'd', groups: ['g'] }],
    });
    refused('to exempt what there is not', { 'a.yaml': anAsset() }, 'catalog.yaml: exempt: names z', { exempt: ['a', 'z'] });
    refused('a catalog without a version', { 'a.yaml': anAsset() }, 'catalog.yaml: version: is missing', { version: null });
    refused('members that it does not know', { 'a.yaml': anAsset() }, 'catalog.yaml: extra: is not known here', { extra: 1 });

    refused(
      'options without a pattern that reach a node',
      {
        'a.yaml': anAsset(
          {},
          {
            apiVersion: 'machineconfiguration.openshift.io/v1',
            kind: 'MachineConfig',
            metadata: { name: 'a' },
            spec: { kernelArguments: [`x=${OPEN} option("x", "") }`] },
          },
        ),
      },
      'option("x", ...) has no pattern',
    );
    refused(
      'options without a pattern that reach a container through vars',
      {
        'a.yaml': anAsset(
          { vars: { image: 'option("image", "")' } },
          { apiVersion: 'apps/v1', kind: 'DaemonSet', spec: { image: `${OPEN} vars.image }` } },
        ),
      },
      'option("image", ...) has no pattern',
    );

    refused(
      'files that are not there',
      { 'a.yaml': anAsset({}, { data: { a: `${OPEN} file("x.sh") }` } }) },
      'a.yaml: file("x.sh") is no file below files/',
    );
    refused(
      'files that lead out of the folder',
      { 'a.yaml': anAsset({}, { data: { a: `${OPEN} file("../a.yaml") }` } }) },
      'file("../a.yaml") is no file below files/',
    );
    refused('files that nobody reads', { 'a.yaml': anAsset(), 'files/x.sh': '' }, 'files/x.sh: is read by no asset');
  });

  it('lets a condition read options without a pattern: they reach no node', () => {
    const object = { apiVersion: 'machineconfiguration.openshift.io/v1', kind: 'MachineConfig', metadata: { name: 'a' } };

    expect(problemsOf({ 'a.yaml': anAsset({ when: ['option("x", "") != ""'] }, object) })).to.deep.equal([]);
  });

  it('takes assets of one name in two namespaces, and of one identity as fragments', () => {
    const files = {
      'a.yaml': named('a', {}, { name: 'x', namespace: 'one' }),
      'b.yaml': named('b', {}, { name: 'x', namespace: 'two' }),
      'c.yaml': named('c', { into: 'a' }, { name: 'x', namespace: 'one' }),
    };

    expect(problemsOf(files)).to.deep.equal([]);
  });

  it('never looks at schemas, read-me files and the table of kinds', () => {
    expect(
      problemsOf({ 'a.yaml': anAsset(), 'crds/x.yaml': 'a: yes', 'README.md': '', 'files/README.md': '', 'kinds.yaml': 'a: yes' }),
    ).to.deep.equal([]);
  });

  it('reads files once it is loaded, not later', () => {
    const catalog = aCatalog({ 'a.yaml': anAsset({}, { data: { a: `${OPEN} file("d/x.sh") }` } }), 'files/d/x.sh': '#!/bin/sh\n' });

    expect([...catalog.files]).to.deep.equal([['d/x.sh', '#!/bin/sh\n']]);
  });

  describe('features', () => {
    const files = {
      'a.yaml': named('a', { group: 'g' }),
      'b.yaml': named('b', { group: 'g', install: 'opt-in', switch: 'x' }),
      'c.yaml': named('c'),
      'd.yaml': named('d'),
    };
    const features = [
      { name: 'F4', description: 'four', groups: ['g'] },
      { name: 'F2', description: 'two', assets: ['c'], requires: ['an operator'], recommended: ['this'] },
      { name: 'F1', description: 'one', assets: ['d'] },
      { name: 'F3', description: 'three', assets: ['d'], maturity: 'tp' },
    ];
    const load = () => aCatalog(files, { features, exempt: [] }).features;

    it('have the assets of their groups, and are dp as soon as one is opt-in', () => {
      expect(load().at(-1)).to.deep.equal({
        name: 'F4',
        description: 'four',
        maturity: 'dp',
        assets: ['a', 'b'],
        groups: ['g'],
        requires: [],
        recommended: [],
      });
    });

    it('are sorted by maturity, then by name', () => {
      expect(load().map(({ name }) => name)).to.deep.equal(['F1', 'F2', 'F3', 'F4']);
    });
  });

  describe('tombstones', () => {
    const tombstone = (kind: string, name: string, namespace?: string): string =>
      `apiVersion: v1\nkind: ${kind}\nmetadata:\n  name: ${name}\n${namespace === undefined ? '' : `  namespace: '${namespace}'\n`}`;
    const files = (text: string) => ({ 'a.yaml': anAsset(), 'tombstones/t.yaml': text });
    const root = { tombstones: ['tombstones/t.yaml'] };

    it('are objects of their file, one after the other', () => {
      const text = `${tombstone('Service', 'old', `${OPEN} settings.namespace }`)}---\n${tombstone('Node', 'node')}`;
      const { tombstones } = aCatalog(files(text), root);

      expect(tombstones.map(({ kind, name, file }) => [kind, name, file])).to.deep.equal([
        ['Service', 'old', 'tombstones/t.yaml'],
        ['Node', 'node', 'tombstones/t.yaml'],
      ]);
      expect(tombstones[0]!.namespace!.expressions).to.have.length(1);
      expect(tombstones[1]).to.not.have.key('namespace');
    });

    for (const [title, text, problem] of [
      ['have a name', 'apiVersion: v1\nkind: A\nmetadata: {}\n', 'tombstones/t.yaml: [0].metadata.name: is missing'],
      ['have no expressions', tombstone('Service', `${OPEN} settings.namespace }`), 'only metadata.namespace may have one'],
      [
        'have no other expression as namespace',
        tombstone('Service', 'a', `${OPEN} hco.metadata.namespace }`),
        'allowed: settings.namespace',
      ],
      ['are no object of an asset', tombstone('ConfigMap', 'a', 'ns'), 'ConfigMap a is also the object of the asset a'],
      [
        'are no object that an asset may have',
        tombstone('ConfigMap', 'a', `${OPEN} settings.namespace }`),
        'also the object of the asset a',
      ],
      ['have nothing but their identity', `${tombstone('Service', 'a')}spec: {}\n`, '[0].spec: is not known here'],
    ] as const) {
      it(title, () => expect(problemsOf(files(text), root).join('\n')).to.contain(problem));
    }

    it('are listed, and those listed are there', () => {
      expect(problemsOf(files(tombstone('Service', 'a')))).to.deep.equal(['tombstones/t.yaml: stands in no entry of catalog.yaml']);
      expect(problemsOf({ 'a.yaml': anAsset() }, root).join()).to.contain('tombstones: has tombstones/t.yaml');
    });
  });

  describe('retired objects', () => {
    const retired = 'apiVersion: v1\nkind: Service\nmetadata: { name: old }\n';
    const files = (text: string) => ({ 'a.yaml': anAsset(), 'retired/r.yaml': text });
    const root = { retired: ['retired/r.yaml'] };

    it('are written like tombstones', () => {
      const catalog = aCatalog(files(retired), root);

      expect(catalog.retired).to.deep.equal([{ apiVersion: 'v1', kind: 'Service', name: 'old', file: 'retired/r.yaml' }]);
      expect(catalog.tombstones).to.deep.equal([]);
    });

    it('are no object of an asset', () => {
      const text = retired.replace('Service', 'ConfigMap').replace('old', 'a, namespace: ns');
      expect(problemsOf(files(text), root).join()).to.contain('retired/r.yaml: ConfigMap a is also the object of the asset a');
    });

    it('are no tombstones', () => {
      const both = { ...files(retired), 'tombstones/t.yaml': retired };

      expect(problemsOf(both, { ...root, tombstones: ['tombstones/t.yaml'] }).join()).to.contain(
        'retired/r.yaml: Service old is also a tombstone in tombstones/t.yaml',
      );
    });

    it('are listed, and those listed are there', () => {
      expect(problemsOf(files(retired))).to.deep.equal(['retired/r.yaml: stands in no entry of catalog.yaml']);
      expect(problemsOf({ 'a.yaml': anAsset() }, root).join()).to.contain('retired: has retired/r.yaml');
    });
  });
});
