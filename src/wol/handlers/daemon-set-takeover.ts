/**
 * Takes over a DaemonSet that an older operator wrote.
 *
 * Expected flow: read with its managers -> pod template replaced as a whole -> its fields become ours -> the caller applies, which
 * leaves the mark that it is ours.
 * Guarantees: nothing of the old template survives that is not asked for; killed at any point, the next pass begins again.
 * Assumptions: the caller has checked that it may be taken over.
 * Errors: ConflictError when somebody writes meanwhile; retried by the queue.
 */
import { DaemonSet, type KubeClient, keyOf } from '../../framework';

interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly fieldsV1?: Readonly<Record<string, unknown>>;
}

/** @returns it as it is now; `undefined` when it is ours already and has merely lost its mark, or is gone. */
export async function takeOver(client: KubeClient, live: DaemonSet, desired: DaemonSet): Promise<DaemonSet | undefined> {
  const whole = await client.find(DaemonSet, keyOf(live));
  if (whole === undefined || whole.metadata?.uid !== live.metadata?.uid) return undefined;
  if (managersOf(whole).some(({ manager, operation }) => manager === client.fieldManager && operation === 'Apply')) return undefined;
  const { template, updateStrategy } = desired.spec ?? {};
  const replaced = await client.replace(DaemonSet, { ...whole, spec: { ...whole.spec, template, updateStrategy } });
  return client.migrateFieldManager(DaemonSet, replaced, specWriters(replaced));
}

/** Who labels or annotates it keeps what is theirs. */
function specWriters(daemonSet: DaemonSet): string[] {
  const writers = managersOf(daemonSet).filter(({ operation, fieldsV1 = {} }) => operation === 'Update' && 'f:spec' in fieldsV1);
  return writers.flatMap(({ manager }) => manager ?? []);
}

function managersOf({ metadata }: DaemonSet): ManagedFields[] {
  const entries = (metadata?.managedFields ?? []) as ManagedFields[];
  return entries.filter(({ subresource = '' }) => subresource === '');
}
