import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { crdVersions, readCrds } from '../../../../hack/generators/crd-schema';

function crdYaml({
  kind = 'Widget',
  group = 'example.org',
  versions = '[{name: v1, served: true, schema: {openAPIV3Schema: {type: object}}}]',
} = {}) {
  return `kind: CustomResourceDefinition\nspec:\n  group: ${group}\n  names: {kind: ${kind}}\n  versions: ${versions}\n`;
}

describe('reading CRDs', () => {
  it('gives one entry a served version and leaves out the others', () => {
    const schema = 'schema: {openAPIV3Schema: {type: object}}';
    const versions = `[{name: v1, served: true, ${schema}}, {name: v1alpha1, served: false, ${schema}}, {name: v2, served: true, ${schema}}]`;

    const found = crdVersions('crds/a.yaml', crdYaml({ versions }));

    expect(found.map(({ version }) => version)).to.deep.equal(['v1', 'v2']);
    expect(found[0]).to.deep.equal({
      source: 'crds/a.yaml',
      group: 'example.org',
      version: 'v1',
      kind: 'Widget',
      schema: { type: 'object' },
    });
  });

  it('names the file that is no CRD', () => {
    expect(() => crdVersions('crds/a.yaml', 'kind: Deployment\n')).to.throw('crds/a.yaml is no CustomResourceDefinition');
    expect(() => crdVersions('crds/empty.yaml', '')).to.throw('crds/empty.yaml is no CustomResourceDefinition');
  });

  it('names the file whose served version has no schema', () => {
    expect(() => crdVersions('crds/a.yaml', crdYaml({ versions: '[{name: v1, served: true}]' }))).to.throw(
      'crds/a.yaml: a served version lacks',
    );
  });

  it('sorts by group, version and kind whatever the files are called, and skips other files', () => {
    const root = mkdtempSync(join(tmpdir(), 'crd-schema-'));
    try {
      mkdirSync(join(root, 'crds'));
      writeFileSync(join(root, 'crds', 'a.yaml'), crdYaml({ group: 'b.example.org', kind: 'Alpha' }));
      writeFileSync(join(root, 'crds', 'b.yaml'), crdYaml({ group: 'a.example.org', kind: 'Zeta' }));
      writeFileSync(join(root, 'crds', 'c.yaml'), crdYaml({ group: 'a.example.org', kind: 'Beta' }));
      writeFileSync(join(root, 'crds', 'README.md'), 'not a CRD');

      expect(readCrds(root, 'crds').map(({ kind, source }) => `${kind} ${source}`)).to.deep.equal([
        'Beta crds/c.yaml',
        'Zeta crds/b.yaml',
        'Alpha crds/a.yaml',
      ]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
