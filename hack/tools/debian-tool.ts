/**
 * Finds a program for tests that Debian packages.
 *
 * Owns: where it comes from. Never: installs a package; what is fetched lies in the cache only.
 *
 * Expected flow: the variable of the program -> the path -> the cache -> the package of Debian or Ubuntu, unpacked.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { withLock } from '../control-plane/build-lock';
import { toolCache } from './tool-cache';

const FETCH_LIMIT_MS = 5 * 60_000;

export interface DebianTool {
  /** Name of the executable. */
  readonly program: string;
  /** The package that has it. */
  readonly package: string;
  /** Where the package has it. @default usr/bin */
  readonly folder?: string;
  /** Names an executable to use instead. */
  readonly variable: string;
}

/** Path of the executable. @throws {Error} one line that says what may be done, when there is none to be had. */
export async function debianTool(tool: DebianTool, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const given = env[tool.variable];
  if (given) return given;
  const onPath = (env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, tool.program));
  const installed = onPath.find((file) => existsSync(file));
  if (installed !== undefined) return installed;
  const folder = toolCache(tool.program, env);
  const binary = join(folder, tool.folder ?? 'usr/bin', tool.program);
  if (existsSync(binary)) return binary;
  mkdirSync(join(folder, '..'), { recursive: true });
  await withLock(`${folder}.lock`, async () => {
    if (!existsSync(binary)) await unpackInto(folder, tool);
  });
  return binary;
}

async function unpackInto(folder: string, tool: DebianTool): Promise<void> {
  const scratch = mkdtempSync(`${folder}-`);
  try {
    const options = { cwd: scratch, timeout: FETCH_LIMIT_MS };
    const download = (): Promise<unknown> => promisify(execFile)('apt-get', ['download', tool.package], options);
    // A machine that was just made has no lists of packages.
    await download().catch(() => promisify(execFile)('apt-get', ['update', '-qq'], options).then(download));
    const archive = readdirSync(scratch).find((name) => name.endsWith('.deb')) ?? '';
    execFileSync('dpkg-deb', ['-x', archive, 'result'], options);
    renameSync(join(scratch, 'result'), folder);
  } catch (cause) {
    const message = `there is no ${tool.program}, and apt-get cannot download the package ${tool.package}; set ${tool.variable}`;
    throw new Error(message, { cause });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
