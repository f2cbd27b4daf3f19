/**
 * The schemas of assets/crds, for tests.
 *
 * Owns: which files there are, and their form as an API server takes them. Never: part of the product, which ships none of them.
 */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import type { TestObject } from './steward-cluster';
import { ROOT } from './steward-cluster';

/** Marks a schema that was written by hand from what is known of an API. */
export const ASSUMED = 'x-virt-steward-assumed';
const FOLDER = join(ROOT, 'assets', 'crds');

export interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly [member: string]: unknown;
}

export interface CrdVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema: { readonly openAPIV3Schema: Schema };
}

export interface CatalogCrd extends TestObject {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string; readonly plural: string };
    readonly scope: 'Namespaced' | 'Cluster';
    readonly versions: readonly CrdVersion[];
  };
}

/** Names of files without folder and ending: `<plural>.<group>`, or `<plural>.<group>@<generation>` for another one of the same CRD. */
export const CRD_NAMES: readonly string[] = crdFiles().map(nameOf).sort();

/** Those that are no further generation of another. */
export const CURRENT_CRDS: readonly string[] = CRD_NAMES.filter((name) => !name.includes('@'));

/** As the API server takes it. @throws {Error} when there is no such file. */
export function catalogCrd(name: string): CatalogCrd {
  const { [ASSUMED]: _mark, ...crd } = rawCrd(name);
  return crd as unknown as CatalogCrd;
}

/** With its mark. */
export function rawCrd(name: string): Record<string, unknown> {
  const file = crdFiles().find((path) => nameOf(path) === name);
  if (file === undefined) throw new Error(`assets/crds has no ${name}`);
  return parse(readFileSync(join(FOLDER, file), 'utf8')) as Record<string, unknown>;
}

/** Replaces, in a list of names, the CRD of the same name by another generation of it. */
export function withGeneration(names: readonly string[], generation: string): readonly string[] {
  return names.map((name) => (name === generation.split('@')[0] ? generation : name));
}

function crdFiles(): string[] {
  return globSync('*/*.yaml', { cwd: FOLDER });
}

function nameOf(file: string): string {
  return basename(file, '.yaml');
}
