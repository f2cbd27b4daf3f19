/**
 * The catalog on a cluster that exists on paper only: nodes are figures, look-ups are answered from a list of objects.
 *
 * Owns: a context like the one of a real cluster. Never: decides what an asset renders; that is the product's renderer.
 */
import { join } from 'node:path';
import type { KubernetesObject, Scope } from '../../src/framework';
import {
  type CatalogAsset,
  CatalogRenderer,
  loadCatalog,
  missingRequirements,
  type RenderInputs,
  type Rendering,
} from '../../src/platform/catalog';
import type { AssetContext, Hardware, LookUps, Topology } from '../../src/platform/context/asset-context';
import { NO_HARDWARE, NO_TOPOLOGY } from '../../src/platform/context/cluster-facts';
import { settingsOf } from '../../src/platform/context/settings-view';
import type { Json, JsonMap } from '../../src/platform/json';
import { CURRENT_CRDS, catalogCrd } from './catalog-crds';
import { ROOT } from './steward-cluster';

export const CATALOG = loadCatalog(join(ROOT, 'assets'));
const RENDERER = new CatalogRenderer(CATALOG);

/** Three masters, three workers, on bare metal; a /23 of pod addresses on each node. */
export const OPENSHIFT: Topology = {
  ...NO_TOPOLOGY,
  isOpenShift: true,
  openshiftVersion: '4.20.3',
  controlPlaneTopology: 'HighlyAvailable',
  cloudProvider: 'BareMetal',
  isBareMetal: true,
  masterCount: 3,
  workerCount: 3,
  totalNodeCount: 6,
  architectures: ['amd64'],
  roles: ['worker'],
  hostPrefix: 23,
};

/** Three nodes that are masters and workers. */
export const COMPACT: Topology = {
  ...OPENSHIFT,
  hasSchedulableMasters: true,
  isCompact: true,
  workerCount: 0,
  totalNodeCount: 3,
  roles: ['worker', 'master'],
};

export interface Sample {
  /** @default a HyperConverged (v1) without annotations and with an empty spec */
  readonly anchor?: KubernetesObject;
  readonly topology?: Topology;
  readonly hardware?: Partial<Hardware>;
  readonly images?: Readonly<Record<string, string>>;
  /** Names of CRDs that are served. @default all current ones */
  readonly served?: readonly string[];
  /** Schemas that differ from those of assets/crds, by apiVersion and kind with a blank between. */
  readonly schemas?: Readonly<Record<string, Json>>;
  /** What look-ups find. */
  readonly objects?: readonly KubernetesObject[];
}

/** @param options annotations of the anchor, without their domain. */
export function anHco(
  options: Readonly<Record<string, string>> = {},
  spec: JsonMap = {},
  apiVersion = 'hco.kubevirt.io/v1',
): KubernetesObject {
  return anchorOf(apiVersion, 'HyperConverged', 'kubevirt-hyperconverged', options, spec);
}

export function aKubeVirt(options: Readonly<Record<string, string>> = {}, spec: JsonMap = {}): KubernetesObject {
  return anchorOf('kubevirt.io/v1', 'KubeVirt', 'kubevirt', options, spec);
}

function anchorOf(
  apiVersion: string,
  kind: string,
  name: string,
  options: Readonly<Record<string, string>>,
  spec: JsonMap,
): KubernetesObject {
  const annotations = Object.fromEntries(Object.entries(options).map(([option, value]) => [`platform.kubevirt.io/${option}`, value]));
  return { apiVersion, kind, metadata: { name, namespace: 'openshift-cnv', annotations }, spec } as KubernetesObject;
}

export function contextOf({
  anchor = anHco(),
  topology = OPENSHIFT,
  hardware = {},
  images = {},
  served = CURRENT_CRDS,
  schemas = {},
  objects = [],
}: Sample): AssetContext {
  const isHco = anchor.kind === 'HyperConverged';
  const { settings } = settingsOf(anchor, isHco ? 'hco' : 'kubevirt');
  const json = anchor as unknown as JsonMap;
  return {
    anchor: json,
    hco: isHco ? json : { metadata: json['metadata'] as Json, spec: {} },
    settings,
    hardware: { ...NO_HARDWARE, ...hardware },
    topology,
    images,
    operator: {
      namespace: 'virt-steward-system',
      version: '0.1.0',
      catalogVersion: CATALOG.version,
      metricsPort: 8443,
      metricsSecure: true,
      inCluster: true,
      runbookUrl: 'https://example.com/runbooks/',
    },
    cluster: lookUpsOf(served, schemas, objects),
  };
}

