/**
 * Makes `src/api/<group>/<version>.ts` from `crds/*.yaml`.
 *
 *     node build/hack/generators/crd-types.js            writes what differs
 *     node build/hack/generators/crd-types.js --check    writes nothing, exits 1 and shows the difference
 *
 * Owns: which file the types of a kind go to. Never: decides how a type reads (typescript-types.ts).
 * Invariant: one file a group version; `<group>` is the group's first label, so that wol.pillon.org gives `wol`.
 */
import { type CrdVersion, readCrds } from './crd-schema';
import type { GeneratedFiles } from './generated-files';
import { type Generator, main } from './generator-command';
import { typesOf } from './typescript-types';

const CRD_FOLDER = 'crds';
const API_FOLDER = 'src/api';
/** The framework's entry, seen from a file two folders below `src`. */
const FRAMEWORK = '../../framework';

/**
 * The generated files of all CRDs below `root`.
 *
 * @throws {Error} when two groups share their first label and version, or a CRD cannot be read.
 */
export function apiFiles(root: string): GeneratedFiles {
  const byPath = new Map<string, CrdVersion[]>();
  for (const crd of readCrds(root, CRD_FOLDER)) {
    const path = `${API_FOLDER}/${crd.group.split('.')[0]}/${crd.version}.ts`;
    byPath.set(path, [...(byPath.get(path) ?? []), crd]);
  }
  const files = new Map<string, string>();
  for (const [path, crds] of byPath) {
    const groups = [...new Set(crds.map(({ group }) => group))];
    if (groups.length > 1) throw new Error(`${path} would hold the groups ${groups.join(' and ')}; allowed: one`);
    files.set(path, typesOf(crds, FRAMEWORK));
  }
  return files;
}

export const CRD_TYPES: Generator = { folder: API_FOLDER, source: `${CRD_FOLDER}/`, files: apiFiles };

if (require.main === module) main(CRD_TYPES);
