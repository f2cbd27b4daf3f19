import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { apiFiles, CRD_TYPES } from '../../../../hack/generators/crd-types';
import { runGenerator } from '../../../../hack/generators/generator-command';

const CRD = `kind: CustomResourceDefinition
spec:
  group: widgets.example.org
  names: {kind: Widget}
  versions:
    - name: v1
      served: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
`;

describe('the generator of API types', () => {
  let root: string;
  let lines: string[];
  const run = (...args: string[]): number => runGenerator(CRD_TYPES, root, args, (line) => lines.push(...line.split('\n')));
  const generated = (): string => readFileSync(join(root, 'src/api/widgets/v1.ts'), 'utf8');

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'crd-types-'));
    lines = [];
    mkdirSync(join(root, 'crds'));
    writeFileSync(join(root, 'crds/widget.yaml'), CRD);
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it('writes one file a group version, named after the first label of the group', () => {
    expect(run()).to.equal(0);

    expect(lines).to.deep.equal(['generated src/api/widgets/v1.ts']);
    expect(generated()).to.contain('  size?: number;');
  });

  it('puts the kinds of one group version into one file', () => {
    writeFileSync(join(root, 'crds/gadget.yaml'), CRD.replace('Widget', 'Gadget'));

    const files = apiFiles(root);

    expect([...files.keys()]).to.deep.equal(['src/api/widgets/v1.ts']);
    expect(files.get('src/api/widgets/v1.ts')).to.match(/export interface Gadget .*export interface Widget /s);
  });

  it('refuses two groups that would meet in one file', () => {
    writeFileSync(join(root, 'crds/other.yaml'), CRD.replace('widgets.example.org', 'widgets.example.com').replace('Widget', 'Other'));

    expect(() => run()).to.throw('src/api/widgets/v1.ts would hold the groups widgets.example.com and widgets.example.org');
  });

  it('says nothing and writes nothing when everything is up to date', () => {
    run();
    lines = [];

    expect(run()).to.equal(0);
    expect(run('--check')).to.equal(0);
    expect(lines).to.deep.equal([]);
  });

  it('fails the check with the differing lines and the remedy, and leaves the file alone', () => {
    run();
    const edited = generated().replace('size?: number', 'size?: string');
    writeFileSync(join(root, 'src/api/widgets/v1.ts'), edited);
    lines = [];

    expect(run('--check')).to.equal(1);
    expect(lines).to.include('src/api/widgets/v1.ts:');
    expect(lines).to.include('-   size?: string;');
    expect(lines).to.include('+   size?: number;');
    expect(lines.at(-1)).to.contain('npm run generate');
    expect(generated()).to.equal(edited);
  });

  it('fails the check when a generated file is missing or has lost its source', () => {
    expect(run('--check')).to.equal(1);
    expect(lines).to.include('  does not exist');

    run();
    writeFileSync(join(root, 'crds/widget.yaml'), CRD.replace('widgets.example.org', 'things.example.org'));
    lines = [];

    expect(run('--check')).to.equal(1);
    expect(lines).to.include('  has no source any more');
  });

  it('removes what it once generated and no longer does, but nothing written by hand', () => {
    run();
    mkdirSync(join(root, 'src/api/own'), { recursive: true });
    writeFileSync(join(root, 'src/api/own/v1.ts'), 'export const own = 1;\n');
    writeFileSync(join(root, 'crds/widget.yaml'), CRD.replace('widgets.example.org', 'things.example.org'));
    lines = [];

    expect(run()).to.equal(0);
    expect(lines).to.deep.equal(['generated src/api/things/v1.ts', 'removed src/api/widgets/v1.ts']);
    expect(readFileSync(join(root, 'src/api/own/v1.ts'), 'utf8')).to.contain('own');
  });

  it('never overwrites a file written by hand', () => {
    mkdirSync(join(root, 'src/api/widgets'), { recursive: true });
    writeFileSync(join(root, 'src/api/widgets/v1.ts'), 'export const own = 1;\n');

    expect(() => run()).to.throw('src/api/widgets/v1.ts was not generated');
    expect(generated()).to.equal('export const own = 1;\n');
  });

  it('ends with the usage exit code on an argument it does not know', () => {
    expect(run('--chekc')).to.equal(2);
    expect(lines).to.deep.equal(['unknown argument "--chekc"; allowed: --check']);
  });
});
