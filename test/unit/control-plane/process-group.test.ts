import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { ProcessGroup } from '../../../hack/control-plane/process-group';
import { poll } from '../../harness/poll';
import { runningOf } from './processes';
import { TemporaryFolder } from './temporary-folder';

const MODULE = require.resolve('../../../hack/control-plane/process-group');
const SLEEP = ['/bin/sh', '-c', 'echo ready; sleep 600 & wait'] as const;

describe('a process group', () => {
  let folder: TemporaryFolder;
  let group: ProcessGroup;
  const log = (): string => join(folder.path, 'log');
  const start = (name: string, ...command: string[]) => group.start({ name, command, logFile: log() });

  beforeEach(async () => {
    folder = new TemporaryFolder();
    group = await ProcessGroup.create(join(folder.path, 'group-'));
  });

  afterEach(async () => {
    await group.dispose();
    folder.remove();
  });

  it('has a directory of its own', () => {
    expect(existsSync(group.directory)).to.equal(true);
    expect(dirname(group.directory)).to.equal(folder.path);
    expect(group.directory).to.match(/\/group-\w+$/);
  });

  for (const [script, status] of [
    ['exit 0', { code: 0 }],
    ['exit 3', { code: 3 }],
    ['kill -TERM $$', { signal: 'SIGTERM' }],
  ] as const) {
    it(`says how a process ended: ${JSON.stringify(status)}`, async () => {
      const started = await start('one', '/bin/sh', '-c', script);

      expect(await started.ended()).to.deep.equal(status);
      expect(started.status).to.deep.equal(status);
    });
  }

  it('appends both outputs to the log', async () => {
    folder.file('log', 'from before\n');

    await (await start('one', '/bin/sh', '-c', 'echo out; echo err >&2')).ended();

    expect(readFileSync(log(), 'utf8')).to.equal('from before\nout\nerr\n');
  });

  it('gives a process the environment and the working directory it was started with', async () => {
    const started = await group.start({
      name: 'one',
      command: ['/bin/sh', '-c', 'echo "$WORD $NOTHING"; pwd'],
      env: { WORD: 'word', NOTHING: undefined },
      workingDirectory: '/',
      logFile: log(),
    });
    await started.ended();

    expect(readFileSync(log(), 'utf8')).to.equal('word \n/\n');
  });

  it('ends one process with the signal asked for and leaves the others', async () => {
    const one = await start('one', ...SLEEP);
    const other = await start('other', ...SLEEP);

    await one.end('SIGTERM');
    await one.end('SIGTERM');

    expect(one.status).to.deep.equal({ signal: 'SIGTERM' });
    expect(other.status).to.equal(undefined);
  });

  it('starts a name again only when its process has ended', async () => {
    const one = await start('one', ...SLEEP);
    const refused = await start('one', ...SLEEP).catch((error: Error) => error.message);
    await one.end('SIGKILL');

    expect(refused).to.equal('one is running already');
    expect((await start('one', ...SLEEP)).pid).not.to.equal(one.pid);
  });

  for (const [what, command, reason] of [
    ['an executable that does not exist', ['/no/such/file'], /^one cannot be started: spawn \/no\/such\/file ENOENT$/],
    ['a folder', ['/tmp'], /^one cannot be started: spawn \/tmp EACCES$/],
  ] as const) {
    it(`says why it cannot start ${what}, and lives on`, async () => {
      const failure = await start('one', ...command).catch((error: Error) => error.message);

      expect(failure).to.match(reason);
      expect(await (await start('one', '/bin/sh', '-c', 'exit 0')).ended()).to.deep.equal({ code: 0 });
    });
  }

  it('says why it cannot write a log, and lives on', async () => {
    const failure = await group
      .start({ name: 'one', command: SLEEP, logFile: join(folder.path, 'missing', 'log') })
      .catch((error: Error) => error.message);

    expect(failure).to.match(/^one cannot be started: ENOENT/);
    expect(await (await start('one', '/bin/sh', '-c', 'exit 0')).ended()).to.deep.equal({ code: 0 });
  });

  it('leaves neither processes, nor what they have started, nor its directory when it is disposed of', async () => {
    const started = await start('one', '/bin/sh', '-c', `sleep 600 & echo $! > ${join(folder.path, 'grandchild')}; wait`);
    while (!existsSync(join(folder.path, 'grandchild')) || readFileSync(join(folder.path, 'grandchild'), 'utf8') === '') {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const grandchild = Number(readFileSync(join(folder.path, 'grandchild'), 'utf8'));
    expect(runningOf([grandchild]), 'grandchild before').to.deep.equal([grandchild]);

    await group.dispose();

    expect(await started.ended()).to.have.property('signal');
    expect(runningOf([started.pid])).to.deep.equal([]);
    // It has been killed, but nobody who could wait for its end is left.
    await poll('the end of the grandchild', () => runningOf([grandchild]).length === 0);
    expect(existsSync(group.directory)).to.equal(false);
  });

  it('keeps its owner alive while the end of a process is waited for, and no longer', () => {
    const script = `
      const { ProcessGroup } = require(${JSON.stringify(MODULE)});
      (async () => {
        const group = await ProcessGroup.create(${JSON.stringify(join(folder.path, 'other-'))});
        const logFile = ${JSON.stringify(log())};
        const brief = await group.start({ name: 'brief', command: ['/bin/sh', '-c', 'sleep 0.2; exit 3'], logFile });
        await group.start({ name: 'lasting', command: ['/bin/sh', '-c', 'sleep 600'], logFile });
        console.log((await brief.ended()).code);
      })();`;

    const owner = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 120_000 });

    expect(owner).to.deep.include({ status: 0, signal: null, stdout: '3\n' });
  });

  it('starts nothing once it has been disposed of', async () => {
    await group.dispose();

    const failure = await start('one', ...SLEEP).catch((error: Error) => error.message);

    expect(failure).to.equal('one cannot be started: its process group has ended');
  });

  it('is an error that names the place where no directory can be made', async () => {
    const prefix = join(folder.path, 'missing', 'group-');

    const failure = await ProcessGroup.create(prefix).catch((error: Error) => error.message);

    expect(failure).to.match(new RegExp(`^the process supervisor could not make the directory ${prefix}\\*: ENOENT`));
  });
});
