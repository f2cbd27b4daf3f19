import { join } from 'node:path';
import { expect } from 'chai';
import { endOf, tailOf } from '../../../hack/control-plane/log-tail';
import { TemporaryFolder } from './temporary-folder';

describe('the end of a log', () => {
  let folder: TemporaryFolder;

  beforeEach(() => {
    folder = new TemporaryFolder();
  });

  afterEach(() => folder.remove());

  it('is the last lines, indented', () => {
    const log = folder.file('log', 'one\ntwo\nthree\n');

    expect(tailOf(log, 2)).to.equal('  two\n  three');
    expect(tailOf(log)).to.equal('  one\n  two\n  three');
  });

  it('is found in a large file without the beginning', () => {
    const log = folder.file('log', `${'x'.repeat(1_000_000)}\nlast\n`);

    expect(tailOf(log, 1)).to.equal('  last');
    expect(endOf(log)).to.have.length(16 * 1024);
  });

  it('says which file is empty or missing', () => {
    const log = folder.file('log');
    const missing = join(folder.path, 'missing');

    expect(tailOf(log)).to.equal(`  (${log} is empty)`);
    expect(tailOf(missing)).to.equal(`  (${missing} is empty)`);
  });
});
