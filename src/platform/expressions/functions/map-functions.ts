/** Maps: merge, keys. */
import type { Environment } from '@marcbachmann/cel-js';
import type { CelValue } from '../cel-values';

type CelMap = Map<string, CelValue> | Record<string, CelValue>;

export function registerMapFunctions(environment: Environment): void {
  const pure = { async: false };
  environment.registerFunction('merge(map, map): map', (a: CelMap, b: CelMap) => merge(a, b), pure);
  environment.registerFunction(
    'keys(map): list<string>',
    (map: CelMap) =>
      entriesOf(map)
        .map(([key]) => key)
        .sort(),
    pure,
  );
}

/** Deep; where both have a value that is no map, the second wins. */
function merge(a: CelMap, b: CelMap): CelMap {
  const merged = new Map(entriesOf(a));
  for (const [key, value] of entriesOf(b)) {
    const other = merged.get(key);
    merged.set(key, isCelMap(other) && isCelMap(value) ? merge(other, value) : value);
  }
  return merged;
}

function entriesOf(map: CelMap): [string, CelValue][] {
  return map instanceof Map ? [...map] : Object.entries(map);
}

function isCelMap(value: CelValue): value is CelMap {
  return value instanceof Map || (typeof value === 'object' && value !== null && value.constructor === Object);
}
