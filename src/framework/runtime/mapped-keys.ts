/**
 * Which keys a change of a mapped object concerns: those of its state before and of its state now.
 *
 * Guarantee: whatever the author's functions throw or return goes to `onError`, and the keys of the other state count all the same; a
 * `when` that throws keeps nothing back, because a run too many does no harm and a missed one does.
 */
import { ALL, type MappedWatch } from '../decorators/watches';
import type { KubernetesObject, ObjectKey } from '../kinds/object';
import type { ResourceEvent } from '../watch/resource-event';

export function mappedKeys(
  watch: MappedWatch,
  event: ResourceEvent,
  onError: (error: unknown) => void,
): ReadonlySet<ObjectKey> | typeof ALL {
  const keys = new Set<ObjectKey>();
  if (isKeptBack(watch, event, onError)) return keys;
  for (const object of new Set([event.object, event.old])) {
    if (object === undefined) continue;
    try {
      const mapped = keysOf(watch, object, event.cluster);
      if (mapped === ALL) return ALL;
      for (const key of mapped) keys.add(key);
    } catch (error) {
      onError(error);
    }
  }
  return keys;
}

/** A deletion is never kept back: what it takes away was there, whatever the filter thinks of the last state. */
function isKeptBack({ when }: MappedWatch, { type, object, old }: ResourceEvent, onError: (error: unknown) => void): boolean {
  if (type === 'DELETED' || when === undefined) return false;
  try {
    return !when(object, old);
  } catch (error) {
    onError(error);
    return false;
  }
}

/** @throws {TypeError} for what is no list of keys: nothing, a promise, one key as a text. */
function keysOf({ map }: MappedWatch, object: KubernetesObject, cluster: string): readonly ObjectKey[] | typeof ALL {
  const mapped: unknown = map(object, { cluster });
  if (mapped === ALL) return ALL;
  if (mapped instanceof Promise) mapped.catch(() => undefined);
  if (typeof mapped === 'object' && mapped !== null && Symbol.iterator in mapped) {
    const keys: unknown[] = [...(mapped as Iterable<unknown>)];
    if (keys.every((key) => typeof key === 'string')) return keys;
  }
  const found = mapped instanceof Promise ? 'a promise' : mapped === null ? 'null' : `a value of type ${typeof mapped}`;
  throw new TypeError(`a mapped watch returned ${found}; allowed: a list of keys, or ALL`);
}
