/**
 * The files of a catalog by their paths below its directory.
 *
 * Owns: how large a catalog may be. Never: reads a file before all of them are known to fit.
 * Invariant: a directory that is something else, such as a whole file system, is given up once it has too many files.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CatalogError } from './catalog-error';

export const CATALOG_FILE = 'catalog.yaml';
/** Plural and scope of kinds; read where rights are generated. */
export const KINDS_FILE = 'kinds.yaml';
/** Schemas for tests: never shipped, never read. */
const SCHEMAS = 'crds';
export const PAYLOADS = 'files';
export const TOMBSTONES = 'tombstones';
export const RETIRED = 'retired';

/** Twenty times what is shipped; a process holds all of it, and renders it on each change of the cluster. */
const MAX_FILES = 1_000;
/** An object that is larger is refused by the API server. */
const MAX_FILE_BYTES = 2 ** 20;
const MAX_BYTES = 16 * 2 ** 20;

export interface CatalogFiles {
  /** Paths of what may be an asset. */
  readonly assets: readonly string[];
  readonly tombstones: readonly string[];
  readonly retired: readonly string[];
  /** Below `files/`. */
  readonly payloads: readonly string[];
  read(path: string): string;
}

/** @throws what reading the directory fails with. @throws {CatalogError} when it is too large. */
export function catalogFiles(directory: string): CatalogFiles {
  if (directory === '') throw new CatalogError([{ file: '--platform-assets-dir', text: 'is empty; allowed: the directory of a catalog' }]);
  const found = filesBelow(directory);
  refuseTooLarge(directory, found);
  const paths = found.filter((path) => path !== CATALOG_FILE && path !== KINDS_FILE).sort();
  const below = (folder: string): string[] => paths.filter((path) => path.startsWith(`${folder}/`));
  const apart = new Set([...below(PAYLOADS), ...below(TOMBSTONES), ...below(RETIRED)]);
  return {
    assets: paths.filter((path) => !apart.has(path)),
    tombstones: below(TOMBSTONES),
    retired: below(RETIRED),
    payloads: below(PAYLOADS).map((path) => path.slice(PAYLOADS.length + 1)),
    read: (path) => readFileSync(join(directory, path), 'utf8'),
  };
}

/** @throws {CatalogError} */
function filesBelow(directory: string): string[] {
  const files: string[] = [];
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(join(directory, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && path !== SCHEMAS) folders.push(path);
      if (entry.isFile() && !entry.name.endsWith('.md')) files.push(path);
      if (files.length + folders.length > MAX_FILES)
        throw new CatalogError([{ file: directory, text: `has more than ${MAX_FILES} files, which is no catalog; allowed: ${MAX_FILES}` }]);
    }
  }
  return files;
}

/** @throws {CatalogError} naming every file that is. */
function refuseTooLarge(directory: string, files: readonly string[]): void {
  const sizes = files.map((file) => ({ file, bytes: statSync(join(directory, file)).size }));
  const problems = sizes
    .filter(({ bytes }) => bytes > MAX_FILE_BYTES)
    .map(({ file, bytes }) => ({ file, text: `has ${bytes} bytes; allowed: ${MAX_FILE_BYTES}` }));
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > MAX_BYTES) problems.push({ file: directory, text: `has ${total} bytes in all; allowed: ${MAX_BYTES}` });
  if (problems.length > 0) throw new CatalogError(problems);
}
