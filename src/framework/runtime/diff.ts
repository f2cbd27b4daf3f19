/**
 * What changed between two states of an object, as people and handlers care about it.
 *
 * Owns: which parts of an object count as a change. Bookkeeping of the server (managedFields, versions, time stamps), status and
 * finalizers do not: most of it we write ourselves, and reacting to it would make handlers answer their own echo.
 */
import { isDeepStrictEqual } from 'node:util';
import { compare, unescapePathComponent } from 'fast-json-patch';
import type { KubernetesObject } from '../kinds/object';
import { fieldAt } from './filters';

export interface Change {
  readonly op: 'add' | 'remove' | 'replace';
  /** RFC 6901 pointer. */
  readonly path: string;
  readonly old: unknown;
  readonly value: unknown;
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** The part of an object that counts: everything but bookkeeping. */
export function essence(object: KubernetesObject): Record<string, unknown> {
  const { metadata = {}, status: _status, ...rest } = object as KubernetesObject & { status?: unknown };
  const { labels, annotations, ownerReferences } = metadata;
  const ownAnnotations = Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => key !== LAST_APPLIED));
  return { ...rest, metadata: { labels: labels ?? {}, annotations: ownAnnotations, ownerReferences: ownerReferences ?? [] } };
}

/** Changes from `old` to `now`, in the order of the patch that leads from one to the other. */
export function changesBetween(old: KubernetesObject, now: KubernetesObject): Change[] {
  const before = essence(old);
  return compare(before, essence(now)).map((operation) => {
    const path = operation.path.split('/').slice(1).map(unescapePathComponent);
    return {
      op: operation.op as Change['op'],
      path: operation.path,
      old: operation.op === 'add' ? undefined : fieldAt(before, path),
      value: 'value' in operation ? operation.value : undefined,
    };
  });
}

/** Whether two objects differ in what counts, or at one of `fields` when some are named. */
export function differ(old: KubernetesObject, now: KubernetesObject, fields: readonly (readonly string[])[]): boolean {
  if (fields.length === 0) return !isDeepStrictEqual(essence(old), essence(now));
  return fields.some((path) => !isDeepStrictEqual(fieldAt(old, path), fieldAt(now, path)));
}

/** The `changed: 'spec'` rule: what a user or another controller decides, as opposed to what a status writer reports. */
export function specChanged(now: KubernetesObject, old: KubernetesObject): boolean {
  const a = now.metadata ?? {};
  const b = old.metadata ?? {};
  // Kinds without generation (ConfigMap, Secret ...) have no telling sign of a change but the change itself.
  if (a.generation === undefined || b.generation === undefined) return true;
  return (
    a.generation !== b.generation ||
    a.deletionTimestamp !== b.deletionTimestamp ||
    !isDeepStrictEqual(a.labels, b.labels) ||
    !isDeepStrictEqual(a.annotations, b.annotations) ||
    !isDeepStrictEqual(a.finalizers, b.finalizers) ||
    !isDeepStrictEqual(a.ownerReferences, b.ownerReferences)
  );
}
