/**
 * Fetches and unpacks Debian packages without installing them.
 *
 * Owns: apt lists and downloads of its own in the cache; the machine's apt and dpkg stay as they are.
 * Never: runs a package's scripts. Invariant: a file in the cache whose digest differs from the wanted one is not used.
 *
 * The mirrors are those of the machine (/etc/apt), so it needs to be a Debian of the release the versions come from.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withLock } from '../control-plane';

const run = promisify(execFile);

/** As Debian calls them. */
export type Architecture = 'amd64' | 'arm64';

/** One package at one version. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** Hexadecimal digest of the .deb file. */
  readonly sha256: string;
}

export class DebianPackages {
  /** @param cache absolute path of a folder that may be deleted at any time. */
  constructor(
    private readonly cache: string,
    private readonly architecture: Architecture,
  ) {}

  /** What the mirrors serve now. @throws {Error} when there is no apt, no mirror, or no such package. */
  async newest(names: readonly string[]): Promise<DebianPackage[]> {
    return this.#locked(async () => {
      await this.#update();
      return Promise.all(names.map((name) => this.#candidate(name)));
    });
  }

  /**
   * The .deb file, from the cache or a mirror.
   *
   * @throws {Error} one line when the mirrors no longer serve this version or serve other bytes.
   */
  async fetch(wanted: DebianPackage): Promise<string> {
    const file = join(this.cache, `${wanted.sha256}.deb`);
    if (existsSync(file)) return file;
    return this.#locked(async () => {
      if (existsSync(file)) return file;
      if (!existsSync(this.#lists)) await this.#update();
      await this.#download(wanted).catch(async () => {
        await this.#update(); // lists may be older than the version
        await this.#download(wanted);
      });
      const [downloaded = ''] = (await run('find', [this.cache, '-maxdepth', '1', '-name', `${wanted.name}_*.deb`])).stdout.split('\n');
      const sha256 = createHash('sha256').update(readFileSync(downloaded)).digest('hex');
      if (sha256 !== wanted.sha256) {
        rmSync(downloaded);
        throw new Error(`package ${wanted.name} ${wanted.version} has sha256 ${sha256}, wanted ${wanted.sha256}`);
      }
      renameSync(downloaded, file);
      return file;
    });
  }

  async #download({ name, version }: DebianPackage): Promise<void> {
    try {
      await run('apt-get', [...this.#options(), 'download', `${name}=${version}`], { cwd: this.cache });
    } catch (error) {
      const hint = 'if the mirrors have a newer one, take it with --lock';
      throw new Error(`cannot download Debian package ${name} ${version} for ${this.architecture}: ${lastLine(error)}; ${hint}`);
    }
  }

  async #candidate(name: string): Promise<DebianPackage> {
    const { stdout } = await run('apt-cache', [...this.#options(), 'show', '--no-all-versions', name]);
    const field = (key: string): string => new RegExp(`^${key}: (.+)$`, 'm').exec(stdout)?.[1] ?? '';
    return { name, version: field('Version'), sha256: field('SHA256') };
  }

  async #update(): Promise<void> {
    mkdirSync(join(this.#lists, 'partial'), { recursive: true });
    await run('apt-get', [...this.#options(), '-qq', 'update']);
  }

  get #lists(): string {
    return join(this.cache, `lists-${this.architecture}`);
  }

  /** Nothing of the machine's state is read or written: an empty status file means that no package counts as installed. */
  #options(): string[] {
    return Object.entries({
      'APT::Architecture': this.architecture,
      'APT::Architectures': this.architecture,
      'Dir::State::lists': this.#lists,
      'Dir::State::status': '/dev/null',
      'Dir::Cache': this.cache,
      'APT::Sandbox::User': '',
    }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  }

  #locked<T>(work: () => Promise<T>): Promise<T> {
    mkdirSync(this.cache, { recursive: true });
    return withLock(join(this.cache, 'lock'), work);
  }
}

/** Unpacks the files of a package below `target`; nothing of the package is run. */
export async function unpack(deb: string, target: string): Promise<void> {
  await run('dpkg-deb', ['-x', deb, target]);
}

/** The control paragraph of a package, as scanners look for it. */
export async function controlOf(deb: string): Promise<string> {
  return (await run('dpkg-deb', ['-f', deb])).stdout;
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr || message).trim().split('\n').at(-1) ?? '';
}
