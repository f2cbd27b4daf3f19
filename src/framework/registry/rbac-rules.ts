/**
 * The API rights a set of handlers needs, derived from their decorators and declared claims.
 *
 * Owns: which right follows from what, and why; rights in the cluster the process runs in only. Never: a wildcard, and no right that nothing in the code asks for.
 * Invariant: the result depends on the handlers alone; its order is fixed, so that generated files do not churn.
 */

import { LOCAL_CLUSTER } from '../cluster/cluster';
import type { InjectionToken } from '../decorators/container';
import type { ApiVerb } from '../decorators/handler';
import type { Watch } from '../decorators/watches';
import { CustomResourceDefinition } from '../kinds/core-kinds';
import { defineKind, type Kind } from '../kinds/kind';
import { OPERATOR_NAMESPACE } from '../kinds/operator-namespace';
import type { Selection } from '../watch/informer-contract';
import { clusterTest } from './cluster-choice';
import type { HandlerSpec, ReconcileSpec } from './handler-spec';
import { isDaemon, isQueued, type Registry } from './registry';

/** One right with its reasons. */
export interface RbacRule {
  readonly group: string;
  /** `plural` or `plural/subresource`. */
  readonly resource: string;
  readonly verbs: readonly ApiVerb[];
  readonly names: readonly string[];
  /** `undefined` = ClusterRole; a name or OPERATOR_NAMESPACE = Role there. */
  readonly namespace: string | typeof OPERATOR_NAMESPACE | undefined;
  readonly why: readonly string[];
}

export interface RbacFeatures {
  /** A Lease is kept in the operator's namespace under this name. */
  readonly lease?: string | undefined;
  /** Metrics are served behind TokenReview and SubjectAccessReview. */
  readonly secureMetrics?: boolean;
  /** Reads the container, for handlers whose watches depend on it. */
  readonly get?: <T>(token: InjectionToken<T>) => T;
}

const READ: readonly ApiVerb[] = ['get', 'list', 'watch'];
const Event = defineKind('events.k8s.io/v1', 'Event', 'events', { scope: 'Namespaced', status: false });
const LeaseName = { group: 'coordination.k8s.io', resource: 'leases' } as const;

interface Grant {
  readonly kind: Pick<Kind, 'group' | 'plural'>;
  readonly subresource?: string | undefined;
  readonly verbs: readonly ApiVerb[];
  readonly names?: readonly string[] | undefined;
  readonly namespace?: RbacRule['namespace'];
  readonly why: string;
}

export function rbacRules(registry: Registry, features: RbacFeatures = {}): RbacRule[] {
  const around = (spec: HandlerSpec): WatchedKind[] => kindsAround(spec, features.get);
  const grants: Grant[] = [...registry.specs.flatMap((spec) => grantsOf(spec, around(spec))), ...featureGrants(features)];
  for (const { handler, kind, why, ...claim } of registry.claims) grants.push({ ...claim, kind, why: `${handler}: ${why}` });
  if (registry.specs.some((spec) => around(spec).some(({ kind }) => kind.optional))) {
    grants.push({ kind: CustomResourceDefinition, verbs: READ, why: 'optional kinds: start when their CRD appears' });
  }
  if (registry.specs.some((spec) => (isQueued(spec) || isDaemon(spec)) && isLocal(spec)))
    grants.push({ kind: Event, verbs: ['create', 'patch'], why: 'Kubernetes Events about objects' });
  return merge(grants);
}

interface WatchedKind {
  readonly kind: Kind;
  readonly select: Selection | undefined;
  readonly role: string;
}

function kindsAround(spec: HandlerSpec, get: RbacFeatures['get']): WatchedKind[] {
  return allKindsAround(spec, get).filter(({ kind }) => !kind.virtual);
}

/** Kinds that are watched in the local cluster. */
function allKindsAround(spec: HandlerSpec, get: RbacFeatures['get']): WatchedKind[] {
  if (!('kind' in spec)) return [];
  const own = isLocal(spec) ? [{ kind: spec.kind, select: spec.select, role: 'watch' }] : [];
  if (spec.decorator !== 'Reconcile') return own;
  const owns = isLocal(spec) ? spec.owns : [];
  return [
    ...own,
    ...owns.map(({ kind, select }) => ({ kind, select, role: 'owned kind' })),
    ...watchesOf(spec, get).flatMap((watch) => {
      if (watch.type !== 'mapped' || !(watch.clusters === undefined ? spec.clusters : clusterTest(watch.clusters))?.(LOCAL_CLUSTER))
        return [];
      return [{ kind: watch.kind, select: watch.select, role: 'mapped kind' }];
    }),
  ];
}