const BUILT_IN: Readonly<Record<string, Scope>> = { 'v1 ConfigMap': 'Namespaced', 'v1 Service': 'Namespaced' };

function lookUpsOf(served: readonly string[], others: Readonly<Record<string, Json>>, objects: readonly KubernetesObject[]): LookUps {
  const scopes = new Map<string, Scope>(Object.entries(BUILT_IN));
  const schemas = new Map<string, Json>();
  for (const { spec } of served.map(catalogCrd)) {
    for (const { name, schema } of spec.versions) {
      const kind = `${spec.group}/${name} ${spec.names.kind}`;
      scopes.set(kind, spec.scope);
      schemas.set(kind, schema.openAPIV3Schema as unknown as Json);
    }
  }
  for (const [kind, schema] of Object.entries(others)) schemas.set(kind, schema);
  const found = (apiVersion: string, kind: string, namespace: string): KubernetesObject[] =>
    objects
      .filter((object) => object.apiVersion === apiVersion && object.kind === kind)
      .filter(({ metadata }) => namespace === '' || metadata?.namespace === namespace)
      .sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  return {
    get: async (apiVersion, kind, namespace, name) => found(apiVersion, kind, namespace).find(({ metadata }) => metadata?.name === name),
    list: async (apiVersion, kind, namespace) => found(apiVersion, kind, namespace),
    has: (apiVersion, kind) => scopes.has(`${apiVersion} ${kind}`),
    hasResource: (resource) => served.some((name) => name.split('@')[0] === resource),
    scopeOf: (apiVersion, kind) => scopes.get(`${apiVersion} ${kind}`),
    schemaOf: async (apiVersion, kind) => schemas.get(`${apiVersion} ${kind}`),
  };
}

function placeOf({ metadata }: KubernetesObject): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}

/** What becomes of a key: its rendering, or why it is not wanted or waits. */
export type Row = Rendering | { readonly kind: 'unwanted' | 'waiting'; readonly why: string };

export type ObjectRendering = Extract<Rendering, { kind: 'object' }>;

/** Every key of the catalog, in the catalog's order. */
export async function rowsOf(sample: Sample): Promise<ReadonlyMap<string, Row>> {
  const inputs = inputsOf(sample);
  const rows = new Map<string, Row>();
  for (const asset of CATALOG.assets) {
    for (const [key, row] of await rowsOfAsset(asset, inputs)) rows.set(key, row);
  }
  return rows;
}

/** The row of one key. @throws {Error} when the catalog has no such key on this cluster. */
export async function rowOf(key: string, sample: Sample): Promise<Row> {
  const asset = CATALOG.assetByName(key.split('[')[0]!);
  const row = asset && (await rowsOfAsset(asset, inputsOf(sample))).get(key);
  if (row === undefined) throw new Error(`the catalog has no key ${key} on this cluster`);
  return row;
}

/** The object of one key. @throws {Error} saying what became of it instead. */
export async function objectOf(key: string, sample: Sample): Promise<JsonMap> {
  const row = await rowOf(key, sample);
  if (row.kind !== 'object') throw new Error(`${key} gives no object: ${JSON.stringify(row)}`);
  return row.object as unknown as JsonMap;
}

function inputsOf(sample: Sample): RenderInputs {
  return { context: contextOf(sample), activation: { admits: () => true }, isInSync: () => true };
}

async function rowsOfAsset(asset: CatalogAsset, inputs: RenderInputs): Promise<ReadonlyMap<string, Row>> {
  const wanted = await RENDERER.wanted(asset, inputs);
  const [missing] = missingRequirements(asset, inputs);
  const rows = new Map<string, Row>();
  for (const key of await RENDERER.keys(asset, inputs)) {
    if (wanted.kind === 'failed') rows.set(key, wanted);
    else if (wanted.kind === 'unwanted') rows.set(key, { kind: 'unwanted', why: wanted.reason });
    else if (missing !== undefined) rows.set(key, { kind: 'waiting', why: missing.text });
    else rows.set(key, await RENDERER.render(key, inputs));
  }
  return rows;
}
