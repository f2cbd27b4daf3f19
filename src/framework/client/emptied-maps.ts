/**
 * Maps that an apply empties, pure.
 *
 * Where a map held fields of ours only, server-side apply of `{}` takes them all away and leaves `null` behind, which the schema of a
 * custom resource then refuses. Without the map the same apply succeeds, after which `{}` can be set.
 */
import { InvalidError } from '../errors/api-error';
import type { KubernetesObject } from '../kinds/object';

/** @returns what was applied without the maps that were refused for that reason; `undefined` when the error is about anything else. */
export function withoutEmptiedMaps<D extends KubernetesObject>(object: D, error: unknown): D | undefined {
  if (!(error instanceof InvalidError)) return undefined;
  const { causes } = (error.details ?? {}) as { causes?: unknown };
  const rest = structuredClone(object);
  let removed = 0;
  for (const { field, message } of Array.isArray(causes) ? (causes as { field?: unknown; message?: unknown }[]) : []) {
    if (typeof field !== 'string' || !/"null"|\bnull\b/.test(String(message))) continue;
    if (removeEmptyMap(rest, field.split('.'))) removed++;
  }
  return removed === 0 ? undefined : rest;
}

/** @returns whether there was an empty map at the path. */
function removeEmptyMap(object: object, path: readonly string[]): boolean {
  let parent = object as Record<string, unknown>;
  for (const name of path.slice(0, -1)) {
    if (!isMap(parent[name])) return false;
    parent = parent[name];
  }
  const last = path.at(-1)!;
  const value = parent[last];
  if (!isMap(value) || Object.keys(value).length > 0) return false;
  delete parent[last];
  return true;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
