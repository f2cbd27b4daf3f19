/** What `docs/platform/assets.md` tells of each asset. Pure. */
import { type Catalog, type CatalogAsset, type Requirement, requirementText } from '../../src/platform/catalog';
import type { OptionUse } from '../../src/platform/expressions';

export const MATURITY = { ga: 'GA', tp: 'TP', dp: 'DP' } as const;

/** One row an asset: which object, when, whether nodes are concerned. */
export function identityRows(catalog: Catalog): string[] {
  return [
    '| asset | object | applied | node-level |',
    '|---|---|---|---|',
    ...catalog.assets.map((asset) => {
      const name = `[\`${asset.name}\`](#${asset.name})`;
      return `| ${name} | ${objectOf(asset)} | ${installOf(asset)} | ${asset.isNodeLevel ? '**yes**' : ''} |`;
    }),
  ];
}

/** @param words of conditions, by the condition with single blanks. @throws {Error} naming a condition that has no words. */
export function assetSections(catalog: Catalog, words: ReadonlyMap<string, string>): string[] {
  return catalog.assets
    .flatMap((asset) => ['', ...sectionOf(asset, words)])
    .slice(1)
    .concat('');
}

function sectionOf(asset: CatalogAsset, words: ReadonlyMap<string, string>): string[] {
  const facts: readonly (readonly [string, string])[] = [
    ['object', objectOf(asset)],
    ['applied', installOf(asset)],
    ['condition', asset.when.map(({ source }) => wordsOf(source, words)).join('; ')],
    ['requires', [kindOf(asset), ...asset.requires.map(requirementWords)].join('; ')],
    ['part of', asset.into === undefined ? '' : `the object of [\`${asset.into}\`](#${asset.into})`],
    [
      'group, other names',
      [asset.group, ...asset.aliases]
        .filter((name) => name !== undefined)
        .map(code)
        .join(', '),
    ],
    ['maturity', MATURITY[asset.maturity]],
    ['node-level', asset.isNodeLevel ? '**yes**, may restart nodes' : 'no'],
    ['offered, not forced', asset.fill.map(code).join(', ')],
    ['an object that exists', asset.adopt === 'never' ? 'is left to its owner' : ''],
    ['made when absent', asset.create ? '' : 'no'],
    ['kept by', asset.strategy === 'edit' ? 'changing one text in the object; everything else of it is left alone' : ''],
    ['when no longer wanted', asset.onUnwanted === 'delete' ? 'is deleted' : ''],
    ['follows', [...asset.reads].sort().map(code).join(', ')],
    ['file', `[\`assets/${asset.file}\`](../../assets/${asset.file})`],
  ];
  return [
    `### ${asset.name}`,
    '',
    asset.description ?? '',
    '',
    '| | |',
    '|---|---|',
    ...facts.filter(([, text]) => text !== '').map(([name, text]) => `| ${name} | ${cell(text)} |`),
    ...optionRows(asset),
  ];
}

/** Options that say more than yes or no. An option is read more than once when one place only asks whether it is set. */
function optionRows({ options }: CatalogAsset): string[] {
  const told = new Map<string, (typeof options)[number]>();
  for (const option of options) {
    if (option.name.startsWith('enable-')) continue;
    if (option.pattern !== undefined || !told.has(option.name)) told.set(option.name, option);
  }
  if (told.size === 0) return [];
  return ['', '| option | default | allowed |', '|---|---|---|', ...[...told.values()].map(optionRow)];
}

function optionRow({ name, default: preset, pattern }: OptionUse): string {
  const standard = preset === undefined ? 'depends on the cluster' : ['', '{}'].includes(preset) ? '' : code(preset);
  return `| \`${name}\` | ${standard} | ${pattern === undefined ? '' : cell(code(pattern))} |`;
}

function objectOf({ identity: { kind, name, names, namespace, apiVersions }, into }: CatalogAsset): string {
  const title = name ?? names?.join(', ') ?? '';
  const place = namespace === undefined ? '' : ` in ${namespace}`;
  return `${into === undefined ? '' : 'part of '}${kind} \`${title}\`${place} (${apiVersions.join(' or ')})`;
}

function installOf({ install, switches, when }: CatalogAsset): string {
  const [name, ...older] = switches;
  const also = older.length === 0 ? '' : ` (older: ${older.map((one) => code(`enable-${one}`)).join(', ')})`;
  if (install === 'always') return name === undefined ? 'always' : `always; switch ${code(`enable-${name}`)}${also}`;
  if (name !== undefined) return `on request: ${code(`enable-${name}`)}${also}`;
  return when.length === 0 ? 'on request' : 'on request, see the condition';
}

function kindOf({ identity: { kind, apiVersions } }: CatalogAsset): string {
  return `the kind ${kind} (${apiVersions.join(' or ')})`;
}

const FEATURE_WORDS = { hco: 'HyperConverged', openshift: 'OpenShift', olm: 'Operator Lifecycle Manager' } as const;

function requirementWords(requirement: Requirement): string {
  if (requirement.type === 'feature') return FEATURE_WORDS[requirement.feature];
  if (requirement.type === 'asset') return `[\`${requirement.asset}\`](#${requirement.asset}) in sync`;
  return code(requirementText(requirement));
}

function wordsOf(source: string, words: ReadonlyMap<string, string>): string {
  const condition = source.replace(/\s+/g, ' ').trim();
  const text = words.get(condition);
  if (text === undefined) throw new Error(`hack/generators/condition-words.yaml has no words for the condition ${condition}`);
  return text;
}

export function code(text: string): string {
  return `\`${text}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
