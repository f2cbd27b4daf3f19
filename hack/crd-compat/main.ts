/**
 * Compares `crds/` with the definitions that are out there, in `baseline/`, so that no change refuses or drops what people have stored.
 *
 *     node build/hack/crd-compat/main.js              exits 1 and names each break that allowed-breaks.yaml does not give a reason for
 *     node build/hack/crd-compat/main.js --record     makes today's definitions the baseline, which a release does
 *
 * Owns: the baseline. Never: changes a definition. Invariant: an allowed break that does not happen is an error too, so that the list is true.
 */
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { endWith } from '../exit-code';
import { breaksBetween, type Crd } from './compare';

const ROOT = resolve(__dirname, '..', '..', '..');
const CRDS = 'crds';
const BASELINE = 'hack/crd-compat/baseline';
const ALLOWED = 'hack/crd-compat/allowed-breaks.yaml';

export interface AllowedBreak {
  /** As it is told. */
  readonly break: string;
  readonly reason: string;
}

/** @returns what is wrong, a line each. */
export function findings(earlier: readonly Crd[], later: readonly Crd[], allowed: readonly AllowedBreak[]): string[] {
  const breaks = breaksBetween(earlier, later);
  const unreasoned = allowed
    .filter(({ reason = '' }) => reason.trim() === '')
    .map((entry) => `${ALLOWED} gives no reason for: ${entry.break}`);
  const idle = allowed
    .filter((entry) => !breaks.includes(entry.break))
    .map((entry) => `${ALLOWED} allows what does not happen: ${entry.break}`);
  return [...breaks.filter((text) => !allowed.some((entry) => entry.break === text)), ...unreasoned, ...idle];
}

function definitionsIn(folder: string): Crd[] {
  const names = readdirSync(join(ROOT, folder)).filter((name) => name.endsWith('.yaml'));
  return names.sort().map((name) => parse(readFileSync(join(ROOT, folder, name), 'utf8')) as Crd);
}

async function main(args: readonly string[]): Promise<number> {
  if (args.some((arg) => arg !== '--record' && arg !== '--check')) {
    console.error('usage: main.js [--record]');
    return 2;
  }
  if (args.includes('--record')) {
    cpSync(join(ROOT, CRDS), join(ROOT, BASELINE), { recursive: true });
    return 0;
  }
  const allowed = existsSync(join(ROOT, ALLOWED)) ? ((parse(readFileSync(join(ROOT, ALLOWED), 'utf8')) ?? []) as AllowedBreak[]) : [];
  const found = findings(definitionsIn(BASELINE), definitionsIn(CRDS), allowed);
  for (const line of found) console.error(line);
  if (found.length > 0) console.error(`A change of ${CRDS}/ breaks what people have stored: add instead, or give the reason in ${ALLOWED}`);
  return found.length === 0 ? 0 : 1;
}

if (require.main === module) endWith(main(process.argv.slice(2)));
