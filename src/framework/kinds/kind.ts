/**
 * A Kubernetes kind as a value, so that `@Reconcile(WolConfig)` and `config: WolConfig` read alike.
 *
 * Owns: what the framework must know of a kind to list, watch, write and report on it.
 * Never: contacts a server; `defineKind` is pure and may be called at run time.
 */
import type { KubernetesObject } from './object';

export type Scope = 'Cluster' | 'Namespaced';

export interface KindOptions<T extends KubernetesObject = KubernetesObject> {
  /** Whether objects live in a namespace; compared with discovery, a mismatch shows in `/readyz`. */
  scope: Scope;
  /** Clusters may also serve it with the other scope; keys of objects then tell. @default false */
  eitherScope?: boolean;
  /** The kind may be absent from the cluster: wait for it instead of being unready. @default false */
  optional?: boolean;
  /** API versions of the same group tried in order when `apiVersion` is not served. @default [] */
  alternatives?: readonly string[];
  /** Has the status subresource. @default true */
  status?: boolean;
  /** `status.observedGeneration` exists and the framework maintains it. @default false */
  observedGeneration?: boolean;
  /** `status.conditions` is a list-map keyed by `type`; needed for automatic failure conditions. @default false */
  conditions?: boolean;
  /**
   * Top-level status fields that belong to us; others are never sent. A kind that has none of this, `observedGeneration`,
   * `conditions` and `volatileStatus` has no status of ours, and `ctx.status` refuses it. @default all
   */
  ownStatus?: readonly string[];
  /** Status fields (time stamps) whose change alone causes no write. @default [] */
  volatileStatus?: readonly string[];
  /** Never logged; an informer must name namespaces and the one object. @default true for Secret */
  sensitive?: boolean;
  /**
   * Drops what nobody reads before an object enters a cache; pure, may change its argument and return it. Metadata that the
   * framework needs (name, namespace, uid, versions, labels, annotations, finalizers, owners) has to stay. @default keeps all
   */
  trim?(object: T): T;
}

/** A frozen description of one kind. `T` exists at compile time only. */
export interface Kind<T extends KubernetesObject = KubernetesObject> {
  readonly apiVersion: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly scope: Scope;
  readonly eitherScope: boolean;
  readonly optional: boolean;
  readonly alternatives: readonly string[];
  readonly status: boolean;
  readonly observedGeneration: boolean;
  readonly conditions: boolean;
  readonly ownStatus: readonly string[] | undefined;
  readonly volatileStatus: readonly string[];
  readonly sensitive: boolean;
  /** Has keys but no API object, see `defineVirtualKind`. */
  readonly virtual: boolean;
  trim?(object: T): T;
  /** `<plural>.<group>`, the name used in logs, metrics and queues; the bare plural for the core group. */
  readonly id: string;
  /** Phantom: carries `T` for inference, never present at run time. */
  readonly __object?: T;
}

/**
 * Describes a kind.
 *
 * @param apiVersion `group/version`, or `v1` for the core group.
 * @param plural lower-case resource name as it stands in API paths.
 * @throws {TypeError} when apiVersion or plural is malformed, or an alternative is of another group.
 */
export function defineKind<T extends KubernetesObject>(apiVersion: string, kind: string, plural: string, options: KindOptions<T>): Kind<T> {
  const parts = apiVersion.split('/');
  if (parts.length > 2 || parts.some((part) => part === '')) {
    throw new TypeError(`apiVersion of ${kind} is "${apiVersion}"; allowed: <group>/<version>, or <version> for the core group`);
  }
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(plural)) {
    throw new TypeError(`plural of ${kind} is "${plural}"; allowed: the lower-case resource name, for example "virtualmachines"`);
  }
  const version = parts[parts.length - 1]!;
  const group = parts.length === 2 ? parts[0]! : '';
  for (const alternative of options.alternatives ?? []) {
    if (alternative.slice(0, Math.max(0, alternative.lastIndexOf('/'))) === group) continue;
    const allowed = group === '' ? '<version>' : `${group}/<version>`;
    throw new TypeError(`alternative of ${kind} is "${alternative}"; allowed: ${allowed}`);
  }
  return Object.freeze({
    apiVersion,
    group,
    version,
    kind,
    plural,
    scope: options.scope,
    eitherScope: options.eitherScope ?? false,
    optional: options.optional ?? false,
    alternatives: Object.freeze([...(options.alternatives ?? [])]),
    status: options.status ?? true,
    observedGeneration: options.observedGeneration ?? false,
    conditions: options.conditions ?? false,
    ownStatus: options.ownStatus === undefined ? undefined : Object.freeze([...options.ownStatus]),
    volatileStatus: Object.freeze([...(options.volatileStatus ?? [])]),
    sensitive: options.sensitive ?? (group === '' && kind === 'Secret'),
    virtual: false,
    ...(options.trim === undefined ? {} : { trim: options.trim }),
    id: group === '' ? plural : `${plural}.${group}`,
  });
}

/** Whether a value, maybe of untyped code or of a module that is still being loaded, is what `defineKind` or `defineVirtualKind` returns. */
export function isKind(value: unknown): value is Kind {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, id, virtual } = value as Partial<Kind>;
  return typeof kind === 'string' && typeof id === 'string' && typeof virtual === 'boolean';
}

/** Two kind values mean the same kind when group and kind are equal, whatever version or options they carry. */
export function sameKind(a: Kind, b: Kind): boolean {
  return a.group === b.group && a.kind === b.kind;
}

/** Whether the kind says that its status, or a part of it, is written by us; the right to do so follows from this. */
export function hasOurStatus({ observedGeneration, conditions, ownStatus, volatileStatus }: Kind): boolean {
  return observedGeneration || conditions || ownStatus !== undefined || volatileStatus.length > 0;
}

/** Path of a collection, or of one object when `name` is given. `namespace` is ignored for cluster-scoped kinds. */
export function kindPath(kind: Kind, namespace?: string, name?: string, subresource?: string): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const scope = kind.scope === 'Namespaced' && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${root}${scope}/${kind.plural}${object}${subresource === undefined ? '' : `/${subresource}`}`;
}
