import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { resolveBinaries } from '../../../hack/control-plane';

const MAIN = join(dirname(require.resolve('../../../hack/control-plane')), 'main.js');

describe('the control plane command', () => {
  let running: ChildProcess | undefined;

  before(async function () {
    this.timeout(0);
    await resolveBinaries();
  });

  afterEach(() => running?.kill('SIGKILL'));

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`keeps a control plane until ${signal}, then leaves nothing and ends with 0`, async () => {
      running = spawn(process.execPath, [MAIN, 'run', '--no-controller-manager'], { stdio: ['ignore', 'pipe', 'ignore'] });
      const exit = once(running, 'exit');
      const [line] = (await once(createInterface(running.stdout!), 'line')) as [string];
      const kubeconfig = /^export KUBECONFIG=(.+)$/.exec(line)?.[1] ?? '';
      expect(readFileSync(kubeconfig, 'utf8')).to.contain('server: https://127.0.0.1:');

      running.kill(signal);

      expect(await exit).to.deep.equal([0, null]);
      expect(existsSync(dirname(kubeconfig))).to.equal(false);
    });
  }

  it('prints what it would run, one component a line', () => {
    const { status, stdout } = spawnSync(process.execPath, [MAIN, 'build'], { encoding: 'utf8' });

    expect(status).to.equal(0);
    expect(stdout).to.match(/^etcd: .+\nkube-apiserver: .+\n/);
  });

  for (const args of [[], ['stop'], ['run', '--count=2'], ['build', '--scheduler']]) {
    it(`ends with 2 and one line of usage when called with ${args.join(' ') || 'nothing'}`, () => {
      const { status, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });

      expect(status).to.equal(2);
      expect(stderr).to.equal('usage: main.js build | run [--scheduler] [--no-controller-manager]\n');
    });
  }

  it('ends with 1 and one line when there is nothing to run', () => {
    const env = { ...process.env, KUBEBUILDER_ASSETS: '/no/such/folder' };

    const { status, stderr } = spawnSync(process.execPath, [MAIN, 'build'], { encoding: 'utf8', env });

    expect(status).to.equal(1);
    expect(stderr).to.match(/^KUBEBUILDER_ASSETS is \/no\/such\/folder, which has no executable etcd and no kube-apiserver;[^\n]+\n$/);
  });
});
