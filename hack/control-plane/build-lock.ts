/**
 * Lets one process at a time do a piece of work, across processes and across machines that share the folder.
 *
 * Expected flow: lock file made -> work -> file removed; the others wait and look again.
 * Guarantees: a holder that died, however it died, blocks nobody for longer than a minute (at once on the same machine).
 * Assumptions: the work is idempotent and its result appears in one step; clocks of machines that share the folder agree to some seconds.
 * Caveats: two processes that take over the same dead lock within the same instant may both work.
 * Errors: those of the file system, as they are.
 */
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/** A living holder touches its file this often. */
const HEARTBEAT_MS = 5_000;
/** Twelve missed heartbeats: a holder elsewhere, or another process that has got the dead one's number. */
const SILENCE_MS = 60_000;
const POLL_MS = 250;

export interface LockHolder {
  readonly pid: number;
  readonly host: string;
}

export interface LockOptions {
  /** Told once who holds the lock when it is not free. */
  readonly onWait?: (holder: LockHolder) => void;
  /** Ends the waiting, not the work. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `work` while holding the lock.
 *
 * @param file absolute path of the lock file; its folder must exist.
 * @throws what `work` throws, or the reason of `signal`.
 */
export async function withLock<T>(file: string, work: () => Promise<T>, { onWait, signal }: LockOptions = {}): Promise<T> {
  const me: LockHolder = { pid: process.pid, host: hostname() };
  let hasTold = false;
  while (!take(file, me)) {
    signal?.throwIfAborted();
    const holder = holderOf(file);
    if (holder === undefined) continue;
    if (isDead(file, holder)) {
      rmSync(file, { force: true });
      continue;
    }
    if (!hasTold) onWait?.(holder);
    hasTold = true;
    await delay(POLL_MS);
  }
  const heartbeat = setInterval(() => touch(file), HEARTBEAT_MS).unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    rmSync(file, { force: true });
  }
}

function take(file: string, me: LockHolder): boolean {
  try {
    writeFileSync(file, JSON.stringify(me), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** `undefined` when the lock has just been given back. A file without a holder in it belongs to one that died while writing. */
function holderOf(file: string): LockHolder | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    return text === '' ? { pid: 0, host: '' } : (JSON.parse(text) as LockHolder);
  } catch (error) {
    if (error instanceof SyntaxError) return { pid: 0, host: '' };
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isDead(file: string, { pid, host }: LockHolder): boolean {
  if (host === hostname() && !isRunning(pid)) return true;
  const touchedMs = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  return touchedMs !== undefined && Date.now() - touchedMs > SILENCE_MS;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // Taken over while this machine slept: the work goes on, its result appears in one step either way.
  }
}
