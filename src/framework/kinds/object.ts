/**
 * The shape every Kubernetes object shares.
 *
 * Owns: metadata types and the key of an object. Never: behaviour of any one kind.
 * Time stamps are strings as the server sent them: parsing them to `Date` loses microseconds and breaks equality.
 */

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** What people copy from one object to another may be `undefined`: JSON leaves it out. */
export interface ObjectMeta {
  name?: string | undefined;
  generateName?: string;
  namespace?: string | undefined;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string> | undefined;
  annotations?: Record<string, string> | undefined;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: unknown[];
}

export interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata?: ObjectMeta;
}

/** A status condition as `metav1.Condition` defines it. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

/** `namespace/name`, or `name` for a cluster-scoped object. Unique within one kind of one cluster. */
export type ObjectKey = string;

export function keyOf(object: KubernetesObject): ObjectKey {
  const { namespace, name } = object.metadata ?? {};
  return objectKey(namespace, name ?? '');
}

export function objectKey(namespace: string | undefined, name: string): ObjectKey {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

export function splitKey(key: ObjectKey): { namespace?: string; name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
