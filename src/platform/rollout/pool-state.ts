/**
 * What a MachineConfigPool says about itself, and which objects concern it.
 *
 * Owns: reading pools. Never: changes, pauses or labels one. Invariant: pure.
 */
import type { KubernetesObject } from '../../framework';
import { isJsonMap, type Json, type JsonMap } from '../json';
import { selects } from './label-selector';

export type PoolTrouble = 'PoolPaused' | 'PoolDegraded' | 'PoolUpdating';

const DEGRADED = ['Degraded', 'NodeDegraded', 'RenderDegraded'];

/** Why nothing may be written that concerns the pool; `undefined` = it is clear. */
export function troubleOf(pool: KubernetesObject): PoolTrouble | undefined {
  const { spec, status } = partsOf(pool);
  if (spec['paused'] === true) return 'PoolPaused';
  if (DEGRADED.some((type) => condition(status, type) === 'True')) return 'PoolDegraded';
  return isUpdating(pool) || !isUpToDate(pool) ? 'PoolUpdating' : undefined;
}

export function isUpdating(pool: KubernetesObject): boolean {
  return condition(partsOf(pool).status, 'Updating') === 'True';
}

function isUpToDate(pool: KubernetesObject): boolean {
  const { status } = partsOf(pool);
  if (condition(status, 'Updated') === 'False') return false;
  if (number(status['observedGeneration']) < (pool.metadata?.generation ?? 0)) return false;
  return number(status['updatedMachineCount']) >= number(status['machineCount']);
}

/** Names of the pools that a MachineConfig or KubeletConfig concerns. */
export function poolsOf(object: KubernetesObject, pools: readonly KubernetesObject[]): readonly string[] {
  return pools.filter((pool) => isConcerned(pool, object)).map(({ metadata }) => metadata?.name ?? '');
}

function isConcerned(pool: KubernetesObject, object: KubernetesObject): boolean {
  if (object.kind === 'KubeletConfig') return selects(partsOf(object).spec['machineConfigPoolSelector'], pool.metadata?.labels ?? {});
  return selects(partsOf(pool).spec['machineConfigSelector'], object.metadata?.labels ?? {});
}

function partsOf(object: KubernetesObject): { readonly spec: JsonMap; readonly status: JsonMap } {
  const { spec, status } = object as { spec?: Json; status?: Json };
  return { spec: isJsonMap(spec) ? spec : {}, status: isJsonMap(status) ? status : {} };
}

function condition(status: JsonMap, type: string): string | undefined {
  const conditions: Json = status['conditions'] ?? [];
  const found = Array.isArray(conditions)
    ? (conditions as readonly Json[]).find((one) => isJsonMap(one) && one['type'] === type)
    : undefined;
  return isJsonMap(found) ? String(found['status']) : undefined;
}

function number(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0;
}
