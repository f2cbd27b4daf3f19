/**
 * Reads the CustomResourceDefinitions of a folder.
 *
 * Owns: the part of the CRD format that generators look at. Never: judges a schema; the API server does that.
 * Invariant: the same files give the same list, whatever order the file system lists them in.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** A structural OpenAPI v3 schema as CRDs carry it, reduced to what has a meaning for types. */
export interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly nullable?: boolean;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
}

/** One served version of one kind. */
export interface CrdVersion {
  /** Where it was read from, as a path with forward slashes relative to the repository. */
  readonly source: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly schema: Schema;
}

interface CrdDocument {
  readonly kind?: string;
  readonly spec?: {
    readonly group?: string;
    readonly names?: { readonly kind?: string };
    readonly versions?: readonly {
      readonly name?: string;
      readonly served?: boolean;
      readonly schema?: { readonly openAPIV3Schema?: Schema };
    }[];
  };
}

/**
 * Lists every served version of every CRD in `root/folder`, sorted by group, version and kind.
 *
 * @param root folder of the repository.
 * @param folder folder of the CRDs below it; only `*.yaml` files directly in it are read, one CRD a file.
 * @throws {Error} naming the file, when one is no CRD or lacks a schema.
 */
export function readCrds(root: string, folder: string): CrdVersion[] {
  const files = readdirSync(join(root, folder)).filter((name) => name.endsWith('.yaml'));
  const versions = files.flatMap((name) => crdVersions(`${folder}/${name}`, readFileSync(join(root, folder, name), 'utf8')));
  return versions.sort((a, b) => compare(sortKey(a), sortKey(b)));
}

/** The served versions of the CRD in `text`. @throws {Error} naming `source`, when it is no CRD or lacks a schema. */
export function crdVersions(source: string, text: string): CrdVersion[] {
  const document = parse(text) as CrdDocument | undefined;
  const group = document?.spec?.group;
  const kind = document?.spec?.names?.kind;
  if (document?.kind !== 'CustomResourceDefinition' || group === undefined || kind === undefined) {
    throw new Error(`${source} is no CustomResourceDefinition with spec.group and spec.names.kind`);
  }
  return (document.spec?.versions ?? [])
    .filter((version) => version.served === true)
    .map((version) => {
      const schema = version.schema?.openAPIV3Schema;
      if (version.name === undefined || schema === undefined)
        throw new Error(`${source}: a served version lacks its name or openAPIV3Schema`);
      return { source, group, version: version.name, kind, schema };
    });
}

function sortKey(crd: CrdVersion): string {
  return `${crd.group}/${crd.version}/${crd.kind}`;
}

/** Orders by code unit, so that the result does not depend on the locale of the machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
