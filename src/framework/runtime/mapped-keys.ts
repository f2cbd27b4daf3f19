/** Which keys a change of a mapped object concerns: those of its state before and of its state now. */
import { ALL, type MappedWatch } from '../decorators/watches';
import type { ObjectKey } from '../kinds/object';
import type { ResourceEvent } from '../watch/resource-event';

export function mappedKeys(watch: MappedWatch, event: ResourceEvent): ReadonlySet<ObjectKey> | typeof ALL {
  const keys = new Set<ObjectKey>();
  // A deletion is never kept back: what it takes away was there, whatever the filter thinks of the last state.
  if (event.type !== 'DELETED' && watch.when !== undefined && !watch.when(event.object, event.old)) return keys;
  for (const object of new Set([event.object, event.old])) {
    if (object === undefined) continue;
    const mapped = watch.map(object, { cluster: event.cluster });
    if (mapped === ALL) return ALL;
    for (const key of mapped) keys.add(key);
  }
  return keys;
}
