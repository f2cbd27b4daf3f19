import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { sourceOf, warningOf } from '../../../../hack/images/source';

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
    expect(warningOf(sourceOf(root, {}))).to.contain('no git history');
  });

  it('takes SOURCE_DATE_EPOCH for its time, and refuses one that is none', () => {
    expect(sourceOf(root, { SOURCE_DATE_EPOCH: '1700000000' }).createdSeconds).to.equal(1_700_000_000);
    for (const text of ['yesterday', '-1', '1e9', '123456789012'])
      expect(() => sourceOf(root, { SOURCE_DATE_EPOCH: text }), text).to.throw(/^SOURCE_DATE_EPOCH is ".+"; allowed: seconds since 1970/);
  });
});
