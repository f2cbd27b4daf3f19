/**
 * What the images are made of besides our own files, each pinned by its digest.
 *
 * Owns: hack/images/inputs.json and fetching what it names. Never: takes something whose digest differs.
 * Invariant: the same inputs.json gives the same bytes or an error that names the input.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../debian/cache-folder';
import { type Architecture, type DebianPackage, DebianPackages } from '../debian/packages';
import { inTemporaryFolder } from '../temporary-folder';

const run = promisify(execFile);

/** Debian's names of the architectures, and npm's. */
export const ARCHITECTURES: Readonly<Record<Architecture, string>> = { amd64: 'x64', arm64: 'arm64' };
/** What Node.js and koffi are linked with, and the authorities that TLS trusts. */
const DEBIAN_NAMES = ['ca-certificates', 'gcc-12-base', 'libc6', 'libgcc-s1', 'libstdc++6'];

export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** As package-lock.json has it: `sha512-<base64>`. */
  readonly integrity: string;
}

export interface ArchitectureInputs {
  readonly debian: readonly DebianPackage[];
  readonly node: NpmPackage;
  readonly koffi: readonly NpmPackage[];
}

export type Inputs = Readonly<Record<Architecture, ArchitectureInputs>>;

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly version: string; readonly integrity?: string }>>;
}

/** @throws {Error} when it is no file of this kind. */
export function readInputs(file: string): Inputs {
  const inputs = JSON.parse(readFileSync(file, 'utf8')) as Partial<Inputs> | null;
  const missing = Object.keys(ARCHITECTURES).filter((name) => inputs?.[name as Architecture]?.node === undefined);
  if (missing.length > 0) throw new Error(`${file} says nothing of ${missing.join(' and ')}; take inputs.json of an earlier build`);
  return inputs as Inputs;
}

/** The newest Debian packages, and the npm packages at the versions of package-lock.json. */
export async function newestInputs(lock: LockFile): Promise<Inputs> {
  const entries = Object.entries(ARCHITECTURES).map(async ([architecture, cpu]) => {
    const debian = await new DebianPackages(cacheFolder('debian'), architecture as Architecture).newest(DEBIAN_NAMES);
    const koffi = ['koffi', `@koromix/koffi-linux-${cpu}`].map((name) => locked(lock, name));
    const node = await integrityOf(`node-linux-${cpu}`, locked(lock, 'node').version);
    return [architecture, { debian, node, koffi }] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<string, ArchitectureInputs> as Inputs;
}

function locked({ packages }: LockFile, name: string): NpmPackage {
  const entry = packages[`node_modules/${name}`];
  if (entry?.integrity === undefined) throw new Error(`package-lock.json has no ${name}`);
  return { name, version: entry.version, integrity: entry.integrity };
}

async function integrityOf(name: string, version: string): Promise<NpmPackage> {
  const { stdout } = await run('npm', ['view', `${name}@${version}`, 'dist.integrity']);
  return { name, version, integrity: stdout.trim() };
}

/** @returns the unpacked package: the folder with its package.json. @throws {Error} when the registry has other bytes. */
export async function fetchNpm({ name, version, integrity }: NpmPackage): Promise<string> {
  const cache = cacheFolder('npm');
  const target = join(cache, createHash('sha256').update(integrity).digest('hex').slice(0, 32));
  if (existsSync(target)) return join(target, 'package');
  mkdirSync(cache, { recursive: true });
  return inTemporaryFolder(join(cache, '.fetching-'), async (work) => {
    await run('npm', ['pack', '--silent', `${name}@${version}`], { cwd: work });
    const [archive = ''] = readdirSync(work);
    const found = `sha512-${createHash('sha512')
      .update(readFileSync(join(work, archive)))
      .digest('base64')}`;
    if (found !== integrity) throw new Error(`npm package ${name} ${version} is ${found}, wanted ${integrity}`);
    await run('tar', ['-xzf', archive], { cwd: work });
    rmSync(join(work, archive));
    if (!existsSync(target)) renameSync(work, target);
    return join(target, 'package');
  });
}

export function writeInputs(file: string, inputs: Inputs): void {
  writeFileSync(file, `${JSON.stringify(inputs, null, 2)}\n`);
}
