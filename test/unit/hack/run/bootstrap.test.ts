import { once } from 'node:events';
import { existsSync, renameSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { poll } from '../../../harness/poll';
import { runningOf } from '../../control-plane/processes';
import { ended, FreshClone, failuresOf, GENERATORS } from './fresh-clone';

const SIGINT_EXIT = 130;

/** Which journals were compared with the rights; empty when none were. */
function rightsFolder(clone: FreshClone): string {
  const call = clone.lines('tool-calls').find((line) => line.startsWith('rights/main '));
  return call?.split(' ')[1] ?? '';
}

describe('bootstrap of the npm scripts', () => {
  let clone: FreshClone;

  beforeEach(() => {
    clone = new FreshClone();
  });

  afterEach(() => clone.remove());

  describe('installing packages', () => {
    it('installs them in a fresh clone, quietly, and only once', async () => {
      const first = await clone.run('lint');
      const second = await clone.run('lint');

      expect([first.exitCode, second.exitCode]).to.deep.equal([0, 0]);
      expect(clone.lines('npm-calls')).to.deep.equal(['npm ci --loglevel=error --no-audit --no-fund']);
      expect(first.lines).not.to.include('installed');
    });

    it('installs again when the lock file has changed', async () => {
      await clone.run('lint');
      clone.write('package-lock.json', '{"changed":true}');

      await clone.run('lint');

      expect(clone.lines('npm-calls')).to.have.lengthOf(2);
    });

    it('shows everything that npm wrote when it fails, ends with 2 and tries again the next time', async () => {
      clone.tool('path/npm', 'echo "npm $*" >> npm-calls; echo "no route to the registry" >&2; exit 7');

      const { exitCode, lines } = await clone.run('lint');
      await clone.run('lint');

      expect(exitCode).to.equal(2);
      expect(lines).to.include('no route to the registry');
      expect(lines.at(-1)).to.equal('npm ci failed (exit 7). Check the network or registry settings of npm.');
      expect(clone.lines('npm-calls')).to.have.lengthOf(2);
    });

    it('leaves a linked node_modules to whoever linked it', async () => {
      renameSync(join(clone.folder, 'tools'), join(clone.folder, 'shared'));
      symlinkSync('shared', join(clone.folder, 'node_modules'));

      expect((await clone.run('lint')).exitCode).to.equal(0);
      expect(clone.lines('npm-calls')).to.deep.equal([]);
    });

    it('says so when the pinned Node.js was not installed', async () => {
      clone.tool('path/npm', 'mkdir -p node_modules');

      const { exitCode, lines } = await clone.run('lint');

      expect(exitCode).to.equal(2);
      expect(lines.at(-1)).to.contain('npm rebuild node');
    });
  });

  describe('choosing a step', () => {
    for (const args of [[], ['tset']]) {
      it(`refuses ${JSON.stringify(args)} with the list of steps before it installs anything`, async () => {
        const { exitCode, lines } = await clone.run(...args);

        expect(exitCode).to.equal(2);
        expect(lines).to.deep.equal([
          `unknown step "${args[0] ?? ''}"; allowed: build, lint, format, generate, test, test:unit, test:examples, test:integration, example, bundle:validate, manifests, images, test:e2e, update-crds, verify-crds, demo, bench`,
        ]);
        expect(clone.has('node_modules')).to.equal(false);
      });
    }

    it('names the source that is missing when a program does not exist', async () => {
      const { exitCode, lines } = await clone.run('demo');

      expect(exitCode).to.equal(1);
      expect(lines.at(-1)).to.equal('cannot run build/hack/demo/main.js: there is no hack/demo/main.ts to compile it from');
    });

    it('passes arguments, output and exit code of the program through', async () => {
      clone.program('bench/main', "console.log('bench', ...process.argv.slice(2)); process.exitCode = 3;");

      const { exitCode, lines } = await clone.run('bench', 'burst', '--count=5');

      expect(exitCode).to.equal(3);
      expect(lines.at(-1)).to.equal('bench burst --count=5');
    });

    it('runs every generator even after one has failed', async () => {
      clone.program('generators/crd-types', 'process.exitCode = 1;');

      const { exitCode } = await clone.run('generate', '--check');

      expect(exitCode).to.equal(1);
      expect(clone.lines('tool-calls')).to.include('generators/proto --check');
    });

    it('removes compiled files whose source is gone before it compiles', async () => {
      clone.write('build/test/unit/old.test.js', '');
      clone.write('build/test/unit/old.test.js.map', '');
      clone.write('build/src/old.d.ts', '');

      await clone.run('build');

      expect(clone.has('build/test/unit/old.test.js')).to.equal(false);
      expect(clone.has('build/test/unit/old.test.js.map')).to.equal(false);
      expect(clone.has('build/src/old.d.ts')).to.equal(false);
      expect(clone.has('build/hack/generators/proto.js')).to.equal(true);
    });
  });

  describe('test:integration', () => {
    it('compares the rights of the manager with their use after the whole suite', async () => {
      clone.program('rights/main', 'process.exitCode = 1');

      expect((await clone.run('test:integration')).exitCode).to.equal(1);
    });

    it('does not compare them after a part of the suite', async () => {
      expect((await clone.run('test:integration', '--grep', 'x')).exitCode).to.equal(0);
      expect(rightsFolder(clone)).to.equal('');
    });
  });

  describe('test', () => {
    it('runs every gate and every suite and ends with their sum', async () => {
      const { exitCode, lines } = await clone.run('test');

      expect(exitCode).to.equal(0);
      expect(lines.at(-1)).to.equal('9 passed, 0 failed');
      expect(clone.lines('tool-calls').map((line) => line.split(' ').slice(0, 2).join(' '))).to.deep.equal([
        'tsc -p',
        ...GENERATORS.map((name) => `${name} --check`),
        'biome check',
        'mocha --parallel',
        'tsc -p',
        'tsc -p',
        'snippets/main ',
        'tsc -p',
        'mocha --parallel',
        'control-plane/main build',
        'mocha --parallel',
        `rights/main ${rightsFolder(clone)}`,
      ]);
      expect(existsSync(rightsFolder(clone)), 'the journals afterwards').to.equal(false);
    });

    it('compares no rights after a failed test, which may have left some unused', async () => {
      clone.results('integration', { passed: 1, failed: 1, skipped: 0 }, 1);

      await clone.run('test');

      expect(rightsFolder(clone)).to.equal('');
    });

    it('adds failed tests of all suites', async () => {
      clone.results('unit', { passed: 2, failed: 1, skipped: 0 }, 1);
      clone.results('integration', { passed: 0, failed: 2, skipped: 0 }, 2);

      const { exitCode, lines } = await clone.run('test');

      expect(exitCode).to.equal(1);
      expect(lines.at(-1)).to.equal('6 passed, 3 failed');
    });

    it('tells at its end once more what failed, in the order in which it did', async () => {
      clone.program('generators/proto', 'process.exitCode = 1');
      clone.results('unit', { passed: 2, failed: 1, skipped: 0 }, 1);
      clone.results('examples', { passed: 3, failed: 0, skipped: 0 }, 9);

      const { lines } = await clone.run('test');

      const told = lines.findIndex((line) => line.startsWith('== what failed'));
      expect(lines.slice(told + 1, -3).filter((line) => line !== '')).to.deep.equal([
        'generated files',
        ...failuresOf('unit', 1).flatMap((failure) => failure.split('\n')),
        'the examples tests passed, yet ended with exit code 9',
      ]);
      expect(lines.at(-1)).to.equal('7 passed, 3 failed');
    });

    it('counts a suite that crashed before it had results as a failure', async () => {
      clone.results('integration', undefined, 134);

      const { exitCode, lines } = await clone.run('test');

      expect(exitCode).to.equal(1);
      expect(lines).to.include('the integration tests ended without results, exit code 134');
      expect(lines.at(-1)).to.equal('7 passed, 1 failed');
    });

    it('counts a suite without a test as a failure', async () => {
      clone.results('unit', undefined, 0);

      const { exitCode, lines } = await clone.run('test');

      expect(exitCode).to.equal(1);
      expect(lines.at(-1)).to.equal('6 passed, 1 failed');
    });

    it('counts a suite that ends badly although every test passed as a failure', async () => {
      clone.results('unit', { passed: 3, failed: 0, skipped: 0 }, 9);

      const { exitCode, lines } = await clone.run('test');

      expect(exitCode).to.equal(1);
      expect(lines.at(-1)).to.equal('9 passed, 1 failed');
    });

    const gates: [string, (clone: FreshClone) => void, string][] = [
      ['lint', (clone) => clone.tool('tools/.bin/biome', 'exit 1'), '9 passed, 1 failed'],
      ['a generated file that drifted', (clone) => clone.program('generators/proto', 'process.exitCode = 1'), '9 passed, 1 failed'],
      ['the bundle', (clone) => clone.write('hack/bundle.mjs', 'process.exitCode = 1'), '7 passed, 1 failed'],
      ['the control plane', (clone) => clone.program('control-plane/main', 'process.exitCode = 1'), '7 passed, 1 failed'],
      ['a right that no test uses', (clone) => clone.program('rights/main', 'process.exitCode = 1'), '9 passed, 1 failed'],
      ['compiling the examples', (clone) => clone.tool('tools/.bin/tsc', 'case "$2" in examples) exit 2 ;; esac'), '5 passed, 1 failed'],
      ['the documents', (clone) => clone.tool('tools/.bin/tsc', 'case "$2" in hack/snippets) exit 2 ;; esac'), '9 passed, 1 failed'],
      ['the compiler', (clone) => clone.tool('tools/.bin/tsc', 'echo "src/a.ts(1,1): error"; exit 2'), '0 passed, 1 failed'],
    ];
    for (const [what, breakIt, last] of gates) {
      it(`counts a failure of ${what} and still runs what does not need it`, async () => {
        breakIt(clone);

        const { exitCode, lines } = await clone.run('test');

        expect(exitCode).to.equal(1);
        expect(lines.at(-1)).to.equal(last);
      });
    }

    it('refuses arguments, which would leave tests out', async () => {
      const { exitCode, lines } = await clone.run('test', '--grep', 'x');

      expect(exitCode).to.equal(2);
      expect(lines.at(-1)).to.contain('test:unit');
    });
  });

  it('ends what a program that was killed has left behind', async () => {
    clone.program(
      'demo/main',
      `const child = require('node:child_process').spawn('sleep', ['60'], { stdio: 'ignore' });
       require('node:fs').writeFileSync('pids', child.pid + '\\n');
       process.kill(process.pid, 'SIGKILL');`,
    );

    const { exitCode } = await clone.run('demo');

    expect(exitCode).to.equal(128 + 9);
    await poll('no process is left', () => runningOf(clone.lines('pids').map(Number)).length === 0);
  });

  describe('being interrupted', () => {
    const patient = `
      const { spawn } = require('node:child_process');
      const { writeFileSync } = require('node:fs');
      const child = spawn('sleep', ['60'], { stdio: 'ignore' });
      process.on('SIGINT', () => { console.log('cleaning up'); setTimeout(() => process.exit(0), 50); });
      setInterval(() => {}, 1000);
      writeFileSync('pids', process.pid + '\\n' + child.pid + '\\n');
    `;

    it('passes SIGINT on once, waits for the clean-up, ends with 130 and leaves no process', async () => {
      clone.program('demo/main', patient);
      const step = clone.start('demo');
      const result = ended(step);
      await poll('the demo runs', () => clone.lines('pids').length === 2);

      step.kill('SIGINT');
      step.kill('SIGINT'); // as a terminal and npm do together
      const { exitCode, lines } = await result;

      expect(exitCode).to.equal(SIGINT_EXIT);
      expect(lines.filter((line) => line === 'cleaning up')).to.have.lengthOf(1);
      const pids = clone.lines('pids').map(Number);
      await poll('no process is left', () => runningOf(pids).length === 0);
    });

    it('starts nothing further', async () => {
      clone.tool('tools/.bin/tsc', 'echo started > compiling; sleep 60');
      const step = clone.start('test');
      const result = ended(step);
      await poll('the compiler runs', () => clone.has('compiling'));

      step.kill('SIGINT');
      const { exitCode } = await result;

      expect(exitCode).to.equal(SIGINT_EXIT);
      expect(clone.lines('tool-calls')).to.deep.equal([]);
    });

    it('kills everything at a second, later signal when the clean-up hangs', async () => {
      clone.program('demo/main', patient.replace('setTimeout(() => process.exit(0), 50)', ''));
      const step = clone.start('demo');
      let output = '';
      step.stdout?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      await poll('the demo runs', () => clone.lines('pids').length === 2);

      step.kill('SIGINT');
      await poll('the first signal has come', () => output.includes('cleaning up'));
      await delay(1_100); // real time: the bootstrap tells a second signal from an echo of the first by the clock
      step.kill('SIGINT');
      await once(step, 'close');

      const pids = clone.lines('pids').map(Number);
      await poll('no process is left', () => runningOf(pids).length === 0);
    });
  });

  describe('end-to-end tests', () => {
    it('refuse a KUBECONFIG that is not there before anything is built for them', async () => {
      clone.env['KUBECONFIG'] = '/nowhere/config';

      const { exitCode, lines } = await clone.run('test:e2e');

      expect(exitCode).to.equal(2);
      expect(lines.at(-1)).to.equal(
        'KUBECONFIG names /nowhere/config, which does not exist; unset it to run the tests on nodes of this machine',
      );
      expect(clone.lines('tool-calls')).to.deep.equal([]);
    });

    for (const [what, value, mistake] of [
      ['names nothing', delimiter, `is ${JSON.stringify(delimiter)}, which names no file`],
      ['lacks a file', `${__filename}${delimiter}/nowhere/config`, 'names /nowhere/config, which does not exist'],
      [
        'names two files',
        `${__filename}${delimiter}${__filename}`,
        'names 2 files; name one ("kubectl config view --flatten" makes one of them)',
      ],
    ] as const) {
      it(`refuse a KUBECONFIG that ${what}, with one line`, async () => {
        clone.env['KUBECONFIG'] = value;

        const { exitCode, lines } = await clone.run('test:e2e');

        expect(exitCode).to.equal(2);
        expect(lines.at(-1)).to.equal(`KUBECONFIG ${mistake}; unset it to run the tests on nodes of this machine`);
        expect(clone.lines('tool-calls')).to.deep.equal([]);
      });
    }

    it('build no nodes for a cluster of somebody else', async () => {
      clone.write('config', '');
      clone.env['KUBECONFIG'] = join(clone.folder, 'config');

      expect((await clone.run('test:e2e')).exitCode).to.equal(0);
      const calls = clone.lines('tool-calls');
      expect(calls.join('\n')).not.to.contain('cluster/main').and.not.to.contain('control-plane/main');
      expect(calls.at(-1)).to.match(/^mocha .*e2e/);
    });

    if (process.platform === 'linux' && process.getuid?.() === 0) {
      it('take their nodes away in the end, also after they have failed', async () => {
        clone.write('e2e-exit', '3');

        expect((await clone.run('test:e2e')).exitCode).to.equal(3);
        const calls = clone.lines('tool-calls').filter((call) => !/^(tsc|node)/.test(call));
        expect(calls.map((call) => call.split(' ').slice(0, 2).join(' ').trim())).to.deep.equal([
          'control-plane/main build',
          'cluster/main build',
          'images/main',
          'mocha build/test/e2e/**/*.test.js',
          'cluster/main clean',
        ]);
      });
    } else {
      it('are skipped where there can be no nodes, and say so before anything is built for them', async () => {
        clone.env['CI'] = '';
        const { exitCode, lines } = await clone.run('test:e2e');

        expect(exitCode).to.equal(0);
        expect(lines.at(-1)).to.match(/^Skipping end-to-end tests on a local node: it needs .*Set KUBECONFIG/);
        expect(clone.lines('tool-calls')).to.deep.equal([]);
      });
    }
  });
});
