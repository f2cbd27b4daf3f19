/**
 * Makes the documents about the catalog: `docs/platform/assets.md`, `docs/reference/feature-status.json`, the table in the README.
 *
 *     node build/hack/generators/platform-assets.js            writes what differs
 *     node build/hack/generators/platform-assets.js --check    writes nothing, exits 1 and shows the difference
 *
 * Owns: what is told of an asset and of a feature. Never: reads a cluster; everything comes from `assets/`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type Catalog, loadCatalog } from '../../src/platform/catalog';
import { assetSections, identityRows } from './asset-docs';
import { featureRecords, featureTable } from './feature-docs';
import { GENERATED_MARK, type GeneratedFiles, withSection } from './generated-files';
import { type Generator, main } from './generator-command';
import { jsonText } from './json-text';

const PAGE = 'docs/platform/assets.md';
const STATUS = 'docs/reference/feature-status.json';
const README = 'README.md';
const SOURCE = 'assets';

/** The files, as the catalog below `root` has them. */
export function catalogDocuments(root: string): GeneratedFiles {
  const catalog = loadCatalog(join(root, SOURCE));
  const words = conditionWords(readFileSync(join(root, 'hack', 'generators', 'condition-words.yaml'), 'utf8'));
  const mark = `${GENERATED_MARK}${SOURCE}; DO NOT EDIT.`;
  return new Map([
    [PAGE, [`<!-- ${mark} -->`, ...assetPage(catalog, words), ''].join('\n')],
    [STATUS, `${jsonText({ '//': mark, catalogVersion: catalog.version, features: featureRecords(catalog) })}\n`],
    [README, withSection(readFileSync(join(root, README), 'utf8'), 'features', featureTable(catalog, 'docs/platform/assets.md'))],
  ]);
}

function conditionWords(text: string): ReadonlyMap<string, string> {
  const entries = parse(text) as { condition: string; words: string }[];
  return new Map(entries.map(({ condition, words }) => [condition, words]));
}

function assetPage(catalog: Catalog, words: ReadonlyMap<string, string>): string[] {
  return [
    '# The catalog',
    '',
    `What the platform module keeps, version ${catalog.version}. How to say no to any of it, or to a part: [user guide](user-guide.md). How an asset is`,
    'written: [writing assets](authoring-assets.md).',
    '',
    'Annotations stand on the anchor (HyperConverged, or KubeVirt where there is none) and begin with `platform.kubevirt.io/`, which is left',
    'out here. "always" means: wherever the kind is served and the conditions hold, until `enable-<switch>` is `"false"`. "on request" means:',
    'only once `enable-<switch>` is `"true"`. A node-level object may restart nodes; `rollout` says how ([rollout](user-guide.md#rollout)).',
    '',
    '## Features',
    '',
    ...featureTable(catalog, ''),
    '',
    'Maturity: GA, technology preview (TP), developer preview (DP).',
    '',
    '## Objects',
    '',
    ...identityRows(catalog),
    '',
    '## Assets',
    '',
    ...assetSections(catalog, words),
    '## Objects of earlier operators that are deleted',
    '',
    '| kind | name |',
    '|---|---|',
    ...formerRows(catalog.tombstones),
    ...(catalog.retired.length === 0
      ? []
      : ['', '## Objects of earlier versions that are left behind', '', '| kind | name |', '|---|---|']),
    ...formerRows(catalog.retired),
  ];
}

function formerRows(objects: Catalog['tombstones']): string[] {
  return objects.map(
    ({ kind, name, namespace }) => `| ${kind} | \`${name}\`${namespace === undefined ? '' : ', in the namespace of the anchor'} |`,
  );
}

if (require.main === module) {
  const generator: Generator = {
    folder: 'docs',
    isOwn: (path) => path === PAGE || path === STATUS,
    source: SOURCE,
    files: catalogDocuments,
  };
  main(generator);
}
