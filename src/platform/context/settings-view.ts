/**
 * What the anchor says, whatever the version of its API.
 *
 * Owns: the paths of each version; nobody else reads a path of the anchor's spec in code. Invariant: pure; a value of another type than
 * the API's counts as absent.
 */
import type { KubernetesObject } from '../../framework';
import { isJsonMap, type Json, type JsonMap } from '../json';
import type { AnchorSettings } from './asset-context';
import { featureGatesOf } from './feature-gates';

/** Defaults of the HyperConverged API. @source hco.kubevirt.io, LiveMigrationConfigurations and HigherWorkloadDensityConfiguration */
const MIGRATIONS_PER_CLUSTER = 5;
const MIGRATIONS_PER_NODE = 2;
const NO_OVERCOMMIT = 100;

export interface SettingsView {
  readonly settings: AnchorSettings;
  /** For a Warning Event about the anchor. */
  readonly problem?: string;
}

/** @param kind of the anchor; a KubeVirt has gates only. */
export function settingsOf(anchor: KubernetesObject, kind: 'hco' | 'kubevirt'): SettingsView {
  const spec = asMap((anchor as { spec?: Json }).spec);
  const isV1 = kind === 'hco' && anchor.apiVersion === 'hco.kubevirt.io/v1';
  const tuning = isV1 ? asMap(spec['virtualization']) : kind === 'hco' ? spec : {};
  const gates = featureGatesOf(kind === 'hco' ? spec['featureGates'] : at(spec, 'configuration', 'developerConfiguration', 'featureGates'));
  const settings: AnchorSettings = {
    namespace: anchor.metadata?.namespace ?? '',
    apiVersion: anchor.apiVersion ?? '',
    hcoPresent: kind === 'hco',
    gates: gates.gates,
    migrationsPerCluster: whole(at(tuning, 'liveMigrationConfig', 'parallelMigrationsPerCluster')) ?? MIGRATIONS_PER_CLUSTER,
    migrationsPerNode: whole(at(tuning, 'liveMigrationConfig', 'parallelOutboundMigrationsPerNode')) ?? MIGRATIONS_PER_NODE,
    ksmConfigured: Object.keys(asMap(tuning['ksmConfiguration'])).length > 0,
    memoryOvercommit: whole(at(tuning, 'higherWorkloadDensity', 'memoryOvercommitPercentage')) ?? NO_OVERCOMMIT,
  };
  return gates.problem === undefined ? { settings } : { settings, problem: gates.problem };
}

function at(map: JsonMap, ...path: readonly string[]): Json | undefined {
  let value: Json | undefined = map;
  for (const member of path) value = asMap(value)[member];
  return value;
}

function asMap(value: Json | undefined): JsonMap {
  return isJsonMap(value) ? value : {};
}

function whole(value: Json | undefined): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}
