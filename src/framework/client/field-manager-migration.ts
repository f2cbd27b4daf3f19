/**
 * Takes over the fields that an older operator's field manager owns.
 *
 * Expected flow: entries of the old managers -> one Apply entry of ours, by JSON Patch with a test of the version read.
 * Guarantees: no value changes, only who owns it; nothing to move = no request beyond a read.
 * Caveats: finalizers are left without owner, since they are put on and taken off by JSON Patch, and an apply that does not
 * name them would take them off. Entries for subresources stay apart, as the server keeps them.
 * Errors: the server's refusal of the fifth try.
 */
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, keyOf } from '../kinds/object';
import type { CallOptions } from './client-options';
import { patchUntilDone } from './finalizer';
import type { KubeClient } from './kube-client';

type FieldSet = Record<string, unknown>;

interface ManagedFields {
  manager?: string;
  operation?: string;
  apiVersion?: string;
  time?: string;
  fieldsType?: string;
  fieldsV1?: FieldSet;
  subresource?: string;
}

export async function migrateFieldManager<T extends KubernetesObject>(
  client: KubeClient,
  kind: Kind<T>,
  object: T,
  from: readonly string[],
  options: CallOptions,
): Promise<T | undefined> {
  // Caches strip managedFields, so their absence says nothing.
  const known = object.metadata?.managedFields === undefined ? await client.find(kind, keyOf(object), options) : object;
  if (known === undefined || known.metadata?.uid !== object.metadata?.uid) return undefined;
  return patchUntilDone(client, kind, known, options, (live) => {
    const fields = live.metadata?.managedFields as ManagedFields[] | undefined;
    const moved = movedFields(fields ?? [], from, client.fieldManager);
    if (moved === undefined) return undefined;
    return [
      { op: 'test', path: '/metadata/resourceVersion', value: live.metadata?.resourceVersion },
      { op: 'replace', path: '/metadata/managedFields', value: moved },
    ];
  });
}

/**
 * The managedFields after the move, pure.
 *
 * An Update entry of our own name is moved as well: it stems from a time before we applied.
 * @returns `undefined` when there is nothing to move.
 */
export function movedFields(fields: readonly ManagedFields[], from: readonly string[], to: string): ManagedFields[] | undefined {
  const isOld = ({ manager = '', operation }: ManagedFields): boolean =>
    (from.includes(manager) && manager !== to) || (manager === to && operation === 'Update');
  const old = fields.filter(isOld);
  if (old.length === 0) return undefined;
  const kept = fields.filter((entry) => !isOld(entry));
  for (const entry of old) mergeInto(kept, entry, to);
  return kept;
}

function mergeInto(kept: ManagedFields[], entry: ManagedFields, to: string): void {
  const subresource = entry.subresource ?? '';
  const index = kept.findIndex((other) => other.manager === to && other.operation === 'Apply' && (other.subresource ?? '') === subresource);
  const fieldsV1 = withoutFinalizers(entry.fieldsV1 ?? {});
  const ours = kept[index];
  if (ours === undefined) kept.push({ ...entry, manager: to, operation: 'Apply', fieldsV1 });
  else kept[index] = { ...ours, fieldsV1: union(ours.fieldsV1 ?? {}, fieldsV1) };
}

function withoutFinalizers(fields: FieldSet): FieldSet {
  const metadata = fields['f:metadata'];
  if (typeof metadata !== 'object' || metadata === null) return fields;
  const { 'f:finalizers': _, ...rest } = metadata as FieldSet;
  return { ...fields, 'f:metadata': rest };
}

function union(a: FieldSet, b: FieldSet): FieldSet {
  const both: FieldSet = { ...a };
  for (const [name, value] of Object.entries(b)) both[name] = name in a ? union(a[name] as FieldSet, value as FieldSet) : value;
  return both;
}
