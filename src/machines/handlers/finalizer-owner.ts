/**
 * Who put the finalizer of Machines on one: operators of other providers use one of the same name.
 *
 * Owns: reading that from the managed fields of the object as it is on the server; caches keep none.
 */
import { type KubeClient, keyOf } from '../../framework';
import { MACHINE_FINALIZER } from '../keys';
import { Machine } from '../kinds';

interface Fields {
  readonly 'f:metadata'?: { readonly 'f:finalizers'?: Readonly<Record<string, unknown>> };
}

/** @returns false also when the Machine is gone. */
export async function isFinalizerOurs(client: KubeClient, machine: Machine, signal: AbortSignal): Promise<boolean> {
  const live = await client.find(Machine, keyOf(machine), { signal });
  if (live === undefined || live.metadata?.uid !== machine.metadata?.uid) return false;
  const entries = (live.metadata?.managedFields ?? []) as readonly { readonly manager?: string; readonly fieldsV1?: Fields }[];
  const field = `v:${JSON.stringify(MACHINE_FINALIZER)}`;
  return entries.some(
    ({ manager, fieldsV1 }) => manager === client.fieldManager && fieldsV1?.['f:metadata']?.['f:finalizers']?.[field] !== undefined,
  );
}
