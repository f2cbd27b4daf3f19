/**
 * A cluster that is only told about: an anchor from one file, and what else expressions may ask from another.
 *
 * Owns: the format of the context file. Invariant: what the files do not say is an error, not an absence: a preview that guesses would be
 * believed.
 */
import { defineKind, type Kind, type KubernetesObject, keyOf, type ObjectKey, OperatorError, type Scope } from '../../framework';
import type { AssetContext, Hardware, LookUps, OperatorFacts, Topology } from '../context/asset-context';
import { NO_HARDWARE, NO_TOPOLOGY } from '../context/cluster-facts';
import { settingsOf } from '../context/settings-view';
import { isJsonMap, type Json, type JsonMap } from '../json';
import type { KindRow, KindTable } from '../rights/kind-table';

/** Something is wrong with a file that the user gave. */
export class PreviewFileError extends OperatorError {
  constructor(file: string, text: string) {
    super('USAGE', `${file}: ${text}`);
  }
}

export interface ContextFile {
  readonly hardware: Partial<Hardware>;
  readonly topology: Partial<Topology>;
  readonly images: Readonly<Record<string, string>>;
  /** `<apiVersion>/<Kind>`; absent = every kind of the catalog. */
  readonly served: readonly string[] | undefined;
  /** Everything there is of the kinds that are named here. */
  readonly objects: readonly KubernetesObject[];
  /** `<apiVersion>/<Kind>` of which there is no object. */
  readonly absent: readonly string[];
}

const NO_CONTEXT: ContextFile = { hardware: {}, topology: {}, images: {}, served: undefined, objects: [], absent: [] };
const MEMBERS = Object.keys(NO_CONTEXT);

/** @throws {PreviewFileError} naming the member that is wrong. */
export function parseContextFile(value: Json | undefined, file: string): ContextFile {
  if (value === undefined || value === null) return NO_CONTEXT;
  if (!isJsonMap(value)) throw new PreviewFileError(file, 'has to be a map');
  const unknown = Object.keys(value).find((member) => !MEMBERS.includes(member));
  if (unknown !== undefined) throw new PreviewFileError(file, `${unknown} is not known; allowed: ${MEMBERS.join(', ')}`);
  return {
    hardware: factsAt<Hardware>(value, 'hardware', NO_HARDWARE, file),
    topology: factsAt<Topology>(value, 'topology', { ...NO_TOPOLOGY, hostPrefix: 0 }, file),
    images: mapAt(value, 'images', file) as Record<string, string>,
    served: value['served'] === undefined ? undefined : textsAt(value, 'served', file),
    objects: listAt(value, 'objects', file).map((object) => objectOf(object, file)),
    absent: textsAt(value, 'absent', file),
  };
}

function mapAt(map: JsonMap, member: string, file: string): JsonMap {
  const value = map[member] ?? {};
  if (!isJsonMap(value)) throw new PreviewFileError(file, `${member} has to be a map`);
  return value;
}

function factsAt<T extends object>(map: JsonMap, member: string, example: T, file: string): Partial<T> {
  const facts = mapAt(map, member, file);
  for (const [name, value] of Object.entries(facts)) {
    const expected = (example as Record<string, unknown>)[name];
    if (expected === undefined)
      throw new PreviewFileError(file, `${member}.${name} is not known; allowed: ${Object.keys(example).join(', ')}`);
    if (shapeOf(expected) !== shapeOf(value)) throw new PreviewFileError(file, `${member}.${name} has to be a ${shapeOf(expected)}`);
  }
  return facts as Partial<T>;
}

function shapeOf(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  return typeof value === 'object' ? 'map' : typeof value;
}

function listAt(map: JsonMap, member: string, file: string): readonly Json[] {
  const value = map[member] ?? [];
  if (!Array.isArray(value)) throw new PreviewFileError(file, `${member} has to be a list`);
  return value as readonly Json[];
}

function textsAt(map: JsonMap, member: string, file: string): readonly string[] {
  const list = listAt(map, member, file);
  const other = list.find((value) => typeof value !== 'string' || !/^[^/]+(\/[^/]+)?\/[^/]+$/.test(value));
  if (other !== undefined) throw new PreviewFileError(file, `${member} has ${JSON.stringify(other)}; allowed: <apiVersion>/<Kind>`);
  return list as readonly string[];
}

function objectOf(value: Json, file: string): KubernetesObject {
  const object = (isJsonMap(value) ? value : {}) as KubernetesObject;
  const { apiVersion, kind, metadata } = object;
  if (typeof apiVersion === 'string' && typeof kind === 'string' && typeof metadata?.name === 'string') return object;
  throw new PreviewFileError(file, 'objects has something without apiVersion, kind or metadata.name');
}

