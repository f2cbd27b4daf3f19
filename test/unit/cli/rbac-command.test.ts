import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';

const MAIN = join(__dirname, '..', '..', '..', 'src', 'cli', 'main.js');

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

function rbac(...args: readonly string[]): Promise<Outcome> {
  const { PATH = '', HOME = '' } = process.env;
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, 'rbac', ...args], { env: { PATH, HOME }, timeout: 120_000 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr });
    });
  });
}

describe('the command rbac', () => {
  // Each starts a process, which takes a second on a machine of its own.

  for (const [format, sign] of [
    ['yaml', /^kind: ClusterRoleBinding$/m],
    ['json', /^ {2}"kind": "List",$/m],
    ['helm', /^\{\{- if \.Values\.rbac\.create \}\}$/m],
    ['olm', /^clusterPermissions:$/m],
    ['markdown', /^# Rights of the manager$/m],
  ] as const) {
    it(`prints ${format}`, async () => {
      const { code, stdout } = await rbac(`--output=${format}`);

      expect(code).to.equal(0);
      expect(stdout).to.match(sign);
    });
  }

  it('explains the rights when asked to', async () => {
    expect((await rbac('--explain')).stdout).to.match(/^ {2}update {2}WakeServer {2}a packet starts a virtual machine$/m);
  });

  it('shows examples in its help', async () => {
    expect((await rbac('--help')).stdout).to.contain('virt-steward rbac --output=helm > ');
  });

  for (const { args, says } of [
    { args: ['--explain', '--output=json'], says: 'error: --explain prints text; leave out --output=json' },
    {
      args: ['--namespace=a\nb: c'],
      says: 'error: --namespace is "a\\nb: c"; allowed: lower-case letters, digits and hyphens, as in the name of an object',
    },
    { args: ['--name='], says: 'error: --name is ""; allowed: lower-case letters, digits and hyphens, as in the name of an object' },
    { args: ['--modules=none'], says: 'error: --modules names "none"; allowed: wol, platform, machines' },
  ]) {
    it(`refuses ${JSON.stringify(args.join(' '))} with one line`, async () => {
      const { code, stdout, stderr } = await rbac(...args);

      expect({ code, stdout, stderr }).to.deep.equal({ code: 2, stdout: '', stderr: `${says}\n` });
    });
  }
});
