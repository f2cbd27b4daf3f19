/**
 * The part of an object that can drift.
 *
 * Owns: what of the metadata counts. Status, versions, times and ownership are the business of others and change all the time. Pure.
 */
import type { KubernetesObject } from '../../framework';
import { isJsonMap, type Json, type JsonMap } from '../json';
import { isControlAnnotation } from '../overrides/control-keys';
import { withComparablePayload } from './payload';

/** A copy of `kubectl apply`, which informers drop. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** An object of the API as JSON; nothing is copied. */
export function jsonOf(object: KubernetesObject): JsonMap {
  return object as unknown as JsonMap;
}

/** What is compared for drift. */
export function driftPart(object: KubernetesObject): JsonMap {
  return withComparablePayload(reduced(object, (name) => name !== LAST_APPLIED && !isControlAnnotation(name)));
}

/** The same with the control annotations: whoever changes one wants to see what it does. */
export function watchedPart(object: KubernetesObject): JsonMap {
  return reduced(object, (name) => name !== LAST_APPLIED);
}

function reduced(object: KubernetesObject, keepsAnnotation: (name: string) => boolean): JsonMap {
  const { metadata, status: _, ...rest } = jsonOf(object);
  const { labels = {}, annotations = {} } = (isJsonMap(metadata) ? metadata : {}) as { labels?: Json; annotations?: Json };
  const kept = isJsonMap(annotations) ? Object.fromEntries(Object.entries(annotations).filter(([name]) => keepsAnnotation(name))) : {};
  return { ...rest, metadata: { labels, annotations: kept } };
}