/** @throws {PreviewFileError} when it is neither a HyperConverged nor a KubeVirt. */
export function anchorKindOf({ apiVersion = '', kind, metadata }: KubernetesObject, file: string): 'hco' | 'kubevirt' {
  if (typeof metadata?.name === 'string' && typeof metadata.namespace === 'string') {
    if (kind === 'HyperConverged' && apiVersion.startsWith('hco.kubevirt.io/')) return 'hco';
    if (kind === 'KubeVirt' && apiVersion.startsWith('kubevirt.io/')) return 'kubevirt';
  }
  throw new PreviewFileError(file, 'is no HyperConverged and no KubeVirt with a name and a namespace');
}

export class OfflineCluster implements LookUps {
  constructor(
    private readonly anchor: KubernetesObject,
    private readonly file: ContextFile,
    private readonly kinds: KindTable,
    private readonly anchorKind: 'hco' | 'kubevirt',
  ) {}

  context(operator: OperatorFacts): AssetContext {
    const { anchor, anchorKind, file } = this;
    const raw = anchor as unknown as JsonMap;
    return {
      hco: anchorKind === 'hco' ? raw : { metadata: raw['metadata'] ?? {}, spec: {} },
      anchor: raw,
      settings: settingsOf(anchor, anchorKind).settings,
      hardware: { ...NO_HARDWARE, ...file.hardware },
      topology: { ...NO_TOPOLOGY, roles: ['worker'], ...file.topology },
      images: file.images,
      operator,
      cluster: this,
    };
  }

  kindOf(apiVersion: string, kind: string): Kind | undefined {
    const row = this.rowOf(apiVersion, kind);
    if (row === undefined) return undefined;
    return defineKind(apiVersion, kind, row.plural, { scope: row.namespaced ? 'Namespaced' : 'Cluster', optional: true });
  }

  has(apiVersion: string, kind: string): boolean {
    return this.rowOf(apiVersion, kind) !== undefined;
  }

  hasResource(resource: string): boolean {
    return this.kinds.rowsOf(resource).some(({ apiVersion, kind }) => this.has(apiVersion, kind));
  }

  scopeOf(apiVersion: string, kind: string): Scope | undefined {
    const row = this.rowOf(apiVersion, kind);
    if (row === undefined) return undefined;
    return row.namespaced ? 'Namespaced' : 'Cluster';
  }

  async get(apiVersion: string, kind: string, namespace: string, name: string): Promise<KubernetesObject | undefined> {
    return this.told(apiVersion, kind).find(({ metadata }) => metadata?.name === name && (metadata.namespace ?? '') === namespace);
  }

  async list(apiVersion: string, kind: string, namespace: string): Promise<readonly KubernetesObject[]> {
    const place = ({ metadata }: KubernetesObject): string => `${metadata?.namespace ?? ''}/${metadata?.name}`;
    return this.told(apiVersion, kind)
      .filter(({ metadata }) => namespace === '' || metadata?.namespace === namespace)
      .sort((a, b) => (place(a) < place(b) ? -1 : 1));
  }

  async schemaOf(apiVersion: string, kind: string): Promise<Json | undefined> {
    const definitions = this.file.objects.filter((object) => object.kind === 'CustomResourceDefinition') as unknown as Definition[];
    for (const { spec } of definitions) {
      const version = spec.versions.find(({ name }) => `${spec.group}/${name}` === apiVersion && spec.names.kind === kind);
      if (version !== undefined) return version.schema?.openAPIV3Schema;
    }
    throw new Error(`the context says nothing about the schema of ${apiVersion} ${kind}: put its CustomResourceDefinition into objects`);
  }

  /** The object as it is on the cluster, as far as it was told. */
  async live(apiVersion: string, kind: string, key: ObjectKey): Promise<KubernetesObject | undefined> {
    const known = [...this.file.objects, this.anchor].filter((object) => object.apiVersion === apiVersion && object.kind === kind);
    return known.find((object) => keyOf(object) === key);
  }

  private told(apiVersion: string, kind: string): KubernetesObject[] {
    const objects = [...this.file.objects, this.anchor].filter((object) => object.apiVersion === apiVersion && object.kind === kind);
    if (objects.length > 0 || this.file.absent.includes(`${apiVersion}/${kind}`)) return objects;
    throw new Error(`the context says nothing about ${apiVersion} ${kind}: put its objects into objects, or the kind into absent`);
  }

  /** Of HyperConverged only the version of the anchor is served. @returns `undefined` when the kind is not. */
  private rowOf(apiVersion: string, kind: string): KindRow | undefined {
    const { served } = this.file;
    const isServed = served === undefined ? this.isUsual(apiVersion) : served.includes(`${apiVersion}/${kind}`);
    return isServed ? this.kinds.find(apiVersion, kind) : undefined;
  }

  private isUsual(apiVersion: string): boolean {
    return !apiVersion.startsWith('hco.kubevirt.io/') || apiVersion === this.anchor.apiVersion;
  }
}

interface Definition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly schema?: { readonly openAPIV3Schema?: Json } }[];
  };
}
