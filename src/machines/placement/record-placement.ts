/**
 * Writes a placement down, in four steps of which each may be repeated.
 *
 * Expected flow: Machine finalizer -> KubevirtConfig finalizer and cluster id -> record in the status -> annotation.
 * Guarantees: a crash between two steps leaves a state from which the next pass goes on to the same end; nothing may be written to a
 * remote cluster before all four are done. Assumptions: the decision was made for this very Machine.
 * Errors: whatever a write throws; the steps after it are not taken.
 */
import { isOperatorError, type Kind, type KubeClient, keyOf, timestampOf } from '../../framework';
import { configOfKey } from '../clusters/cluster-key';
import type { PlacedMachines } from '../clusters/placed-machines';
import { CLUSTER_ID_ANNOTATION, CONFIG_ANNOTATION, CONFIG_FINALIZER, MACHINE_FINALIZER } from '../keys';
import { KubevirtConfig, Machine } from '../kinds';
import type { PlacementRule } from './placement-rules';
import { providerIdOf, recordOf } from './recorded-placement';

/** A test that fails means that somebody else wrote; who loses more often than this waits for his turn. */
const MAX_TRIES = 5;

export interface RecordOptions {
  /** Of the supervisor, on behalf of the pass. */
  readonly client: KubeClient;
  readonly machine: Machine;
  readonly key: string;
  readonly rule: PlacementRule;
  /** As the cache has it; `undefined` = it is gone, which a recorded placement outlives. */
  readonly config: KubevirtConfig | undefined;
  /** UID of the cluster's namespace kube-system; `undefined` = it was not contacted yet, or is not accepted. */
  readonly clusterId: string | undefined;
  /** Whether the CRD keeps status.kubevirtConfigRef. */
  readonly keepsRecord: boolean;
  /** Name of the virtual machine, for the record of a CRD that does not. */
  readonly vm: string;
  readonly placed: PlacedMachines;
  readonly signal?: AbortSignal | undefined;
}

/** @returns the Machine with everything written; `undefined` when it, or the config, went away meanwhile. */
export async function recordPlacement(options: RecordOptions): Promise<Machine | undefined> {
  const { client, placed, key, signal } = options;
  const end = placed.begin(key, options.machine);
  try {
    const held = await client.addFinalizer(Machine, options.machine, MACHINE_FINALIZER, { signal });
    if (held?.metadata?.finalizers?.includes(MACHINE_FINALIZER) !== true) return undefined;
    if (!(await holdConfig(options))) return undefined;
    const recorded = await writeRecord(options, held);
    return recorded === undefined ? undefined : await writeAnnotation(options, recorded);
  } finally {
    end();
  }
}

/** @returns false when the config is gone or going, and nothing may be placed there any more. */
async function holdConfig({ client, config, clusterId, rule, signal }: RecordOptions): Promise<boolean> {
  if (config === undefined) return rule === 'Recorded';
  const held = await client.addFinalizer(KubevirtConfig, config, CONFIG_FINALIZER, { signal });
  if (held === undefined || !(held.metadata?.finalizers?.includes(CONFIG_FINALIZER) === true)) return rule === 'Recorded';
  if (clusterId !== undefined && held.metadata?.annotations?.[CLUSTER_ID_ANNOTATION] === undefined) {
    await annotate(client, KubevirtConfig, held, CLUSTER_ID_ANNOTATION, clusterId, signal);
  }
  return true;
}

async function writeRecord(options: RecordOptions, machine: Machine): Promise<Machine | undefined> {
  const { client, key, rule, clusterId, keepsRecord, config, vm, signal } = options;
  if (!keepsRecord) {
    const namespace = machine.metadata?.namespace ?? '';
    if (machine.status?.providerID !== undefined && machine.status.providerID !== '') return machine;
    return client.applyStatus(Machine, machine, { fields: { providerID: providerIdOf(key, namespace, vm) } }, { signal });
  }
  const known = machine.status?.kubevirtConfigRef;
  if (known?.name !== undefined && (clusterId === undefined || known.clusterID === clusterId)) return machine;
  const { name = '', namespace = '' } = config?.metadata ?? configOfKey(key, '');
  const made = recordOf({ namespace, name }, { clusterID: clusterId, rule, placedAt: timestampOf(client.clock.now()) });
  const record = known?.name === undefined ? made : { ...known, ...(clusterId === undefined ? {} : { clusterID: clusterId }) };
  return client.applyStatus(Machine, machine, { fields: { kubevirtConfigRef: record } }, { signal });
}

async function writeAnnotation({ client, key, signal }: RecordOptions, machine: Machine): Promise<Machine | undefined> {
  if ((machine.metadata?.annotations?.[CONFIG_ANNOTATION] ?? '').trim() !== '') return machine;
  return annotate(client, Machine, machine, CONFIG_ANNOTATION, key, signal);
}

/** Another value that came meanwhile is not overwritten. @returns `undefined` when the object is gone. */
async function annotate<T extends Machine | KubevirtConfig>(
  client: KubeClient,
  kind: Kind<T>,
  object: T,
  annotation: string,
  value: string,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  const annotations = '/metadata/annotations';
  const path = `${annotations}/${annotation.replaceAll('/', '~1')}`;
  let live: T | undefined = object;
  for (let attempt = 1; live !== undefined; attempt++) {
    const { uid, annotations: seen } = live.metadata ?? {};
    const known = seen?.[annotation];
    if (uid !== object.metadata?.uid) return undefined;
    if (known !== undefined && known.trim() !== '') return live;
    const operations: Parameters<KubeClient['patch']>[2] = [
      { op: 'test', path: '/metadata/uid', value: uid },
      ...(seen === undefined
        ? [
            { op: 'test' as const, path: annotations, value: null },
            { op: 'add' as const, path: annotations, value: {} },
          ]
        : [{ op: 'test' as const, path, value: known ?? null }]),
      { op: 'add', path, value },
    ];
    try {
      return await client.patch(kind, keyOf(object), operations, { signal });
    } catch (error) {
      const isFailedTest = isOperatorError(error, 'INVALID') || isOperatorError(error, 'CONFLICT');
      if (!isFailedTest || attempt === MAX_TRIES) throw error;
    }
    live = await client.find(kind, keyOf(object), { signal });
  }
  return undefined;
}