/** Keys of virtual kinds have no cluster; what their handlers report on is here. */
function isLocal(spec: HandlerSpec): boolean {
  return 'kind' in spec && (spec.kind.virtual || spec.clusters(LOCAL_CLUSTER));
}

/** @throws {TypeError} when watches depend on the container and there is none. */
function watchesOf({ id, watches }: ReconcileSpec, get: RbacFeatures['get']): readonly Watch[] {
  if (typeof watches !== 'function') return watches;
  if (get === undefined) throw new TypeError(`${id}: its watches depend on the container, so rights need one as well`);
  return watches(get);
}

function grantsOf(spec: HandlerSpec, around: readonly WatchedKind[]): Grant[] {
  const grants: Grant[] = around.flatMap(({ kind, select, role }) =>
    (select?.namespaces ?? [undefined]).map((namespace) => ({
      kind,
      verbs: READ,
      names: namesOf(select),
      namespace,
      why: `${spec.id}: ${role}`,
    })),
  );
  if (!isQueued(spec) || spec.kind.virtual || !isLocal(spec)) return grants;
  const { kind } = spec;
  if (kind.status && (kind.observedGeneration || kind.conditions)) {
    grants.push({ kind, subresource: 'status', verbs: ['get', 'patch'], why: `${spec.id}: status and conditions` });
  }
  if (spec.decorator === 'OnDelete' && spec.finalizer !== undefined) {
    grants.push({ kind, verbs: ['patch'], why: `${spec.id}: finalizer ${spec.finalizer}` });
    grants.push({ kind, subresource: 'finalizers', verbs: ['update'], why: `${spec.id}: finalizer ${spec.finalizer}` });
  }
  if (spec.decorator === 'OnCreate' && spec.remember === 'annotation') {
    grants.push({ kind, verbs: ['patch'], why: `${spec.id}: handled-by annotation` });
  }
  if (spec.decorator === 'Reconcile' && spec.owns.length > 0) {
    grants.push({ kind, subresource: 'finalizers', verbs: ['update'], why: `${spec.id}: owner references that block deletion` });
  }
  return grants;
}

/** A watch on one object by its name needs rights on that name alone: the authorizer takes it from the field selector. */
function namesOf(select: Selection | undefined): readonly string[] {
  const name = /^metadata\.name==?([^,=!]+)$/.exec(select?.fields ?? '')?.[1];
  return name === undefined ? [] : [name];
}

function featureGrants({ lease, secureMetrics = false }: RbacFeatures): Grant[] {
  const grants: Grant[] = [];
  if (lease !== undefined) {
    const kind = { group: LeaseName.group, plural: LeaseName.resource };
    const why = 'leader election';
    grants.push({ kind, verbs: ['create'], namespace: OPERATOR_NAMESPACE, why });
    grants.push({ kind, verbs: ['get', 'update', 'patch'], names: [lease], namespace: OPERATOR_NAMESPACE, why });
  }
  if (secureMetrics) {
    const why = 'who may read metrics';
    grants.push({ kind: { group: 'authentication.k8s.io', plural: 'tokenreviews' }, verbs: ['create'], why });
    grants.push({ kind: { group: 'authorization.k8s.io', plural: 'subjectaccessreviews' }, verbs: ['create'], why });
  }
  return grants;
}

/** One rule for each resource, names and place, with all its verbs and reasons; sorted. */
function merge(grants: readonly Grant[]): RbacRule[] {
  const rules = new Map<string, { rule: Omit<RbacRule, 'verbs' | 'why'>; verbs: Set<ApiVerb>; why: Set<string> }>();
  for (const { kind, subresource, verbs, names = [], namespace, why } of grants) {
    const resource = subresource === undefined ? kind.plural : `${kind.plural}/${subresource}`;
    const sortedNames = [...names].sort();
    const place = namespace === OPERATOR_NAMESPACE ? '\u0001' : (namespace ?? '');
    const id = [place, kind.group, resource, ...sortedNames].join('\u0000');
    const entry = rules.get(id) ?? {
      rule: { group: kind.group, resource, names: sortedNames, namespace },
      verbs: new Set(),
      why: new Set(),
    };
    for (const verb of verbs) entry.verbs.add(verb);
    entry.why.add(why);
    rules.set(id, entry);
  }
  return [...rules.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { rule, verbs, why }]) => ({ ...rule, verbs: inOrder(verbs), why: [...why].sort() }));
}

const VERB_ORDER: readonly ApiVerb[] = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];

function inOrder(verbs: ReadonlySet<ApiVerb>): ApiVerb[] {
  return VERB_ORDER.filter((verb) => verbs.has(verb));
}
