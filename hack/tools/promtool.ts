/**
 * Finds promtool for the tests of the alerts.
 *
 * Owns: where it comes from. Never: installs a package; what is fetched lies in the cache only.
 *
 * Expected flow: STEWARD_PROMTOOL -> the path -> the cache -> the package `prometheus` of Debian or Ubuntu, unpacked.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { withLock } from '../control-plane/build-lock';
import { toolCache } from './tool-cache';

const FETCH_LIMIT_MS = 5 * 60_000;

/** Path of the executable. @throws {Error} one line that says what may be done, when there is none to be had. */
export async function promtool(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const given = env['STEWARD_PROMTOOL'];
  if (given) return given;
  const onPath = (env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'promtool'));
  const installed = onPath.find((file) => existsSync(file));
  if (installed !== undefined) return installed;
  const folder = toolCache('promtool', env);
  const binary = join(folder, 'usr', 'bin', 'promtool');
  if (existsSync(binary)) return binary;
  mkdirSync(join(folder, '..'), { recursive: true });
  await withLock(`${folder}.lock`, async () => {
    if (!existsSync(binary)) await unpackInto(folder);
  });
  return binary;
}

async function unpackInto(folder: string): Promise<void> {
  const scratch = mkdtempSync(`${folder}-`);
  try {
    const options = { cwd: scratch, timeout: FETCH_LIMIT_MS };
    const download = (): Promise<unknown> => promisify(execFile)('apt-get', ['download', 'prometheus'], options);
    // A machine that was just made has no lists of packages.
    await download().catch(() => promisify(execFile)('apt-get', ['update', '-qq'], options).then(download));
    const archive = readdirSync(scratch).find((name) => name.endsWith('.deb')) ?? '';
    execFileSync('dpkg-deb', ['-x', archive, 'result'], options);
    renameSync(join(scratch, 'result'), folder);
  } catch (cause) {
    throw new Error('there is no promtool, and apt-get cannot download the package prometheus; set STEWARD_PROMTOOL', { cause });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
