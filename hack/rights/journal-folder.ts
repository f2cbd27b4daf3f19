/**
 * A folder in which the processes of a test run leave what the managers they started have called.
 *
 * Owns: the files' names and format. Invariant: every writer has files of its own, so that any number may write at once.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Journal } from './rights-in-use';

/** Names the folder; not set = nothing is kept. */
export const JOURNAL_FOLDER_VARIABLE = 'STEWARD_RIGHTS_JOURNAL';
const EXTENSION = '.json';

/** Does nothing when there is no folder. */
export function keepJournal(journal: Journal, folder = process.env[JOURNAL_FOLDER_VARIABLE]): void {
  if (folder === undefined || folder === '') return;
  const path = join(folder, randomUUID());
  writeFileSync(path, JSON.stringify(journal));
  renameSync(path, `${path}${EXTENSION}`);
}

export function journalsIn(folder: string): Journal[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(EXTENSION))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Journal);
}
