/** Reads the list of rights that are granted although no test uses them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { UnusedEntry } from './rights-in-use';

export const UNUSED_LIST = 'hack/generators/rbac-unused.yaml';

/** @throws {Error} naming the entry that has no reason or no rights. */
export function unusedList(root: string): UnusedEntry[] {
  return parseUnusedList(readFileSync(join(root, UNUSED_LIST), 'utf8'));
}

export function parseUnusedList(text: string): UnusedEntry[] {
  const entries = (parse(text) ?? []) as Partial<UnusedEntry>[];
  if (!Array.isArray(entries)) throw new Error(`${UNUSED_LIST} is no list; allowed: entries with reason and rights`);
  return entries.map(({ reason, rights }, index) => {
    const isComplete = typeof reason === 'string' && reason.trim() !== '' && Array.isArray(rights) && rights.length > 0;
    if (!isComplete) throw new Error(`${UNUSED_LIST}: entry ${index + 1} needs a reason and a list of rights`);
    return { reason, rights: rights.map(String) };
  });
}
