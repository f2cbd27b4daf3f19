/** The files of a catalog by their paths below its directory. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const CATALOG_FILE = 'catalog.yaml';
/** Plural and scope of kinds; read where rights are generated. */
export const KINDS_FILE = 'kinds.yaml';
/** Schemas for tests: never shipped, never read. */
const SCHEMAS = 'crds';
export const PAYLOADS = 'files';
export const TOMBSTONES = 'tombstones';
export const RETIRED = 'retired';

export interface CatalogFiles {
  /** Paths of what may be an asset. */
  readonly assets: readonly string[];
  readonly tombstones: readonly string[];
  readonly retired: readonly string[];
  /** Below `files/`. */
  readonly payloads: readonly string[];
  read(path: string): string;
}

/** @throws what reading the directory fails with. */
export function catalogFiles(directory: string): CatalogFiles {
  const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.md'))
    .map((entry) => join(entry.parentPath, entry.name).slice(join(directory, '/').length).replaceAll('\\', '/'))
    .filter((path) => !path.startsWith(`${SCHEMAS}/`) && path !== CATALOG_FILE && path !== KINDS_FILE)
    .sort();
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
