/** The end of a log file, for error messages. Reads the end only: logs of a long run are large. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const TAIL_BYTES = 16 * 1024;
const TAIL_LINES = 15;

/** The last lines, indented; says so when there are none or no file. */
export function tailOf(file: string, lines: number = TAIL_LINES): string {
  const text = endOf(file).trimEnd();
  if (text === '') return `  (${file} is empty)`;
  return text
    .split('\n')
    .slice(-lines)
    .map((line) => `  ${line}`)
    .join('\n');
}

/** The last 16 KiB, as text. Empty when there is no such file. */
export function endOf(file: string): string {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString('utf8');
  } finally {
    closeSync(fd);
  }
}
