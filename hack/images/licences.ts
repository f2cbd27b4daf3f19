/**
 * `/licenses/THIRD-PARTY.txt`: what others have written in an image, and under which licence.
 *
 * Owns: the text, and which licences may be in an image. Never: guesses; a package without a licence text is named by its SPDX expression.
 * Invariant: equal packages give equal bytes; a text that several packages share is there once.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebianPackage } from '../debian/packages';
import type { ShippedPackage } from './packages';

/** Of npm packages at run time. Tools that only build may have others, since they are in no image. */
export const ALLOWED_LICENCES: readonly string[] = [
  'Apache-2.0',
  'MIT',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  '0BSD',
  'BlueOak-1.0.0',
  // The licence of Python under its other names: that of argparse.
  'Python-2.0',
  'PSF-2.0',
  'Unlicense',
  'CC0-1.0',
];
const LICENCE_FILE = /^(licen[cs]e|copying|notice)([-.].*)?$/i;
const LINE = '-'.repeat(100);

export interface ThirdParty {
  readonly npm: readonly ShippedPackage[];
  readonly node: { readonly name: string; readonly version: string };
  readonly debian: readonly DebianPackage[];
}

/** @param textsOf the texts of a package's licence files. */
export function thirdPartyText({ npm, node, debian }: ThirdParty, textsOf: (one: ShippedPackage) => readonly string[]): string {
  const sorted = [...npm].sort((a, b) => (titleOf(a) < titleOf(b) ? -1 : 1));
  const byText = Map.groupBy(
    sorted.flatMap((one) => textsOf(one).map((text) => ({ title: titleOf(one), text: text.trim() }))),
    ({ text }) => text,
  );
  return [
    'virt-steward is under the Apache License 2.0 (LICENSE). This image also holds what others have written.',
    '',
    `Node.js ${node.version}: MIT and others, see node/LICENSE`,
    '',
    'Debian packages; the licence of each is in /usr/share/doc/<package>/copyright',
    ...debian.map(({ name, version }) => `  ${name} ${version}`),
    '',
    'npm packages',
    ...sorted.map((one) => `  ${titleOf(one)}: ${one.license ?? 'unknown'}`),
    ...[...byText].flatMap(([text, entries]) => ['', LINE, [...new Set(entries.map(({ title }) => title))].join(', '), LINE, '', text]),
    '',
  ].join('\n');
}

const titleOf = ({ name, version }: ShippedPackage): string => `${name} ${version}`;

/** From `node_modules`; empty for a package of another processor, which is not installed. */
export function licenceTexts(root: string, { path }: ShippedPackage): string[] {
  const folder = join(root, path);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => LICENCE_FILE.test(name));
  return names.sort().map((name) => readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n'));
}

/** Packages whose licence is not allowed: one line each. `(A OR B)` is allowed when one of them is. */
export function licenceProblems(packages: readonly ShippedPackage[]): string[] {
  const isAllowed = (expression: string): boolean => {
    const plain = expression.replace(/^\((.*)\)$/, '$1');
    if (plain.includes(' AND ')) return plain.split(' AND ').every(isAllowed);
    return plain.split(' OR ').some((name) => ALLOWED_LICENCES.includes(name));
  };
  return packages
    .filter(({ license }) => license === undefined || !isAllowed(license))
    .map(({ path, version, license }) => `${path} ${version} is under ${license ?? 'no licence'}; allowed: ${ALLOWED_LICENCES.join(', ')}`);
}
