/** Reads `project.yaml`: what every package says about virt-steward. Owns: its shape. Never: repeats what package.json says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export interface Project {
  /** Of package.json. */
  readonly version: string;
  readonly license: string;
  readonly description: string;
  readonly displayName: string;
  /** One sentence of at most 135 characters, which is what OperatorHub shows. */
  readonly summary: string;
  readonly provider: string;
  readonly home: string;
  readonly maintainers: readonly { readonly name: string; readonly email: string }[];
  readonly keywords: readonly string[];
  readonly capabilities: string;
  readonly categories: string;
  readonly minKubernetes: string;
  readonly minOpenShift: string;
  readonly registry: string;
  readonly createdAt: string;
  /** The version before this one, or `null`. */
  readonly replaces: string | null;
  /** SVG. */
  readonly icon: string;
}

export const PROJECT_SOURCE = 'hack/generators/project.yaml';
const ICON = 'docs/icon.svg';

/** @param root of the repository. */
export function projectOf(root: string): Project {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const { version, license, description } = JSON.parse(read('package.json')) as Record<'version' | 'license' | 'description', string>;
  const own = parse(read(PROJECT_SOURCE)) as Omit<Project, 'version' | 'license' | 'description' | 'icon'>;
  return { ...own, version, license, description, icon: read(ICON).trim() };
}

/** Pre-releases, and everything before 1.0.0. */
export function isEarly(version: string): boolean {
  return version.includes('-') || version.startsWith('0.');
}
