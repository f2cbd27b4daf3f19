/**
 * Makes `values.schema.json` and `README.md` of the chart, and the reference page of values, from its `values.yaml`.
 *
 *     node build/hack/generators/chart-values.js            writes what differs
 *     node build/hack/generators/chart-values.js --check    writes nothing, exits 1 and shows the difference
 *
 * Owns: how the comments of `values.yaml` become a schema. Never: looks into a template.
 * Invariant: a key that values.yaml does not have is refused, unless its parent is marked as open.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GENERATED_MARK, type GeneratedFiles } from './generated-files';
import { type Generator, main } from './generator-command';
import { jsonText } from './json-text';
import { type ValuesEntry, valuesEntries, valuesSchema } from './values-schema';

const CHART = 'charts/virt-steward';
const VALUES = `${CHART}/values.yaml`;
const PAGE = 'docs/reference/values.md';

/** The generated files below `root`. @throws {Error} naming a key without a description or a type. */
export function chartValues(root: string): GeneratedFiles {
  const entries = valuesEntries(readFileSync(join(root, VALUES), 'utf8'));
  const mark = `${GENERATED_MARK}${VALUES}; DO NOT EDIT.`;
  return new Map([
    [`${CHART}/values.schema.json`, `${jsonText({ 'x-generated': mark, ...valuesSchema(entries) })}\n`],
    [`${CHART}/README.md`, `<!-- ${mark} -->\n${INTRODUCTION}\n\n## Values\n\n${TABLE_HEAD}\n${table(entries)}\n`],
    [PAGE, `<!-- ${mark} -->\n# Values of the chart\n\n${PAGE_INTRODUCTION}\n\n${TABLE_HEAD}\n${table(entries)}\n`],
  ]);
}

const INTRODUCTION = `# Chart virt-steward

\`\`\`sh
helm install virt-steward charts/virt-steward -n virt-steward-system --create-namespace
\`\`\`

Works with Helm 3.17 and later and with Helm 4, on Kubernetes 1.30 and later and on OpenShift. How to install, upgrade and remove it:
[guide](../../docs/operations/install.md).`;

const PAGE_INTRODUCTION = `What \`helm install --set\` and files given with \`--values\` may say. Some values exclude each other; the chart then refuses to render and
says what to set instead. How to install it: [guide](../operations/install.md).`;

const TABLE_HEAD = `Keys that are not listed are refused. Those marked with \\* take what the Kubernetes API takes there.

| key | default | meaning |
|---|---|---|`;

function table(entries: readonly ValuesEntry[]): string {
  return rows(entries)
    .map(({ path, entry }) => {
      const mark = entry.isOpen ? ' \\*' : '';
      return `| \`${path}\`${mark} | ${code(entry.value)} | ${cell(entry.description)} |`;
    })
    .join('\n');
}

/** One row for each key that people set: open maps are one value. */
function rows(entries: readonly ValuesEntry[], parent = ''): { path: string; entry: ValuesEntry }[] {
  return entries.flatMap((entry) => {
    const path = `${parent}${entry.key.includes('.') ? `"${entry.key}"` : entry.key}`;
    const hasChildren = entry.children.length > 0 && !(entry.isOpen && path !== 'global');
    return hasChildren ? rows(entry.children, `${path}.`) : [{ path, entry }];
  });
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
const code = (value: unknown): string => `\`${JSON.stringify(value).replaceAll('|', '\\|')}\``;

export const CHART_VALUES: Generator = {
  folder: CHART,
  isOwn: (path) => path === `${CHART}/values.schema.json` || path === `${CHART}/README.md`,
  source: VALUES,
  files: chartValues,
};

if (require.main === module) main(CHART_VALUES);
