import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { inTemporaryFolder } from '../../../hack/temporary-folder';
import { ROOT } from '../../harness/steward-cluster';

const PREFIX = join(tmpdir(), 'virt-steward-temporary-');

describe('a temporary folder', () => {
  it('goes when the work is done, and when it fails', async () => {
    const folder = await inTemporaryFolder(PREFIX, async (path) => {
      expect(existsSync(path)).to.equal(true);
      return path;
    });
    expect(existsSync(folder)).to.equal(false);

    let failed = '';
    const error = await inTemporaryFolder(PREFIX, async (path) => {
      failed = path;
      throw new Error('no');
    }).catch((reason: unknown) => reason);
    expect(error).to.be.an('error').with.property('message', 'no');
    expect(existsSync(failed)).to.equal(false);
  });

  it('stays under the name that the work gives it', async () => {
    const kept = await inTemporaryFolder(PREFIX, async (path) => {
      renameSync(path, `${path}-kept`);
      return `${path}-kept`;
    });
    expect(existsSync(kept)).to.equal(true);
    rmSync(kept, { recursive: true });
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`goes when ${signal} ends the process, which ends by that signal`, async () => {
      const module = JSON.stringify(join(ROOT, 'build', 'hack', 'temporary-folder.js'));
      const script = `require(${module}).inTemporaryFolder(${JSON.stringify(PREFIX)}, (path) => {
        process.stdout.write(path);
        return new Promise(() => setInterval(() => {}, 1000));
      })`;
      const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [folder] = (await once(child.stdout, 'data')) as [Buffer];
      expect(existsSync(String(folder))).to.equal(true);
      const ended = once(child, 'exit');
      child.kill(signal);

      expect(await ended).to.deep.equal([null, signal]);
      expect(existsSync(String(folder))).to.equal(false);
    });
  }
});
