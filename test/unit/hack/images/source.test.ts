import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { expect } from 'chai';
import { INPUTS, sourceOf, warningOf } from '../../../../hack/images/source';
import { ROOT } from '../../../harness/steward-cluster';

const COMMIT_SECONDS = 1_767_225_600;

describe('what images say they are made of', () => {
  let root: string;
  let commit: string;

  const git = (...args: string[]): string => {
    const date = `${COMMIT_SECONDS} +0000`;
    const identity = {
      GIT_AUTHOR_NAME: 'a',
      GIT_AUTHOR_EMAIL: 'a@example.com',
      GIT_COMMITTER_NAME: 'a',
      GIT_COMMITTER_EMAIL: 'a@example.com',
    };
    const env = { PATH: process.env['PATH'], ...identity, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date, GIT_CONFIG_GLOBAL: '/dev/null' };
    return execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', env }).trim();
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'virt-steward-source-'));
    mkdirSync(join(root, 'src'));
    mkdirSync(join(root, 'docs'));
    writeFileSync(join(root, 'package.json'), '{"version": "1.2.3"}\n');
    writeFileSync(join(root, 'src', 'a.ts'), 'a\n');
    writeFileSync(join(root, 'docs', 'a.md'), 'a\n');
    git('init', '--quiet');
    git('add', '.');
    git('commit', '--quiet', '--message=All of it');
    commit = git('rev-parse', 'HEAD');
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it('is the commit and its time', () => {
    const source = sourceOf(root, {});

    expect(source).to.deep.equal({ root, version: '1.2.3', revision: commit, createdSeconds: COMMIT_SECONDS });
    expect(warningOf(source)).to.equal(undefined);
  });

  it('is marked when a file that goes into images is another than that of the commit, or new', () => {
    writeFileSync(join(root, 'src', 'b.ts'), 'b\n');
    expect(sourceOf(root, {}).revision).to.equal(`${commit}-dirty`);

    rmSync(join(root, 'src', 'b.ts'));
    writeFileSync(join(root, 'src', 'a.ts'), 'changed\n');
    const source = sourceOf(root, {});
    expect(source.revision).to.equal(`${commit}-dirty`);
    expect(warningOf(source)).to.equal(`files differ from the commit: images say that they are of ${commit}-dirty`);
  });

  it('is the commit also while a document is being edited', () => {
    writeFileSync(join(root, 'docs', 'a.md'), 'changed\n');

    expect(sourceOf(root, {}).revision).to.equal(commit);
  });

  it('is unknown without a history, and of the beginning of time unless told', () => {
    rmSync(join(root, '.git'), { recursive: true });

    expect(sourceOf(root, {})).to.deep.include({ revision: 'unknown', createdSeconds: 0 });
    expect(sourceOf(root, { SOURCE_DATE_EPOCH: '1700000000' })).to.deep.include({ revision: 'unknown', createdSeconds: 1_700_000_000 });
    expect(warningOf(sourceOf(root, {}))).to.equal('there is no git history here: images say that their commit is unknown');
  });

  it('is unknown without git, and where git does not tell, and the warning says which', () => {
    expect(warningOf(sourceOf(root, { PATH: '/nowhere' }))).to.equal('git is not installed: images say that their commit is unknown');

    writeFileSync(join(root, '.git', 'HEAD'), 'ref: refs/heads/gone\n');
    const source = sourceOf(root, {});
    expect(source).to.deep.include({ revision: 'unknown', createdSeconds: 0 });
    expect(warningOf(source)).to.match(/^git does not tell: ambiguous argument 'HEAD'.*: images say that their commit is unknown$/);
  });

  it('looks at every file of the repository that the build of images runs', () => {
    // Locks between builds and the exit code decide on nothing in an image.
    const elsewhere = /^hack\/(control-plane\/|exit-code\.ts$)/;
    const pending = ['hack/images/main.ts', 'hack/bundle.mjs', 'hack/run.mjs'];
    const seen = new Set<string>();
    for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
      if (seen.has(file) || elsewhere.test(file)) continue;
      seen.add(file);
      const text = readFileSync(join(ROOT, file), 'utf8');
      for (const [, path = ''] of text.matchAll(/(?:from|import) '(\.[^']+)'/g)) {
        const target = relative(ROOT, join(ROOT, dirname(file), path));
        pending.push(
          ...['', '.ts', '/index.ts']
            .map((end) => `${target}${end}`)
            .filter((name) => /\.[a-z]+$/.test(name) && existsSync(join(ROOT, name))),
        );
      }
    }

    expect(seen.size).to.be.above(15);
    expect([...seen].filter((file) => !INPUTS.some((input) => file === input || file.startsWith(`${input}/`)))).to.deep.equal([]);
    for (const input of INPUTS) expect(existsSync(join(ROOT, input)), input).to.equal(true);
  });

  it('takes SOURCE_DATE_EPOCH for its time, and refuses one that is none', () => {
    expect(sourceOf(root, { SOURCE_DATE_EPOCH: '1700000000' }).createdSeconds).to.equal(1_700_000_000);
    for (const text of ['yesterday', '-1', '1e9', '123456789012'])
      expect(() => sourceOf(root, { SOURCE_DATE_EPOCH: text }), text).to.throw(/^SOURCE_DATE_EPOCH is ".+"; allowed: seconds since 1970/);
  });
});
