/** Rows of a preview as text: objects for kubectl, records for scripts, a table for people. Pure. */
import { stringify } from 'yaml';
import type { PreviewRow } from './preview';

export type PreviewFormat = 'yaml' | 'json' | 'status';

/** Rows that lead to no object, and so are only comments of the YAML stream. */
const APPLIED: readonly PreviewRow['status'][] = ['INCLUDED', 'PENDING'];

/** @param showExcluded also what is not wanted, excluded or missing. */
export function previewText(rows: readonly PreviewRow[], format: PreviewFormat, showExcluded: boolean): string {
  const shown = rows.filter((row) => showExcluded || isOfInterest(row));
  if (format === 'yaml') return shown.map(yamlDocument).join('');
  if (format === 'json') return `${JSON.stringify(shown.map(record), undefined, 2)}\n`;
  return table(shown);
}

/** Without being asked for, only what is or should be on the cluster. */
function isOfInterest({ status }: PreviewRow): boolean {
  return status !== 'FILTERED' && status !== 'EXCLUDED';
}

function yamlDocument(row: PreviewRow): string {
  const { key, asset, status, reason, message, object, differences } = row;
  const status_ = [status, reason].filter((text) => text !== '').join(' ');
  const comments = [`asset: ${key}`, `file: ${asset.file}`, `status: ${status_}`, ...(message === '' ? [] : [`message: ${message}`])];
  for (const difference of differences ?? []) comments.push(`differs: ${JSON.stringify(difference)}`);
  const head = `---\n${comments.map((line) => `# ${line.replaceAll(/\s+/g, ' ')}\n`).join('')}`;
  const isApplied = object !== undefined && APPLIED.includes(status) && asset.into === undefined;
  return isApplied ? `${head}${stringify(object, { lineWidth: 0, aliasDuplicateObjects: false, compat: 'yaml-1.1' })}` : head;
}

function record({ key, asset, status, reason, message, object, differences }: PreviewRow): object {
  return {
    asset: key,
    file: asset.file,
    status,
    reason,
    ...(message === '' ? {} : { message }),
    conditions: asset.when.map(({ source }) => source),
    ...(object === undefined ? {} : { object }),
    ...(differences === undefined ? {} : { differences }),
  };
}

const HEAD = ['ASSET', 'STATUS', 'REASON', 'OBJECT', 'MESSAGE'];

function table(rows: readonly PreviewRow[]): string {
  const cells = rows.map(({ key, status, reason, identity, message }) => [key, status, reason || '-', identity || '-', message]);
  const lines = [HEAD, ...cells];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map(
      (line) =>
        `${line
          .map((text, column) => text.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
