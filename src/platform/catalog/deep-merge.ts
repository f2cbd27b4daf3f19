/** Merges objects of several sources into one that all of them agree with. */
import { isJsonMap, isSameJson, type Json, type JsonMap } from '../json';

/** Two sources say different things about one field. */
export class MergeConflict extends Error {
  constructor(readonly pointer: string) {
    super(`two sources give different values for ${pointer}`);
  }
}

/**
 * Maps merge; everything else, lists included, has to be equal where both have it.
 * @throws {MergeConflict} naming the first field about which they disagree.
 */
export function mergeAgreeing(a: JsonMap, b: JsonMap, path = ''): JsonMap {
  const members = new Map<string, Json>(Object.entries(a));
  for (const [member, value] of Object.entries(b)) {
    const other = members.get(member);
    const pointer = `${path}/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (other === undefined) members.set(member, value);
    else if (isJsonMap(other) && isJsonMap(value)) members.set(member, mergeAgreeing(other, value, pointer));
    else if (!isSameJson(other, value)) throw new MergeConflict(pointer);
  }
  return Object.fromEntries(members);
}
