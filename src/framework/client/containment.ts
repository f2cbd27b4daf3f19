/**
 * Compares objects as far as server-side apply cares, pure.
 *
 * Without the schema a list cannot be told from a set or a map by key, so `contains` is generous with lists: a false yes costs
 * one dry run, which decides; a false no costs one apply that changes nothing.
 */
import type { KubernetesObject } from '../kinds/object';

/** Whether everything asked for is in `live`; more may be there. */
export function contains(live: unknown, desired: unknown): boolean {
  if (desired === undefined) return true;
  if (Array.isArray(desired)) {
    return Array.isArray(live) && desired.every((wanted) => live.some((item) => contains(item, wanted)));
  }
  if (typeof desired !== 'object' || desired === null) return live === desired;
  if (typeof live !== 'object' || live === null || Array.isArray(live)) return false;
  return Object.entries(desired).every(([name, wanted]) => contains((live as Record<string, unknown>)[name], wanted));
}

/** Labels, annotations and owners asked for are on the object. */
export function hasMetadataOf(live: KubernetesObject, desired: KubernetesObject): boolean {
  return (
    contains(live.metadata?.labels ?? {}, desired.metadata?.labels) &&
    contains(live.metadata?.annotations ?? {}, desired.metadata?.annotations) &&
    contains(live.metadata?.ownerReferences ?? [], desired.metadata?.ownerReferences)
  );
}

/** Set by kubectl and dropped by caches; it says nothing about the state. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** An object without what every write moves, and without the status unless it was asked for: that belongs to others and moves by itself. */
export function comparable(object: KubernetesObject & { status?: unknown }, desired: KubernetesObject): unknown {
  const { managedFields: _m, resourceVersion: _r, generation: _g, annotations = {}, ...metadata } = object.metadata ?? {};
  const { [LAST_APPLIED]: _, ...kept } = annotations;
  const { apiVersion: _a, kind: _k, status, ...rest } = object;
  return {
    ...rest,
    ...('status' in desired ? { status } : {}),
    metadata: Object.keys(kept).length === 0 ? metadata : { ...metadata, annotations: kept },
  };
}
