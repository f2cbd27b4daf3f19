/**
 * A bundle as its files say it is, parsed as far as it can be.
 *
 * Owns: which file is what. Never: judges; a file that is no YAML is kept with what is wrong with it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { at, type Json, listOf, mapOf, textOf } from './values';

export interface Manifest {
  /** In the bundle, for example `manifests/x.yaml`. */
  readonly path: string;
  readonly object: Json;
}

export interface Bundle {
  /** Path in the bundle to text; what is not part of it, such as the sources beside, is left out. */
  readonly files: ReadonlyMap<string, string>;
  /** What is wrong with a file as YAML, by path. */
  readonly yamlErrors: ReadonlyMap<string, readonly string[]>;
  readonly manifests: readonly Manifest[];
  /** The first one; an empty object at a path that says so when there is none. */
  readonly csv: Manifest;
  readonly crds: readonly Manifest[];
  readonly annotations: Json;
  /** The files of `crds/` of the repository, by name; `undefined` when the bundle is checked on its own. */
  readonly sources: ReadonlyMap<string, string> | undefined;
}

const PARTS = /^(?:manifests\/|metadata\/|tests\/|bundle\.Dockerfile$|catalog\/|ci\.yaml$|release-config\.yaml$)/;

/** @param folder of the bundle. @param crds folder of the sources of its CRDs, when there is one. */
export function readBundle(folder: string, crds?: string): Bundle {
  return bundleOf(filesBelow(folder), crds === undefined || !existsSync(crds) ? undefined : filesBelow(crds));
}

export function bundleOf(all: ReadonlyMap<string, string>, sources?: ReadonlyMap<string, string>): Bundle {
  const files = new Map([...all].filter(([path]) => PARTS.test(path)));
  const yamlErrors = new Map<string, string[]>();
  const objects: Manifest[] = [];
  for (const [path, text] of files) {
    if (!path.endsWith('.yaml')) continue;
    const documents = parseAllDocuments(text);
    const errors = documents.flatMap((document) =>
      [...document.errors, ...document.warnings].map(({ message }) => message.split('\n')[0]!),
    );
    const found = documents.filter((document) => document.errors.length === 0 && document.contents !== null);
    if (found.length !== 1) errors.push(`it holds ${found.length} objects; allowed: one a file`);
    if (errors.length > 0) yamlErrors.set(path, errors);
    objects.push(...found.map((document) => ({ path, object: mapOf(document.toJS()) })));
  }
  const manifests = objects.filter(({ path }) => path.startsWith('manifests/'));
  const ofKind = (kind: string): Manifest[] => manifests.filter(({ object }) => object['kind'] === kind);
  return {
    files,
    yamlErrors,
    manifests,
    csv: ofKind('ClusterServiceVersion')[0] ?? { path: 'manifests/', object: {} },
    crds: ofKind('CustomResourceDefinition'),
    annotations: mapOf(at(objects.find(({ path }) => path === 'metadata/annotations.yaml')?.object, 'annotations')),
    sources,
  };
}

function filesBelow(folder: string): Map<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
  return new Map(paths.map((path) => [relative(folder, path).split(sep).join('/'), readFileSync(path, 'utf8')]));
}

// What rules of several files ask for.

export const spec = ({ csv }: Bundle, ...path: readonly string[]): unknown => at(csv.object, 'spec', ...path);
export const annotation = ({ csv }: Bundle, name: string): string => textOf(at(csv.object, 'metadata', 'annotations', name));
export const owned = (bundle: Bundle): readonly Json[] => listOf(spec(bundle, 'customresourcedefinitions', 'owned')).map(mapOf);
export const deployments = (bundle: Bundle): readonly Json[] => listOf(spec(bundle, 'install', 'spec', 'deployments')).map(mapOf);

export interface Container {
  /** Where it stands in the ClusterServiceVersion. */
  readonly field: string;
  readonly pod: Json;
  readonly container: Json;
  readonly isInit: boolean;
}

export function containers(bundle: Bundle): Container[] {
  return deployments(bundle).flatMap((deployment, index) => {
    const pod = mapOf(at(deployment, 'spec', 'template', 'spec'));
    return (['initContainers', 'containers'] as const).flatMap((key) =>
      listOf(pod[key]).map((container, number) => ({
        field: `spec.install.spec.deployments[${index}].spec.template.spec.${key}[${number}]`,
        pod,
        container: mapOf(container),
        isInit: key === 'initContainers',
      })),
    );
  });
}

export interface GrantedRule {
  readonly path: string;
  readonly field: string;
  readonly isClusterWide: boolean;
  readonly groups: readonly string[];
  readonly resources: readonly string[];
  readonly names: readonly string[];
  readonly verbs: readonly string[];
}

/** Every rule that the bundle grants: in the ClusterServiceVersion, where OLM lifts both lists to all namespaces, and in its roles. */
export function grantedRules(bundle: Bundle): GrantedRule[] {
  const inVersion = (['clusterPermissions', 'permissions'] as const).flatMap((key) =>
    listOf(spec(bundle, 'install', 'spec', key)).flatMap((entry, index) =>
      rulesOf(bundle.csv.path, `spec.install.spec.${key}[${index}].rules`, true, at(entry, 'rules')),
    ),
  );
  const inRoles = bundle.manifests
    .filter(({ object }) => object['kind'] === 'Role' || object['kind'] === 'ClusterRole')
    .flatMap(({ path, object }) => rulesOf(path, 'rules', object['kind'] === 'ClusterRole', object['rules']));
  return [...inVersion, ...inRoles];
}

function rulesOf(path: string, field: string, isClusterWide: boolean, rules: unknown): GrantedRule[] {
  return listOf(rules).map((rule, index) => ({
    path,
    field: `${field}[${index}]`,
    isClusterWide,
    groups: listOf(at(rule, 'apiGroups')).map(textOf),
    resources: listOf(at(rule, 'resources')).map(textOf),
    names: listOf(at(rule, 'resourceNames')).map(textOf),
    verbs: listOf(at(rule, 'verbs')).map(textOf),
  }));
}
