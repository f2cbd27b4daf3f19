/**
 * Reads the annotation `platform.kubevirt.io/patch`: RFC 6902, strictly.
 *
 * Owns: what a patch may say at all, before there is an object. Never: applies one. Pure.
 * Invariant: what is returned is what is executed; nothing reads the text a second time.
 */
import { isJsonMap, type Json, type JsonMap } from '../json';
import { type Pointer, parsePointer } from './json-pointer';
import { JsonTextError, parseJsonText } from './json-text';
import { protectedPathAt } from './protected-paths';

const MAX_BYTES = 64 * 1024;
const MAX_OPERATIONS = 256;
const OPERATIONS = ['add', 'remove', 'replace', 'move', 'copy', 'test'] as const;

export type PatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: Pointer; readonly value: Json }
  | { readonly op: 'remove'; readonly path: Pointer }
  | { readonly op: 'move' | 'copy'; readonly path: Pointer; readonly from: Pointer };

/** Why a patch is not applied. Holds no value of the object or the patch. */
export interface PatchProblem {
  /** Of the operation, from 0. */
  readonly index?: number;
  readonly pointer?: string;
  readonly why: string;
}

/** Thrown inside this folder, returned at its edge. */
export class PatchRefusal extends Error {
  constructor(readonly problem: PatchProblem) {
    super(problem.why);
  }
}

/** One line for people. */
export function problemText({ index, pointer, why }: PatchProblem): string {
  if (index === undefined) return why;
  const place = pointer === undefined ? '' : ` at ${pointer.length > 200 ? `${pointer.slice(0, 200)}...` : pointer}`;
  return `operation ${index}${place}: ${why}`;
}

/** @throws {PatchRefusal} */
export function parsePatch(text: string): readonly PatchOperation[] {
  if (Buffer.byteLength(text) > MAX_BYTES) throw new PatchRefusal({ why: `the text is longer than ${MAX_BYTES} bytes` });
  const list = parsed(text);
  if (!Array.isArray(list)) throw new PatchRefusal({ why: 'it is no list of operations (RFC 6902), which begins with "["' });
  if (list.length > MAX_OPERATIONS) throw new PatchRefusal({ why: `it has ${list.length} operations; allowed: at most ${MAX_OPERATIONS}` });
  return (list as readonly Json[]).map(operation);
}

function parsed(text: string): Json {
  try {
    return parseJsonText(text);
  } catch (error) {
    if (error instanceof JsonTextError) throw new PatchRefusal({ why: `it is no JSON that can be read in one way only: ${error.message}` });
    throw error;
  }
}

function operation(raw: Json, index: number): PatchOperation {
  if (!isJsonMap(raw)) throw new PatchRefusal({ index, why: 'it is no object' });
  const op = OPERATIONS.find((name) => name === raw['op']);
  if (op === undefined) throw new PatchRefusal({ index, why: `"op" is none of ${OPERATIONS.join(', ')}` });
  const path = pointer(raw, 'path', index);
  switch (op) {
    case 'remove':
      return { op, path };
    case 'move':
    case 'copy':
      return { op, path, from: pointer(raw, 'from', index) };
    default:
      if (!Object.hasOwn(raw, 'value')) throw new PatchRefusal({ index, why: `"${op}" needs "value"` });
      return { op, path, value: raw['value']! };
  }
}

function pointer(raw: JsonMap, member: 'path' | 'from', index: number): Pointer {
  const text = raw[member];
  if (typeof text !== 'string') throw new PatchRefusal({ index, why: `"${member}" is no text` });
  const segments = parsePointer(text);
  if ('problem' in segments) throw new PatchRefusal({ index, pointer: text, why: segments.problem });
  const touched = protectedPathAt(segments);
  if (touched !== undefined) throw new PatchRefusal({ index, pointer: text, why: `"${member}" touches ${touched}, which is protected` });
  return segments;
}
