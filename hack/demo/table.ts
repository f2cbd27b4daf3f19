/** Tables as kubectl has them: pure. */

const INDENT = '  ';
const GAP = 3;

/** Columns as wide as their widest cell. @param rows the headings first. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `${INDENT}${row.map((cell, column) => cell.padEnd((widths[column] ?? 0) + GAP)).join('')}`.trimEnd()).join('\n');
}
