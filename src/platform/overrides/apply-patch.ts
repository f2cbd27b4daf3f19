/**
 * Executes a user's patch on a desired object.
 *
 * Expected flow: read text -> kind check -> guarded operations on a bare copy -> identity, protected members, limits, kind check again.
 * Guarantees: all or nothing; the result has the identity of the original and the same protected members; never throws for any text.
 * Assumptions: the object is JSON.
 * Caveats: the library does the assignments only. It has an operation of its own (`_get`), reads inherited members, writes to the root, turns a
 * parent into its own child, and compares through `hasOwnProperty` of whatever it is given; hence the guard resolves every path itself,
 * moves are a removal and an addition, and `test` is compared here.
 * Errors: none; a patch that is not applied is a `problem`.
 */
import { applyOperation } from 'fast-json-patch';
import { isJsonMap, isSameJson, type Json, type JsonMap } from '../json';
import { listIndex, type Pointer, pointerText, valueAt } from './json-pointer';
import { type PatchOperation, type PatchProblem, PatchRefusal, parsePatch } from './patch-text';
import { changedProtectedPath } from './protected-paths';
import { patchRefusal } from './sensitive-kinds';

const MAX_OBJECT_BYTES = 1024 * 1024;
const MAX_DEPTH = 100;

export type PatchOutcome =
  | { readonly kind: 'patched'; readonly object: JsonMap; readonly operations: number }
  | { readonly kind: 'refused'; readonly problem: PatchProblem };

/** @param text a non-blank annotation value. */
export function applyUserPatch(desired: JsonMap, text: string): PatchOutcome {
  try {
    const operations = parsePatch(text);
    refuseKind(desired, desired);
    const copy = bareCopy(desired) as Record<string, Json>;
    const execution = new Execution(copy);
    for (const [index, operation] of operations.entries()) execution.run(operation, index);
    const object = plainCopy(copy) as JsonMap;
    checkResult(desired, object);
    return { kind: 'patched', object, operations: operations.length };
  } catch (error) {
    if (error instanceof PatchRefusal) return { kind: 'refused', problem: error.problem };
    throw error;
  }
}

function refuseKind(before: JsonMap, after: JsonMap): void {
  const why = patchRefusal(before, after);
  if (why !== undefined) throw new PatchRefusal({ why });
}

function checkResult(before: JsonMap, after: JsonMap): void {
  const changed = changedProtectedPath(before, after);
  if (changed !== undefined) throw new PatchRefusal({ why: `the result differs in ${changed}, which is protected` });
  if (Buffer.byteLength(JSON.stringify(after)) > MAX_OBJECT_BYTES) {
    throw new PatchRefusal({ why: `the result is larger than ${MAX_OBJECT_BYTES} bytes` });
  }
  refuseKind(before, after);
}

class Execution {
  /** What copies have added: some, each of twice the size, would fill the memory long before the end is reached and checked. */
  private copiedNodes = 0;
  private index = 0;

  constructor(private readonly document: Record<string, Json>) {}

  run(operation: PatchOperation, index: number): void {
    this.index = index;
    switch (operation.op) {
      case 'test':
        this.test(operation.path, operation.value);
        break;
      case 'remove':
        this.remove(operation.path);
        break;
      case 'replace':
        this.existing(operation.path);
        this.write('replace', operation.path, operation.value);
        break;
      case 'add':
        this.add(operation.path, operation.value);
        break;
      case 'copy':
        this.add(operation.path, this.counted(operation.from));
        break;
      default:
        this.move(operation.from, operation.path);
    }
  }

  private test(path: Pointer, value: Json): void {
    if (!isSameJson(this.existing(path), value)) this.refuse(path, 'the value there is another one');
  }

  private move(from: Pointer, path: Pointer): void {
    const value = this.existing(from);
    if (from.length < path.length && from.every((segment, at) => segment === path[at])) {
      this.refuse(path, `${pointerText(from)} cannot be moved below itself`);
    }
    this.remove(from);
    this.add(path, value);
  }

  private remove(path: Pointer): void {
    this.existing(path);
    applyOperation(this.document, { op: 'remove', path: pointerText(path) }, false, true, true);
  }

  private add(path: Pointer, value: Json): void {
    this.createMetadataMap(path);
    const parent = this.parentOf(path);
    const last = path.at(-1)!;
    if (Array.isArray(parent) && last !== '-') {
      const position = listIndex(last);
      if (position === undefined || position > parent.length) {
        this.refuse(path, `"${last}" is no position of a list of ${parent.length}; allowed: 0 to ${parent.length}, or "-"`);
      }
    }
    this.write('add', path, value);
  }

  private write(op: 'add' | 'replace', path: Pointer, value: Json): void {
    if (path.length + depthOf(value) > MAX_DEPTH) this.refuse(path, `the object would have more than ${MAX_DEPTH} levels`);
    applyOperation(this.document, { op, path: pointerText(path), value: bareCopy(value) }, false, true, true);
  }

  /** So that a label or an annotation can be added to an object that has none. */
  private createMetadataMap(path: Pointer): void {
    const [metadata, member] = path;
    if (path.length !== 3 || metadata !== 'metadata' || (member !== 'labels' && member !== 'annotations')) return;
    const parent = valueAt(this.document, ['metadata']);
    if (isJsonMap(parent) && !Object.hasOwn(parent, member)) this.write('add', ['metadata', member], Object.create(null) as JsonMap);
  }

  private counted(from: Pointer): Json {
    const value = this.existing(from);
    this.copiedNodes += nodesIn(value);
    if (this.copiedNodes > MAX_OBJECT_BYTES) this.refuse(from, `the copies hold more than ${MAX_OBJECT_BYTES} values`);
    return value;
  }

  private existing(path: Pointer): Json {
    const parent = this.parentOf(path);
    const last = path.at(-1)!;
    if (Array.isArray(parent)) {
      const position = listIndex(last);
      if (position === undefined || position >= parent.length) this.refuse(path, `the list there has ${parent.length} elements`);
    } else if (!Object.hasOwn(parent, last)) this.refuse(path, 'there is no such member');
    return valueAt(this.document, path)!;
  }

  private parentOf(path: Pointer): JsonMap | readonly Json[] {
    const above = path.slice(0, -1);
    const parent = valueAt(this.document, above);
    if (Array.isArray(parent) || isJsonMap(parent)) return parent;
    const place = pointerText(above);
    return this.refuse(path, parent === undefined ? `there is no ${place}` : `${place} is neither an object nor a list`);
  }

  private refuse(path: Pointer, why: string): never {
    throw new PatchRefusal({ index: this.index, pointer: pointerText(path), why });
  }
}

/** Without prototypes, so that only what the document says is there. */
function bareCopy(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(bareCopy);
  if (!isJsonMap(value)) return value;
  const bare = Object.create(null) as Record<string, Json>;
  for (const [name, member] of Object.entries(value)) bare[name] = bareCopy(member);
  return bare;
}

/** As everybody else makes objects. No member is named `__proto__`: neither text nor pointer lets one in. */
function plainCopy(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(plainCopy);
  if (!isJsonMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plainCopy(member)]));
}

function depthOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0;
  let deepest = 0;
  for (const member of Object.values(value) as Json[]) deepest = Math.max(deepest, depthOf(member));
  return deepest + 1;
}

function nodesIn(value: Json): number {
  if (typeof value === 'string') return 1 + value.length;
  if (typeof value !== 'object' || value === null) return 1;
  let nodes = 1;
  for (const member of Object.values(value) as Json[]) nodes += nodesIn(member);
  return nodes;
}
