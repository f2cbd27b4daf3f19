import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';

const MAIN = join(__dirname, '..', '..', '..', 'src', 'cli', 'main.js');

function manager(flag: string): Promise<{ code: unknown; stderr: string }> {
  const { PATH = '' } = process.env;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [MAIN, 'manager', '--modules=platform', flag],
      { env: { PATH }, timeout: 120_000 },
      (error, _stdout, stderr) => {
        resolve({ code: error?.code, stderr });
      },
    );
  });
}

describe('virt-steward manager --modules=platform', () => {
  for (const [flag, allowed] of [
    ['--platform-resync=1s', '60s to 86400s'],
    ['--throttle-capacity=0', 'whole numbers from 1 to 1000'],
    ['--platform-activation=never', 'always, annotation'],
  ] as const) {
    it(`refuses ${flag} with one line, without a cluster to ask`, async () => {
      const { code, stderr } = await manager(flag);

      expect(code).to.equal(2);
      expect(stderr).to.match(/^error: [^\n]*\n$/);
      expect(stderr).to.contain(flag.split('=')[0]).and.to.contain(allowed);
    });
  }
});
