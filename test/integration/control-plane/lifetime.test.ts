import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { resolveBinaries } from '../../../hack/control-plane';
import { poll } from '../../harness/poll';
import { parentOf, runningOf } from '../../unit/control-plane/processes';
import type { Held } from './holder';

describe('what is left of a control plane when its owner ends', () => {
  const holders: ChildProcess[] = [];

  before(async function () {
    this.timeout(0);
    await resolveBinaries();
  });

  afterEach(() => {
    for (const holder of holders.splice(0)) holder.kill('SIGKILL');
  });

  async function holderThat(ending: 'wait' | 'exit' | 'throw' | 'stop') {
    const holder = spawn(process.execPath, [join(__dirname, 'holder.js'), ending], { stdio: ['ignore', 'pipe', 'ignore'] });
    holders.push(holder);
    const exit = once(holder, 'exit').then(([code, signal]) => ({ code, signal }));
    const [line] = (await once(createInterface(holder.stdout), 'line')) as [string];
    const { directory, pids } = JSON.parse(line) as Held;
    return { holder, exit, directory, pids };
  }

  async function expectNothingLeft(directory: string, pids: number[]): Promise<void> {
    await poll(`end of processes ${pids.join(', ')}`, async () => runningOf(pids).length === 0);
    await poll(`removal of ${directory}`, async () => !existsSync(directory));
  }

  for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM'] as const) {
    it(`ends its processes and removes its directory after ${signal} to the owner`, async () => {
      const { holder, exit, directory, pids } = await holderThat('wait');
      const supervisor = parentOf(pids[0] ?? 0);
      expect(runningOf([...pids, supervisor]), 'running before').to.have.length(pids.length + 1);
      expect(existsSync(directory), 'directory before').to.equal(true);

      holder.kill(signal);

      expect((await exit).signal).to.equal(signal);
      await expectNothingLeft(directory, [...pids, supervisor]);
    });
  }

  it('neither keeps an owner alive that forgot it nor outlives it', async () => {
    const { exit, directory, pids } = await holderThat('exit');

    expect((await exit).code).to.equal(0);
    await expectNothingLeft(directory, pids);
  });

  it('leaves nothing when the owner crashes with an exception', async () => {
    const { exit, directory, pids } = await holderThat('throw');

    expect((await exit).code).to.equal(1);
    await expectNothingLeft(directory, pids);
  });

  it('has left nothing when stop() resolves', async () => {
    const { exit, directory, pids } = await holderThat('stop');

    expect((await exit).code).to.equal(0);
    expect(runningOf(pids)).to.deep.equal([]);
    expect(existsSync(directory)).to.equal(false);
  });

  it('ends as well when its supervisor is killed', async () => {
    const { directory, pids } = await holderThat('wait');
    const supervisor = parentOf(pids[0] ?? 0);

    process.kill(supervisor, 'SIGKILL');

    await poll('end of the servers', async () => runningOf(pids).length === 0);
    await poll(`removal of ${directory}`, async () => !existsSync(directory));
  });
});
