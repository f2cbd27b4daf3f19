/**
 * The API rights a set of handlers needs, derived from their decorators and declared claims.
 *
 * Owns: which right follows from what, and why, in the cluster the process runs in or in a remote one. Never: a wildcard, and no right
 * that nothing in the code asks for.
 * Invariant: the result depends on the handlers alone, not on their order; its own order is fixed, so that generated files do not churn.
 */

import { LOCAL_CLUSTER } from '../cluster/cluster';
import type { InjectionToken } from '../decorators/container';
import type { ApiVerb } from '../decorators/handler';
import type { Watch } from '../decorators/watches';
import { CustomResourceDefinition, Lease } from '../kinds/core-kinds';
import { defineKind, hasOurStatus, type Kind } from '../kinds/kind';
import { OPERATOR_NAMESPACE } from '../kinds/operator-namespace';
import type { Selection } from '../watch/informer-contract';
import { selectedName } from '../watch/selection';
import { clusterTest } from './cluster-choice';
import type { HandlerSpec, ReconcileSpec } from './handler-spec';
import { mergeRules, type RbacRule } from './rbac-merge';
import { isDaemon, isQueued, type Registry } from './registry';

export interface RbacFeatures {
  /**
   * Name of the cluster to print rights for. In a remote one there is no Lease and nobody reads metrics; what the kubeconfig of that
   * cluster may do has to be granted there. @default 'local', where the process runs
   */
  readonly cluster?: string;
  /** A Lease is kept in the operator's namespace under this name. */
  readonly lease?: string | undefined;
  /** Metrics are served behind TokenReview and SubjectAccessReview. */
  readonly secureMetrics?: boolean;
  /** Reads the container, for handlers whose watches depend on it. */
  readonly get?: <T>(token: InjectionToken<T>) => T;
}

const READ: readonly ApiVerb[] = ['get', 'list', 'watch'];
const Event = defineKind('events.k8s.io/v1', 'Event', 'events', { scope: 'Namespaced', status: false });

/** One right as its source asks for it. */
interface Grant {
  readonly kind: Pick<Kind, 'group' | 'plural'>;
  readonly subresource?: string | undefined;
  readonly verbs: readonly ApiVerb[];
  readonly names?: readonly string[] | undefined;
  readonly namespace?: RbacRule['namespace'];
  /** Handler or class id; `undefined` = the framework itself. */
  readonly by?: string;
  readonly why: string;
}

/** Rights by what they come and go with; each list merged and sorted for itself. */
export interface RbacSources {
  /** What handlers ask for, by decorators and claims. */
  readonly handlers: readonly RbacRule[];
  /** What running them takes: Events, waiting for optional kinds. */
  readonly framework: readonly RbacRule[];
  readonly leaderElection: readonly RbacRule[];
  readonly secureMetrics: readonly RbacRule[];
}

/** @throws {TypeError} when watches depend on the container and there is none. */
export function rbacSources(registry: Registry, features: RbacFeatures = {}): RbacSources {
  const { cluster = LOCAL_CLUSTER } = features;
  const isHome = cluster === LOCAL_CLUSTER;
  const around = new Map(registry.specs.map((spec) => [spec, kindsAround(spec, cluster, features.get)]));
  const claims: Grant[] = registry.claims
    .filter(({ clusters = 'local' }) => clusterTest(clusters)?.(cluster))
    .map(({ handler, clusters: _, ...claim }) => ({ ...claim, by: handler }));
  const merged = (grants: readonly Grant[]): RbacRule[] => mergeRules(grants.map(ruleOf));
  return {
    handlers: merged([...[...around].flatMap(([spec, kinds]) => grantsOf(spec, cluster, kinds)), ...claims]),
    framework: merged(frameworkGrants(registry, cluster, [...around.values()].flat())),
    leaderElection: merged(isHome ? leaseGrants(features.lease) : []),
    secureMetrics: merged(isHome && features.secureMetrics === true ? REVIEWS : []),
  };
}

/** All of them in one list, merged and sorted. */
export function rbacRules(registry: Registry, features: RbacFeatures = {}): RbacRule[] {
  return mergeRules(Object.values(rbacSources(registry, features)).flat());
}

function ruleOf({ kind, subresource, verbs, names = [], namespace, by, why }: Grant): RbacRule {
  const resource = subresource === undefined ? kind.plural : `${kind.plural}/${subresource}`;
  return { group: kind.group, resource, verbs, names, namespace, reasons: [{ by, why, verbs }] };
}

function frameworkGrants({ specs }: Registry, cluster: string, kinds: readonly WatchedKind[]): Grant[] {
  const grants: Grant[] = [];
  if (kinds.some(({ kind }) => kind.optional)) {
    grants.push({ kind: CustomResourceDefinition, verbs: READ, why: 'optional kinds: start when their CRD appears' });
  }
  if (specs.some((spec) => (isQueued(spec) || isDaemon(spec)) && isAtWork(spec, cluster))) {
    grants.push({ kind: Event, verbs: ['create', 'patch'], why: 'Kubernetes Events about objects' });
  }
  return grants;
}

