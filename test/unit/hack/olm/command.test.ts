import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { validate } from '../../../../hack/olm/main';
import { ROOT } from '../../../harness/steward-cluster';

describe('the command that checks a bundle', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bundle-'));
    cpSync(join(ROOT, 'olm-bundle'), folder, { recursive: true });
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  function run(...args: string[]): { exitCode: number; lines: string[] } {
    const lines: string[] = [];
    return { exitCode: validate(args, (line) => lines.push(line)), lines };
  }

  it('passes the bundle of the repository and says how many rules it passed', () => {
    const { exitCode, lines } = run();

    expect(exitCode).to.equal(0);
    expect(lines.at(-1)).to.match(/^virt-steward\.v[0-9.]+: \d+ rules passed$/);
  });

  it('fails with one line a finding', () => {
    writeFileSync(
      join(folder, 'manifests', 'extra.yaml'),
      'apiVersion: security.openshift.io/v1\nkind: SecurityContextConstraints\nmetadata: {name: x}\n',
    );

    const { exitCode, lines } = run(folder);

    expect(exitCode).to.equal(1);
    expect(lines.filter((line) => / error /.test(line))).to.deep.equal([
      'B34 error manifests/extra.yaml kind: SecurityContextConstraints is not allowed: catalogs refuse it; agents use one of OpenShift',
    ]);
  });

  it('refuses a folder that is no bundle', () => {
    expect(run(tmpdir())).to.deep.include({ exitCode: 2 });
    expect(run(folder, folder)).to.deep.include({ exitCode: 2 });
  });
});
