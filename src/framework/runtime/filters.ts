/**
 * Decides whether an object is a handler's business.
 *
 * Owns: the meaning of labels, annotations, field and when. Pure, except that a throwing function is reported through a callback.
 */
import { ABSENT, PRESENT, type ValueFilter } from '../decorators/options';
import type { KubernetesObject } from '../kinds/object';
import type { CompiledFilters } from '../registry/handler-spec';

/** @param onThrow told of a `when` or value function that threw; the object then counts as not matching. */
export function matches(filters: CompiledFilters, object: KubernetesObject, onThrow?: (error: unknown) => void): boolean {
  const { labels, annotations } = object.metadata ?? {};
  try {
    return (
      filters.labels.every(([key, filter]) => matchesValue(filter, ownValue(labels, key))) &&
      filters.annotations.every(([key, filter]) => matchesValue(filter, ownValue(annotations, key))) &&
      filters.fields.every((path) => fieldAt(object, path) !== undefined) &&
      (filters.when === undefined || filters.when(object) === true)
    );
  } catch (error) {
    onThrow?.(error);
    return false;
  }
}

/** Never what every object inherits: `constructor` is a label key like any other. */
function ownValue(values: Readonly<Record<string, string>> | undefined, key: string): string | undefined {
  return values !== undefined && Object.hasOwn(values, key) ? values[key] : undefined;
}

function matchesValue(filter: ValueFilter, value: string | undefined): boolean {
  if (filter === PRESENT) return value !== undefined;
  if (filter === ABSENT) return value === undefined;
  if (typeof filter === 'function') return filter(value);
  if (value === undefined) return false;
  if (typeof filter === 'string') return filter === value;
  if (filter instanceof RegExp) return new RegExp(filter.source, filter.flags.replace('g', '')).test(value);
  return (filter as readonly string[]).includes(value);
}

/** The deep value at a path; `undefined` where the path leads nowhere. */
export function fieldAt(object: unknown, path: readonly string[]): unknown {
  let value: unknown = object;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}