interface WatchedKind {
  readonly kind: Kind;
  readonly select: Selection | undefined;
  readonly role: string;
}

function kindsAround(spec: HandlerSpec, cluster: string, get: RbacFeatures['get']): WatchedKind[] {
  return allKindsAround(spec, cluster, get).filter(({ kind }) => !kind.virtual);
}

/** Kinds that are watched in the cluster. */
function allKindsAround(spec: HandlerSpec, cluster: string, get: RbacFeatures['get']): WatchedKind[] {
  if (!('kind' in spec)) return [];
  const own = isAtWork(spec, cluster) ? [{ kind: spec.kind, select: spec.select, role: 'watch' }] : [];
  if (spec.decorator !== 'Reconcile') return own;
  const owns = isAtWork(spec, cluster) ? spec.owns : [];
  return [
    ...own,
    ...owns.map(({ kind, select }) => ({ kind, select, role: 'owned kind' })),
    ...watchesOf(spec, get).flatMap((watch) => {
      if (watch.type !== 'mapped' || !(watch.clusters === undefined ? spec.clusters : clusterTest(watch.clusters))?.(cluster)) return [];
      return [{ kind: watch.kind, select: watch.select, role: 'mapped kind' }];
    }),
  ];
}

/** Whether it handles objects of the cluster. Keys of virtual kinds have none; what their handlers report on is where we run. */
function isAtWork(spec: HandlerSpec, cluster: string): boolean {
  if (!('kind' in spec)) return false;
  return spec.kind.virtual ? cluster === LOCAL_CLUSTER : spec.clusters(cluster);
}

/** @throws {TypeError} when watches depend on the container and there is none. */
function watchesOf({ id, watches }: ReconcileSpec, get: RbacFeatures['get']): readonly Watch[] {
  if (typeof watches !== 'function') return watches;
  if (get === undefined) throw new TypeError(`${id}: its watches depend on the container, so rights need one as well`);
  return watches(get);
}

function grantsOf(spec: HandlerSpec, cluster: string, around: readonly WatchedKind[]): Grant[] {
  const by = spec.id;
  const grants: Grant[] = around.flatMap(({ kind, select, role }) =>
    (select?.namespaces ?? [undefined]).map((namespace) => ({ kind, verbs: READ, names: namesOf(select), namespace, by, why: role })),
  );
  if (!isQueued(spec) || spec.kind.virtual || !isAtWork(spec, cluster)) return grants;
  const { kind } = spec;
  if (hasOurStatus(kind)) {
    const why = 'status and conditions';
    // Without the subresource the status is a part of the object like any other.
    grants.push(kind.status ? { kind, subresource: 'status', verbs: ['get', 'patch'], by, why } : { kind, verbs: ['patch'], by, why });
  }
  if (spec.decorator === 'OnDelete' && spec.finalizer !== undefined) {
    const why = `finalizer ${spec.finalizer}`;
    grants.push({ kind, verbs: ['patch'], by, why }, { kind, subresource: 'finalizers', verbs: ['update'], by, why });
  }
  if (spec.decorator === 'OnCreate' && spec.remember === 'annotation') {
    grants.push({ kind, verbs: ['patch'], by, why: 'handled-by annotation' });
  }
  if (spec.decorator === 'Reconcile' && spec.owns.length > 0) {
    grants.push({ kind, subresource: 'finalizers', verbs: ['update'], by, why: 'owner references that block deletion' });
  }
  return grants;
}

/** A watch on one object by its name needs rights on that name alone: the authorizer takes it from the field selector. */
function namesOf(select: Selection | undefined): readonly string[] {
  const name = selectedName(select);
  return name === undefined ? [] : [name];
}

/** Creation cannot be limited to a name, since the object has none yet when the right is checked. */
function leaseGrants(lease: string | undefined): Grant[] {
  if (lease === undefined) return [];
  const common = { kind: Lease, namespace: OPERATOR_NAMESPACE, why: 'leader election' } as const;
  return [
    { ...common, verbs: ['create'] },
    { ...common, verbs: ['get', 'update'], names: [lease] },
  ];
}

const WHO_READS_METRICS = { verbs: ['create'], why: 'who may read metrics' } as const;
const REVIEWS: readonly Grant[] = [
  { kind: { group: 'authentication.k8s.io', plural: 'tokenreviews' }, ...WHO_READS_METRICS },
  { kind: { group: 'authorization.k8s.io', plural: 'subjectaccessreviews' }, ...WHO_READS_METRICS },
];
