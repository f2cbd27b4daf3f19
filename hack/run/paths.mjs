/**
 * Where things lie in the repository. Owns: nothing else. Invariant: absolute paths, whatever the working directory is.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Absolute path of something in the repository, given with forward slashes. */
export function inRoot(path) {
  return join(root, ...path.split('/'));
}
