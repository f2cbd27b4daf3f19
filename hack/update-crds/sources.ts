/**
 * The table of schemas in assets/crds: reading it and writing it.
 *
 * Owns: the form of sources.yaml. Never: fetches anything.
 */
import { Document, isMap, isSeq, parseDocument } from 'yaml';

export interface CrdSource {
  /** Below assets/crds. */
  readonly file: string;
  /** Of the file as it is kept, in hexadecimal. */
  readonly sha256: string;
  /** Written by hand. */
  readonly assumed: boolean;
  /** `owner/name`; absent when nobody publishes the file. */
  readonly repository?: string;
  /** Tag or commit. */
  readonly ref?: string;
  /** In the repository. */
  readonly path?: string;
  readonly licence: string;
}

const FILE = /^[a-z-]+\/[a-z0-9.@-]+\.yaml$/;
const SHA256 = /^[0-9a-f]{64}$/;
const MEMBERS = ['file', 'sha256', 'assumed', 'repository', 'ref', 'path', 'licence'];

/** @throws {Error} naming the entry and what is wrong with it. */
export function parseSources(text: string): CrdSource[] {
  const document = parseDocument(text, { uniqueKeys: true });
  if (document.errors.length > 0) throw new Error(`sources.yaml: ${document.errors[0]!.message}`);
  if (!isSeq(document.contents)) throw new Error('sources.yaml is no list');
  const sources = document.toJS() as Partial<CrdSource>[];
  return sources.map((source, index) => {
    const refuse = (why: string): never => {
      throw new Error(`sources.yaml, entry ${index + 1} (${String(source.file)}): ${why}`);
    };
    const unknown = Object.keys(source).find((member) => !MEMBERS.includes(member));
    if (unknown !== undefined) refuse(`has ${unknown}; allowed: ${MEMBERS.join(', ')}`);
    if (!FILE.test(source.file ?? '')) refuse('file has to be <area>/<name>.yaml');
    if (!SHA256.test(source.sha256 ?? '')) refuse('sha256 has to be 64 hexadecimal digits');
    if (!source.licence) refuse('licence is missing');
    const place = [source.repository, source.ref, source.path].filter((part) => part !== undefined);
    if (place.length !== 0 && place.length !== 3) refuse('repository, ref and path go together');
    if (place.length === 0 && source.assumed !== true) refuse('is not written by hand, and has no repository, ref and path');
    return { ...source, assumed: source.assumed === true } as CrdSource;
  });
}

/** The same text with other sums and marks; comments and order stay. */
export function withChanges(text: string, changed: readonly CrdSource[]): string {
  const document: Document = parseDocument(text);
  for (const entry of isSeq(document.contents) ? document.contents.items : []) {
    const source = isMap(entry) ? changed.find(({ file }) => file === entry.get('file')) : undefined;
    if (source === undefined || !isMap(entry)) continue;
    entry.set('sha256', source.sha256);
    if (!source.assumed) entry.delete('assumed');
  }
  return document.toString({ lineWidth: 0 });
}

/** README.md of assets/crds. */
export function readmeOf(sources: readonly CrdSource[]): string {
  const rows = sources.map(({ file, repository, ref, path, sha256, licence, assumed }) => {
    const origin =
      repository === undefined ? '' : `[${repository}](https://github.com/${repository}/blob/${ref}/${path}) at \`${ref!.slice(0, 12)}\``;
    const source = assumed ? `written by hand${origin === '' ? '' : `; stands for ${origin}`}` : origin;
    return `| \`${file}\` | ${source} | \`${sha256.slice(0, 16)}…\` | ${licence} |`;
  });
  return [
    '# Schemas for tests',
    '',
    '<!-- Written by hack/update-crds from hack/update-crds/sources.yaml. -->',
    '',
    'CRDs of other projects, as far as the catalog sets or reads their objects. Tests install them; nothing here is shipped, and neither',
    'assets nor rights are made from it. A file with `x-virt-steward-assumed: true` is a structural minimum, written by hand from what is',
    'published about the API; tests take the mark off before they install it. Another generation of a CRD is called `<name>@<generation>.yaml`.',
    '',
    '`node hack/run.mjs update-crds` puts files back that differ from their source, `-- --adopt FILE` replaces one that was written by hand by',
    'its original, and `node hack/run.mjs verify-crds` compares sums, with `-- --online` also with the source. Sums in full are in',
    '`hack/update-crds/sources.yaml`.',
    '',
    '| file | source | sha256 | licence |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
