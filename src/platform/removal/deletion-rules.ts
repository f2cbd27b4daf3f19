/**
 * Whether an object may be deleted at all.
 *
 * Owns: the rules, from the live object alone. Never: deletes. Invariant: pure; in doubt the object stays.
 */
import type { KubernetesObject } from '../../framework';
import { entriesOf } from '../baseline/ownership';
import { ADOPTED_LABEL_VALUES, MANAGED_BY, MANAGED_BY_LABEL, MODE_ANNOTATION, OLDER_MANAGERS, PAUSED_ANNOTATION } from '../keys';
import { groupOf } from '../overrides/sensitive-kinds';

export type KeptBecause =
  /** Its label is missing, or somebody else's. */
  | 'NotLabelled'
  /** Neither we nor an older operator ever wrote to it. */
  | 'NeverOurs'
  | 'Unmanaged'
  | 'Paused'
  /** Of a kind that is never deleted: its loss takes more with it than we put there. */
  | 'ProtectedKind';

const PROTECTED = new Set([
  '/Namespace',
  'apiextensions.k8s.io/CustomResourceDefinition',
  'hco.kubevirt.io/HyperConverged',
  'kubevirt.io/KubeVirt',
]);

/** @param live read from the API server, with its managedFields. @returns `undefined` = it may be deleted. */
export function keptBecause(live: KubernetesObject): KeptBecause | undefined {
  if (isProtectedKind(live)) return 'ProtectedKind';
  if (!isLabelledOurs(live)) return 'NotLabelled';
  const managers = entriesOf(live).map(({ manager }) => manager);
  if (!managers.some((manager) => manager === MANAGED_BY || OLDER_MANAGERS.includes(manager ?? ''))) return 'NeverOurs';
  if (isUnmanaged(live)) return 'Unmanaged';
  return live.metadata?.annotations?.[PAUSED_ANNOTATION] === 'true' ? 'Paused' : undefined;
}

export function isProtectedKind({ apiVersion = '', kind }: KubernetesObject): boolean {
  return PROTECTED.has(`${groupOf(apiVersion)}/${kind}`);
}

export function isLabelledOurs({ metadata }: KubernetesObject): boolean {
  return ADOPTED_LABEL_VALUES.includes(metadata?.labels?.[MANAGED_BY_LABEL] ?? '');
}

export function isUnmanaged({ metadata }: KubernetesObject): boolean {
  return metadata?.annotations?.[MODE_ANNOTATION]?.trim() === 'unmanaged';
}
