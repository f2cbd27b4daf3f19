/** Where the catalog lies that belongs to this program: `assets/` beside `dist/` or `build/`. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CatalogError } from './catalog-error';
import { CATALOG_FILE } from './catalog-files';

/** @throws {CatalogError} when it is not there: the program was taken out of its package. */
export function shippedCatalogDirectory(from: string = __dirname): string {
  for (let folder = from; folder !== dirname(folder); folder = dirname(folder)) {
    const candidate = join(folder, 'assets');
    if (existsSync(join(candidate, CATALOG_FILE))) return candidate;
  }
  throw new CatalogError([{ file: join('assets', CATALOG_FILE), text: `is in no directory above ${from}` }]);
}
