import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { koffiFiles } from '../../../../hack/images/files';
import type { TarEntry } from '../../../../hack/images/tar';
import { skipBecause } from '../../../harness/skip-because';
import { ROOT } from '../../../harness/steward-cluster';

const HOME = 'opt/virt-steward';
const NATIVE = `@koromix/koffi-${process.platform}-${process.arch}`;

describe('the files of koffi that the image of the agent takes', () => {
  it('are enough to call a library of the system', function () {
    // Its packages for other systems hold libraries that no image takes.
    if (process.platform !== 'linux') return skipBecause(this, 'only Linux has the libraries that the image takes');
    const folder = mkdtempSync(join(tmpdir(), 'virt-steward-koffi-'));
    try {
      for (const name of ['koffi', NATIVE]) write(folder, koffiFiles(name, join(ROOT, 'node_modules', name)));
      const program = "const c = require('koffi').load(null); console.log(c.func('int getpid()')() === process.pid)";
      const printed = execFileSync(process.execPath, ['-e', program], { cwd: join(folder, HOME), encoding: 'utf8' });

      expect(printed).to.equal('true\n');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function write(folder: string, entries: readonly TarEntry[]): void {
  for (const { path, content } of entries) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    if (content !== undefined) writeFileSync(join(folder, path), content);
  }
}
