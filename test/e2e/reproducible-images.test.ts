import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { INPUTS } from '../../hack/images/source';
import { ROOT } from '../harness/steward-cluster';
import { VERSION } from './images';

const ARCHITECTURE = process.arch === 'arm64' ? 'arm64' : 'amd64';
/** What images are made from, beside packages; of the folder hack all, since what makes them imports more of it. */
const SOURCES = [...INPUTS.filter((path) => !path.startsWith('hack')), 'hack', 'build/src', 'build/hack', 'docs/icon.svg'];

describe('images that are built twice from one commit (I11)', function () {
  this.timeout(900_000);
  this.slow(300_000);
  let scratch: string;

  before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'virt-steward-again-'));
  });

  after(() => rmSync(scratch, { recursive: true }));

  it('are byte-identical, whatever the folder, the time zone and the file mode mask', () => {
    // Deeper than the first, so that a path that got in would differ.
    const root = join(scratch, 'somewhere', 'else');
    mkdirSync(join(root, 'build'), { recursive: true });
    for (const source of SOURCES) cpSync(join(ROOT, source), join(root, source), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
    const gitDirectory = execFileSync('git', ['-C', ROOT, 'rev-parse', '--absolute-git-dir'], { encoding: 'utf8' }).trim();
    const env = { ...process.env, GIT_DIR: gitDirectory, TZ: 'Asia/Kathmandu' };
    const run = (...args: string[]): unknown =>
      execFileSync('/bin/sh', ['-c', 'umask 077 && exec "$@"', 'sh', process.execPath, ...args], { cwd: root, env });

    run('hack/bundle.mjs');
    run('build/hack/images/main.js', `--arch=${ARCHITECTURE}`);

    const digests = (folder: string): Record<string, string> =>
      JSON.parse(readFileSync(join(folder, 'dist/images/digests.json'), 'utf8')) as Record<string, string>;
    const first = digests(ROOT);
    for (const name of ['manager', 'agent']) {
      const key = `${name}-${ARCHITECTURE}`;
      expect(digests(root)[key], key).to.equal(first[key]);
      const archive = (folder: string): Buffer => readFileSync(join(folder, `dist/images/${name}-${VERSION}-${ARCHITECTURE}.tar`));
      expect(archive(root).equals(archive(ROOT)), `the archive of ${name}`).to.equal(true);
    }
  });
});
