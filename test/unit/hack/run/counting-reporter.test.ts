import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { inTemporaryFolder } from '../../../../hack/temporary-folder';

const REPOSITORY = join(__dirname, '..', '..', '..', '..', '..');

const SUITE = `
  describe('a suite', () => {
    it('has a good test', () => {});
    it('has a bad test', () => { throw new Error('first line\\nsecond line'); });
    it('throws what is no error', () => { throw 'a text'; });
    it.skip('leaves one out', () => {});
  });
  describe('a suite whose hook fails', () => {
    before('preparing', () => { throw new Error('of the hook'); });
    it('never runs', () => {});
  });
`;

interface Results {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
}

describe('the reporter of the test step', () => {
  for (const [how, args] of [
    ['one after the other', []],
    ['in parallel', ['--parallel', '--jobs=2']],
  ] as const) {
    it(`writes counts and each failure with its reason, of tests that run ${how}`, () =>
      inTemporaryFolder(join(tmpdir(), 'counting-reporter-'), async (folder) => {
        const [file, results] = [join(folder, 'suite.test.js'), join(folder, 'results.json')];
        writeFileSync(file, SUITE);

        const reporter = ['--reporter=hack/run/counting-reporter.cjs', `--reporter-option=results=${results}`];
        const mocha = join(REPOSITORY, 'node_modules', 'mocha', 'bin', 'mocha.js');
        const { status, stdout } = spawnSync(process.execPath, [mocha, '--no-config', ...args, ...reporter, file], {
          cwd: REPOSITORY,
          encoding: 'utf8',
        });

        expect(status, stdout).to.equal(3);
        const { passed, failed, skipped, failures } = JSON.parse(readFileSync(results, 'utf8')) as Results;
        expect({ passed, failed, skipped }).to.deep.equal({ passed: 1, failed: 3, skipped: 1 });
        expect(failures.map((failure) => failure.split('\n')[0])).to.deep.equal([
          'a suite has a bad test',
          'a suite throws what is no error',
          'a suite whose hook fails "before all" hook: preparing for "never runs"',
        ]);
        expect(failures[0]).to.match(/^a suite has a bad test\n {4}Error: first line\n {4}second line\n {8}at .*suite\.test\.js:4:/);
        expect(failures[1]).to.contain('a text');
      }));
  }
});
