/**
 * Keeps assets/crds as its table says.
 *
 * Owns: the files below assets/crds that the table names, README.md there, and sums in the table.
 * Never: replaces a file before all of its new text is there and has the right sum.
 * Invariant: what fails leaves every file as it was.
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseDocument } from 'yaml';
import { type CrdSource, parseSources, readmeOf, withChanges } from './sources';

export interface CrdFilesOptions {
  /** The repository. */
  readonly root: string;
  /** Gives a file of a public repository. @throws {Error} when it cannot be had. */
  readonly fetch: (repository: string, ref: string, path: string) => Promise<string>;
  readonly print: (line: string) => void;
}

const MARK = 'x-virt-steward-assumed: true';
/** No schema is larger by far. */
const MAX_BYTES = 8 * 1024 * 1024;

export class CrdFiles {
  private readonly folder: string;
  private readonly table: string;

  constructor(private readonly options: CrdFilesOptions) {
    this.folder = join(options.root, 'assets', 'crds');
    this.table = join(options.root, 'hack', 'update-crds', 'sources.yaml');
  }

  /**
   * Puts back what differs from its source, and replaces what is adopted.
   * @param adopt files that were written by hand, to be replaced by their originals. @returns whether all went well.
   */
  async update(adopt: readonly string[]): Promise<boolean> {
    const sources = this.sources();
    const unknown = adopt.find((file) => !sources.some((source) => source.file === file && source.assumed));
    if (unknown !== undefined) throw new Error(`--adopt ${unknown} is no file that was written by hand; see hack/update-crds/sources.yaml`);
    let isWell = true;
    const adopted: CrdSource[] = [];
    for (const source of sources) {
      const isAdopted = adopt.includes(source.file);
      if (!isAdopted && (source.assumed || this.sumOf(source.file) === source.sha256)) continue;
      try {
        const text = await this.fetched(source);
        if (!isAdopted && sumOf(text) !== source.sha256) throw new Error(`has sha256 ${sumOf(text)}, wanted ${source.sha256}`);
        this.replace(join(this.folder, source.file), text);
        if (isAdopted) adopted.push({ ...source, assumed: false, sha256: sumOf(text) });
        this.options.print(`${isAdopted ? 'adopted' : 'put back'} ${source.file}`);
      } catch (error) {
        isWell = false;
        this.options.print(`${source.file}: ${messageOf(error)}; nothing was replaced`);
      }
    }
    if (adopted.length > 0) this.replace(this.table, withChanges(readFileSync(this.table, 'utf8'), adopted));
    this.replace(join(this.folder, 'README.md'), readmeOf(this.sources()));
    return isWell;
  }

  /** Takes over the sums of files that were written by hand, after they were edited. */
  recordHandwritten(): void {
    const changed = this.sources().filter(({ assumed, file, sha256 }) => assumed && this.sumOf(file) !== sha256);
    const recorded = changed.map((source) => ({ ...source, sha256: this.sumOf(source.file) ?? source.sha256 }));
    this.replace(this.table, withChanges(readFileSync(this.table, 'utf8'), recorded));
    this.replace(join(this.folder, 'README.md'), readmeOf(this.sources()));
    for (const { file } of recorded) this.options.print(`recorded ${file}`);
  }

  /** @param online compare with the source too; a source out of reach is a warning. @returns what is wrong, one line each. */
  async verify(online: boolean): Promise<string[]> {
    const sources = this.sources();
    const problems: string[] = [];
    for (const source of sources) {
      const { file, sha256, assumed } = source;
      const sum = this.sumOf(file);
      if (sum === undefined) problems.push(`${file} is missing`);
      else if (sum !== sha256) problems.push(`${file} has sha256 ${sum}, the table says ${sha256}`);
      else if (readFileSync(join(this.folder, file), 'utf8').includes(`\n${MARK}\n`) !== assumed) {
        problems.push(`${file} ${assumed ? 'lacks' : 'has'} the mark ${MARK}, but the table says otherwise`);
      }
      if (online && !assumed) problems.push(...(await this.differenceFromSource(source)));
    }
    const known = new Set(sources.map(({ file }) => file));
    for (const file of globSync('**/*.yaml', { cwd: this.folder }).sort())
      if (!known.has(file)) problems.push(`${file} is not in the table`);
    const readme = existsSync(join(this.folder, 'README.md')) ? readFileSync(join(this.folder, 'README.md'), 'utf8') : '';
    if (readme !== readmeOf(sources)) problems.push('README.md differs from the table');
    return problems;
  }

  private async differenceFromSource(source: CrdSource): Promise<string[]> {
    let text: string;
    try {
      text = await this.fetched(source);
    } catch (error) {
      this.options.print(`warning: ${source.file}: ${messageOf(error)}`);
      return [];
    }
    return sumOf(text) === source.sha256 ? [] : [`${source.file}: the source has sha256 ${sumOf(text)}, the table says ${source.sha256}`];
  }

  private sources(): CrdSource[] {
    return parseSources(readFileSync(this.table, 'utf8'));
  }

  private async fetched({ repository, ref, path }: CrdSource): Promise<string> {
    if (repository === undefined || ref === undefined || path === undefined) throw new Error('no source is known');
    const text = await this.options.fetch(repository, ref, path);
    if (text.length > MAX_BYTES) throw new Error(`is larger than ${MAX_BYTES} bytes`);
    const kind = parseDocument(text.replace(/^\s*---\n/, '')).get('kind');
    if (kind !== 'CustomResourceDefinition') throw new Error(`is no CustomResourceDefinition (kind ${String(kind)})`);
    return text;
  }

  private sumOf(file: string): string | undefined {
    const path = join(this.folder, file);
    return existsSync(path) ? sumOf(readFileSync(path, 'utf8')) : undefined;
  }

  private replace(path: string, text: string): void {
    const scratch = `${path}.new`;
    mkdirSync(dirname(path), { recursive: true });
    try {
      writeFileSync(scratch, text);
      renameSync(scratch, path);
    } finally {
      rmSync(scratch, { force: true });
    }
  }
}

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
