/**
 * A kind that has keys but no API object: work that is driven by something else than one object of Kubernetes.
 *
 * Owns: the value handed to `@Reconcile`, `@OnTimer` and `@Source`, and the contract of what brings its keys.
 */
import type { Kind } from './kind';
import type { KubernetesObject, ObjectKey } from './object';

/** `T` exists at compile time only. */
export interface VirtualKind<T extends object> {
  readonly kind: string;
  readonly id: string;
  readonly virtual: true;
  /** Phantom: carries `T` for inference, never present at run time. */
  readonly __virtual?: T;
}

/** Brings the keys of one virtual kind and gives them their object. Registered by `@Source`. */
export interface KeySource<T extends object> {
  /**
   * What handlers get for a key; `undefined` = the key is gone and its state is dropped. Pure, from memory.
   * @param cluster whose queue asks: `local` unless a handler of the kind is bound to other clusters.
   */
  resolve(key: ObjectKey, cluster: string): T | undefined;
  /** Called once on every replica, before queues run; for handlers bound to remote clusters once more for each that is engaged. */
  start(sink: KeySink, cluster: string): void | Promise<void>;
  /** Called at shutdown, and when a remote cluster is disengaged. */
  stop?(cluster: string): void | Promise<void>;
}

export interface KeySink {
  /** Known from now on; enqueued in the low lane. */
  add(key: ObjectKey): void;
  /** Enqueued in the high lane; an unknown key is added. */
  touch(key: ObjectKey): void;
  /** Forgotten. */
  remove(key: ObjectKey): void;
  /** Everything that was there at start has been added; counts for readiness. */
  synced(): void;
}

/** Pure; may be called at run time. Names are unique among virtual kinds of an operator. */
export function defineVirtualKind<T extends object>(name: string): VirtualKind<T> {
  if (!/^[A-Z][A-Za-z0-9]*$/.test(name)) throw new TypeError(`virtual kind is named "${name}"; allowed: one CamelCase word`);
  return Object.freeze({ kind: name, id: name.toLowerCase(), virtual: true });
}

const views = new WeakMap<object, Kind>();

/** The same as a `Kind`, which is what the engine works with; no path of it is ever asked for. */
export function asKind<T extends object>(kind: VirtualKind<T> | Kind): Kind {
  // Absent in a circular import; the registry says so, with what else is wrong.
  if (kind?.virtual !== true) return kind as Kind;
  const known = views.get(kind);
  if (known !== undefined) return known;
  const view: Kind<KubernetesObject> = Object.freeze({
    apiVersion: '',
    group: '',
    version: '',
    kind: kind.kind,
    plural: kind.id,
    scope: 'Cluster',
    eitherScope: false,
    optional: false,
    alternatives: [],
    status: false,
    observedGeneration: false,
    conditions: false,
    ownStatus: undefined,
    volatileStatus: [],
    sensitive: false,
    virtual: true,
    id: kind.id,
  });
  views.set(kind, view);
  return view;
}
