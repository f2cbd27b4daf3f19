/**
 * JSON Patch (RFC 6902) with the answers of kube-apiserver.
 *
 * Owns: applying the operations and the text of their failures. Never: changes its input.
 * Behaviour follows gopkg.in/evanphx/json-patch.v4, which the API server uses: a `test` of `null` holds for a missing member, `replace` of a
 * missing object member adds it, and negative array indexes count from the end.
 */
import { copyOf, isEqual, isObject, type JsonObject } from '../json';

/** The patch does not apply. `isMalformed` when it is not a patch at all. */
export class JsonPatchError extends Error {
  constructor(
    message: string,
    readonly isMalformed = false,
  ) {
    super(message);
  }
}

const MISSING = 'missing value';
const INVALID_INDEX = 'invalid index referenced';
const TEST_FAILED = 'test failed';

type Container = JsonObject | unknown[];

interface Place {
  container: Container;
  key: string;
}

const unescaped = (token: string): string => token.replaceAll('~1', '/').replaceAll('~0', '~');

function isContainer(value: unknown): value is Container {
  return isObject(value) || Array.isArray(value);
}

function indexOf(list: readonly unknown[], key: string, limit: number): number {
  if (!/^[+-]?\d+$/.test(key)) throw new JsonPatchError(`strconv.Atoi: parsing ${JSON.stringify(key)}: invalid syntax`);
  const index = Number(key);
  if (index >= limit || index < -limit) throw new JsonPatchError(`Unable to access invalid index: ${index}: ${INVALID_INDEX}`);
  return index < 0 ? index + (limit > list.length ? list.length + 1 : list.length) : index;
}

function get({ container, key }: Place): unknown {
  return Array.isArray(container) ? container[indexOf(container, key, container.length)] : container[key];
}

function find(root: Container, path: string): Place | undefined {
  const tokens = path.split('/');
  if (tokens.length < 2) return undefined;
  let container = root;
  for (const token of tokens.slice(1, -1).map(unescaped)) {
    let next: unknown;
    try {
      next = get({ container, key: token });
    } catch {
      return undefined;
    }
    if (!isContainer(next)) return undefined;
    container = next;
  }
  return { container, key: unescaped(tokens[tokens.length - 1]!) };
}

function add({ container, key }: Place, value: unknown): void {
  if (!Array.isArray(container)) container[key] = value;
  else if (key === '-') container.push(value);
  else container.splice(indexOf(container, key, container.length + 1), 0, value);
}

function remove({ container, key }: Place): void {
  if (Array.isArray(container)) container.splice(indexOf(container, key, container.length), 1);
  else if (key in container) delete container[key];
  else throw new JsonPatchError(`Unable to remove nonexistent key: ${key}: ${MISSING}`);
}

function placeOf(root: Container, path: string, what: string): Place {
  const place = find(root, path);
  if (place === undefined) throw new JsonPatchError(`${what}: ${MISSING}`);
  return place;
}

function named<T>(prefix: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof JsonPatchError ? new JsonPatchError(`${prefix}: ${error.message}`) : error;
  }
}

function textOf(operation: JsonObject, member: 'path' | 'from', op: string): string {
  const text = operation[member];
  if (typeof text !== 'string') throw new JsonPatchError(`${op} operation failed to decode ${member}: ${MISSING}`);
  return text;
}

function runOperation(root: Container, operation: JsonObject): Container {
  const op = String(operation['op'] ?? 'unknown');
  switch (op) {
    case 'add': {
      const path = textOf(operation, 'path', op);
      const place = placeOf(root, path, `add operation does not apply: doc is missing path: "${path}"`);
      named(`error in add for path: '${path}'`, () => add(place, copyOf(operation['value'] ?? null)));
      return root;
    }
    case 'remove': {
      const path = textOf(operation, 'path', op);
      const place = placeOf(root, path, `remove operation does not apply: doc is missing path: "${path}"`);
      named(`error in remove for path: '${path}'`, () => remove(place));
      return root;
    }
    case 'replace':
      return replace(root, operation);
    case 'test':
      test(root, operation);
      return root;
    case 'move':
    case 'copy':
      transfer(root, operation, op);
      return root;
    default:
      throw new JsonPatchError(`Unexpected kind: ${op}`);
  }
}

function replace(root: Container, operation: JsonObject): Container {
  const path = textOf(operation, 'path', 'replace');
  const value = copyOf(operation['value'] ?? null);
  if (path === '') {
    if (!isContainer(value)) throw new JsonPatchError('replace operation value must be object or array: %!w(<nil>)');
    return value;
  }
  const place = placeOf(root, path, `replace operation does not apply: doc is missing path: ${path}`);
  const { container, key } = place;
  if (!Array.isArray(container)) {
    container[key] = value;
    return root;
  }
  let index: number;
  try {
    index = indexOf(container, key, container.length);
  } catch {
    throw new JsonPatchError(`replace operation does not apply: doc is missing key: ${path}: ${MISSING}`);
  }
  container[index] = value;
  return root;
}

function test(root: Container, operation: JsonObject): void {
  const path = textOf(operation, 'path', 'test');
  const wanted = operation['value'] ?? null;
  const place = path === '' ? undefined : placeOf(root, path, `test operation does not apply: is missing path: ${path}`);
  const found = place === undefined ? root : named(`error in test for path: '${path}'`, () => get(place));
  if (!isEqual(found ?? null, wanted)) throw new JsonPatchError(`testing value ${path} failed: ${TEST_FAILED}`);
}

function transfer(root: Container, operation: JsonObject, op: 'move' | 'copy'): void {
  const from = textOf(operation, 'from', op);
  const source = placeOf(root, from, `${op} operation does not apply: doc is missing from path: ${from}`);
  const error = op === 'move' ? `error in move for path: '${source.key}'` : `error in copy for from: '${from}'`;
  const value = copyOf(named(error, () => get(source)));
  if (op === 'move') named(error, () => remove(source));
  const path = textOf(operation, 'path', op);
  const target = placeOf(root, path, `${op} operation does not apply: doc is missing destination path: ${path}`);
  named(op === 'move' ? `error in move for path: '${path}'` : 'error while adding value during copy', () => add(target, value ?? null));
}

/** @throws {JsonPatchError} at the first operation that fails; the input is unchanged. */
export function jsonPatched(object: JsonObject, patch: unknown): unknown {
  if (!Array.isArray(patch) || !patch.every(isObject)) {
    throw new JsonPatchError('json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp', true);
  }
  return patch.reduce<Container>(runOperation, copyOf(object));
}
