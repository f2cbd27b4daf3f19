import { existsSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type LockHolder, withLock } from '../../../hack/control-plane/build-lock';
import { TemporaryFolder } from './temporary-folder';

/** Linux gives no process a number above 2^22, macOS none above 99998. */
const NO_PID = 2 ** 22 + 1;

describe('the build lock', () => {
  let folder: TemporaryFolder;
  let file: string;
  const write = (holder: LockHolder | string): string => folder.file('lock', typeof holder === 'string' ? holder : JSON.stringify(holder));
  const age = (seconds: number): void => {
    const then = new Date(Date.now() - seconds * 1_000);
    utimesSync(file, then, then);
  };

  beforeEach(() => {
    folder = new TemporaryFolder();
    file = join(folder.path, 'lock');
  });

  afterEach(() => folder.remove());

  it('names its holder while the work is done and is gone afterwards', async () => {
    const seen = await withLock(file, async () => JSON.parse(readFileSync(file, 'utf8')) as LockHolder);

    expect(seen).to.deep.equal({ pid: process.pid, host: hostname() });
    expect(existsSync(file)).to.equal(false);
  });

  it('is given back when the work fails', async () => {
    const failure = await withLock(file, () => Promise.reject(new Error('work failed'))).catch((error: Error) => error.message);

    expect(failure).to.equal('work failed');
    expect(existsSync(file)).to.equal(false);
  });

  it('lets one work at a time', async () => {
    let working = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++working);
      await new Promise((resolve) => setImmediate(resolve));
      working--;
    };

    await Promise.all([withLock(file, work), withLock(file, work), withLock(file, work)]);

    expect(most).to.equal(1);
  });

  it('waits for a living holder and tells once who it is', async () => {
    write({ pid: process.ppid, host: hostname() });
    const told: LockHolder[] = [];
    const order: string[] = [];

    await withLock(file, async () => order.push('work'), {
      onWait: (holder) => {
        told.push(holder);
        setImmediate(() => {
          order.push('released');
          rmSync(file);
        });
      },
    });

    expect(told).to.deep.equal([{ pid: process.ppid, host: hostname() }]);
    expect(order).to.deep.equal(['released', 'work']);
  });

  for (const [what, holder, ageSeconds] of [
    ['a dead process of this machine', { pid: NO_PID, host: hostname() }, 0],
    ['a process of another machine that has been silent for over a minute', { pid: 1, host: 'elsewhere' }, 90],
    ['a living process that has not touched it for over a minute, as after a number was given again', { pid: 1, host: hostname() }, 90],
    ['nobody, when its holder died before it wrote its name a minute ago', '', 90],
    ['nobody readable, for a minute', '{"pid": 1', 90],
  ] as const) {
    it(`is taken over from ${what}`, async () => {
      write(holder);
      age(ageSeconds);
      let waits = 0;

      const done = await withLock(file, async () => 'done', { onWait: () => waits++ });

      expect(done).to.equal('done');
      expect(waits).to.equal(0);
    });
  }

  it('is not waited for any longer once the signal aborts', async () => {
    write({ pid: process.ppid, host: hostname() });
    const interruption = new AbortController();

    const failure = await withLock(file, async () => 'done', {
      signal: interruption.signal,
      onWait: () => interruption.abort(new Error('interrupted')),
    }).catch((error: Error) => error.message);

    expect(failure).to.equal('interrupted');
    expect(existsSync(file)).to.equal(true);
  });

  it('passes errors of the file system on', async () => {
    const failure = await withLock(join(folder.path, 'no-such-folder', 'lock'), async () => 'done').catch(
      (error: NodeJS.ErrnoException) => error.code,
    );

    expect(failure).to.equal('ENOENT');
  });
});
