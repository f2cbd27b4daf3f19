/**
 * Finds kubeconform for the tests of what the chart renders.
 *
 * Owns: which version, and where it comes from. Never: installs anything outside the cache.
 *
 * Expected flow: STEWARD_KUBECONFORM -> the path -> the cache -> a build with Go, of a version whose checksum Go verifies (10 s, once).
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { withLock } from '../control-plane/build-lock';
import { GO_ENVIRONMENT } from '../control-plane/go-sources';
import { toolCache } from './tool-cache';

const VERSION = 'v0.7.0';
const MODULE = `github.com/yannh/kubeconform/cmd/kubeconform@${VERSION}`;
const BUILD_LIMIT_MS = 10 * 60_000;
/** Where Go lies when it was installed by hand. */
const GO_FOLDER = '/usr/local/go/bin';

/** Path of the executable. @throws {Error} one line that says what may be done, when there is none to be had. */
export async function kubeconform(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const given = env['STEWARD_KUBECONFORM'];
  if (given) return given;
  const onPath = (env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'kubeconform'));
  const installed = onPath.find((file) => existsSync(file));
  if (installed !== undefined) return installed;
  const folder = join(toolCache('kubeconform', env), VERSION);
  const binary = join(folder, 'kubeconform');
  if (existsSync(binary)) return binary;
  mkdirSync(toolCache('kubeconform', env), { recursive: true });
  await withLock(`${folder}.lock`, async () => {
    if (!existsSync(binary)) await buildInto(folder, env);
  });
  return binary;
}

async function buildInto(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const scratch = mkdtempSync(`${folder}-`);
  try {
    const path = [env['PATH'], GO_FOLDER].filter(Boolean).join(delimiter);
    const goEnv = { HOME: homedir(), ...env, ...GO_ENVIRONMENT, GOBIN: join(scratch, 'bin'), PATH: path };
    await promisify(execFile)('go', ['install', MODULE], { cwd: scratch, env: goEnv, timeout: BUILD_LIMIT_MS });
    renameSync(join(scratch, 'bin'), folder);
  } catch (cause) {
    throw new Error(`there is no kubeconform, and Go cannot build ${MODULE}; set STEWARD_KUBECONFORM`, { cause });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
