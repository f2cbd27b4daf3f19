/**
 * Reads which kinds the API server serves: aggregated discovery, and one group after another where a server has none of it.
 *
 * Owns: the two forms of the answer. Never: remembers; a group and version that could not be read is missing from `groups` and named in
 * `unknown`, because "did not answer" is not "does not serve".
 * @source kubernetes.io/docs/concepts/overview/kubernetes-api, "Aggregated discovery"
 */
import { type ApiRequest, type ApiResponse, isOperatorError, type Scope } from '../../framework';

export interface ServedKind {
  readonly apiVersion: string;
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  readonly scope: Scope;
}

export interface DiscoveryAnswer {
  /** By apiVersion. */
  readonly groups: ReadonlyMap<string, readonly ServedKind[]>;
  /** apiVersions that exist but did not say what they serve. */
  readonly unknown: ReadonlySet<string>;
}

export type Ask = (request: ApiRequest) => Promise<Pick<ApiResponse, 'body'>>;

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';

/** @throws what the first question failed with. */
export async function discover(ask: Ask, signal?: AbortSignal): Promise<DiscoveryAnswer> {
  const groups = new Map<string, readonly ServedKind[]>();
  const unknown = new Set<string>();
  const roots = await Promise.all(
    ['/api', '/apis'].map(async (path) => (await ask({ method: 'GET', path, accept: AGGREGATED, signal })).body),
  );
  for (const root of roots as RootAnswer[]) {
    const apiVersions = root?.kind === 'APIGroupDiscoveryList' ? readAggregated(root, groups, unknown) : versionsIn(root);
    await Promise.all(apiVersions.map((apiVersion) => readOne(ask, apiVersion, groups, unknown, signal)));
  }
  return { groups, unknown };
}

interface RootAnswer {
  readonly kind?: string;
  /** Aggregated. */
  readonly items?: readonly AggregatedGroup[];
  /** Of /apis. */
  readonly groups?: readonly { readonly versions?: readonly { readonly groupVersion?: string }[] }[];
  /** Of /api. */
  readonly versions?: readonly string[];
}

interface AggregatedGroup {
  readonly metadata?: { readonly name?: string };
  readonly versions?: readonly {
    readonly version?: string;
    readonly freshness?: string;
    readonly resources?: readonly AggregatedResource[];
  }[];
}

interface AggregatedResource {
  readonly resource?: string;
  readonly scope?: string;
  readonly responseKind?: { readonly kind?: string };
}

/** @returns what is left to ask for: nothing. */
function readAggregated(root: RootAnswer, groups: Map<string, readonly ServedKind[]>, unknown: Set<string>): readonly string[] {
  for (const { metadata, versions = [] } of root.items ?? []) {
    const group = metadata?.name ?? '';
    for (const { version = '', freshness, resources = [] } of versions) {
      const apiVersion = group === '' ? version : `${group}/${version}`;
      // An aggregated API whose server does not answer is listed as stale, with its last resources or none.
      if (freshness === 'Stale') unknown.add(apiVersion);
      else
        groups.set(
          apiVersion,
          resources.map((one) => aggregatedKind(apiVersion, group, one)).filter((one) => one !== undefined),
        );
    }
  }
  return [];
}

function aggregatedKind(apiVersion: string, group: string, resource: AggregatedResource): ServedKind | undefined {
  const { resource: plural, scope, responseKind } = resource;
  if (plural === undefined || responseKind?.kind === undefined) return undefined;
  return { apiVersion, group, kind: responseKind.kind, plural, scope: scope === 'Namespaced' ? 'Namespaced' : 'Cluster' };
}

function versionsIn(root: RootAnswer): readonly string[] {
  const ofGroups = (root?.groups ?? []).flatMap(({ versions = [] }) => versions.map(({ groupVersion }) => groupVersion));
  return [...(root?.versions ?? []), ...ofGroups].filter((apiVersion) => apiVersion !== undefined);
}

async function readOne(
  ask: Ask,
  apiVersion: string,
  groups: Map<string, readonly ServedKind[]>,
  unknown: Set<string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.lastIndexOf('/')) : '';
  try {
    const { resources = [] } = (await ask({ method: 'GET', path, signal })).body as { resources?: LegacyResource[] };
    // Subresources have a slash in their name.
    const kinds = resources.filter(({ name }) => !name.includes('/'));
    groups.set(
      apiVersion,
      kinds.map(({ name, kind, namespaced }) => ({ apiVersion, group, kind, plural: name, scope: namespaced ? 'Namespaced' : 'Cluster' })),
    );
  } catch (error) {
    if (signal?.aborted) throw error;
    // Gone between the two questions.
    if (!isOperatorError(error, 'NOT_FOUND')) unknown.add(apiVersion);
  }
}

interface LegacyResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}
