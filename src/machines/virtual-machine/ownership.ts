/**
 * Whose an object on a cluster is, as far as one Machine is concerned.
 *
 * Owns: the marks that are put on objects and the table that reads them. Never: touches an object.
 * Invariant: nothing is deleted or overwritten that this table does not call Own or Legacy.
 */
import type { KubernetesObject } from '../../framework';
import {
  ADOPT_ANNOTATION,
  MACHINE_NAME_ANNOTATION,
  MACHINE_NAMESPACE_ANNOTATION,
  MACHINE_UID_ANNOTATION,
  MANAGED_BY_LABELS,
  SOURCE_MACHINE_LABELS,
  SUPERVISOR_ID,
} from '../keys';
import { OLDER_MANAGERS } from './marks';
import { sourceMachineLabel } from './names';

export type OwnershipClass = 'Own' | 'Legacy' | 'Predecessor' | 'Unmarked' | 'Sibling' | 'Foreign';

/** The Machine an object is judged for. */
export interface OwnerIdentity {
  readonly supervisorId: string;
  /** Value of the managed-by labels. */
  readonly managedBy: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface Marks {
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
}

const OWNER_ANNOTATIONS = [SUPERVISOR_ID, MACHINE_NAMESPACE_ANNOTATION, MACHINE_NAME_ANNOTATION, MACHINE_UID_ANNOTATION];

/** Labels and annotations of every remote object of a Machine. */
export function marksOf({ supervisorId, managedBy, namespace, name, uid }: OwnerIdentity): Marks {
  return {
    labels: { ...labelsOf({ managedBy, namespace, name }), [SUPERVISOR_ID]: supervisorId },
    annotations: {
      [SUPERVISOR_ID]: supervisorId,
      [MACHINE_NAMESPACE_ANNOTATION]: namespace,
      [MACHINE_NAME_ANNOTATION]: name,
      [MACHINE_UID_ANNOTATION]: uid,
    },
  };
}

/** The labels that objects of a Machine carry wherever they are. */
export function labelsOf({ managedBy, namespace, name }: Pick<OwnerIdentity, 'managedBy' | 'namespace' | 'name'>): Record<string, string> {
  return { ...managedByLabels(managedBy), ...bothForms(SOURCE_MACHINE_LABELS, sourceMachineLabel(namespace, name)) };
}

export function managedByLabels(managedBy: string): Record<string, string> {
  return bothForms(MANAGED_BY_LABELS, managedBy);
}

function bothForms(keys: readonly string[], value: string): Record<string, string> {
  return Object.fromEntries(keys.map((key) => [key, value]));
}

/** The first row that fits. */
export function ownershipOf({ metadata = {} }: KubernetesObject, owner: OwnerIdentity): OwnershipClass {
  const { labels = {}, annotations = {} } = metadata;
  if (OWNER_ANNOTATIONS.every((key) => annotations[key] === undefined)) return unannotated(labels, owner);
  if (annotations[SUPERVISOR_ID] !== owner.supervisorId) return 'Foreign';
  const { [MACHINE_NAMESPACE_ANNOTATION]: namespace, [MACHINE_NAME_ANNOTATION]: name, [MACHINE_UID_ANNOTATION]: uid } = annotations;
  if (namespace === undefined || name === undefined || uid === undefined) return 'Foreign';
  if (namespace !== owner.namespace || name !== owner.name) return 'Sibling';
  return uid === owner.uid ? 'Own' : 'Predecessor';
}

function unannotated(labels: Record<string, string>, { managedBy, namespace, name }: OwnerIdentity): OwnershipClass {
  if (isUnlabelled(labels)) return labels[SUPERVISOR_ID] === undefined ? 'Unmarked' : 'Foreign';
  return isLabelled(labels, { managedBy, namespace, name }) ? 'Legacy' : 'Foreign';
}

/** Labels of ours or of the older operator that name the Machine. */
export function isLabelled(
  labels: Record<string, string>,
  { managedBy, namespace, name }: Omit<OwnerIdentity, 'supervisorId' | 'uid'>,
): boolean {
  const ours = [managedBy, ...OLDER_MANAGERS];
  const isManaged = MANAGED_BY_LABELS.some((key) => labels[key] !== undefined && ours.includes(labels[key]));
  const names = [name, sourceMachineLabel(namespace, name)];
  return isManaged && SOURCE_MACHINE_LABELS.some((key) => labels[key] !== undefined && names.includes(labels[key]));
}

/** Neither a managed-by nor a source-machine label. */
export function isUnlabelled(labels: Record<string, string>): boolean {
  return [...MANAGED_BY_LABELS, ...SOURCE_MACHINE_LABELS].every((key) => labels[key] === undefined);
}

/** What may be done with an object of a class. */
export type OwnershipVerdict = 'manage' | 'adopt' | 'leave' | 'refuse';

/** @param mayAdopt the Machine carries `vitistack.io/adopt: "true"`. */
export function verdictOf(ownership: OwnershipClass, mayAdopt: boolean): OwnershipVerdict {
  switch (ownership) {
    case 'Own':
      return 'manage';
    case 'Legacy':
      return 'adopt';
    case 'Sibling':
      return 'leave';
    case 'Foreign':
      return 'refuse';
    default:
      return mayAdopt ? 'adopt' : 'refuse';
  }
}

export function isDeletable(ownership: OwnershipClass): boolean {
  return ownership === 'Own' || ownership === 'Legacy';
}

/** Why an object is refused, and what can be done about it. */
export interface Refusal {
  readonly why: string;
  /** A sentence of its own, for an object that the user may hand over. */
  readonly remedy: string | undefined;
}

const TO_ADOPT = `To adopt it set annotation ${ADOPT_ANNOTATION}: "true"`;

export function refusalOf({ metadata = {} }: KubernetesObject, ownership: OwnershipClass): Refusal {
  if (ownership === 'Unmarked') return { why: 'no owner marks', remedy: TO_ADOPT };
  if (ownership === 'Predecessor') return { why: 'left by an earlier Machine of this name', remedy: TO_ADOPT };
  const { labels = {}, annotations = {} } = metadata;
  const manager = firstLabel(labels, MANAGED_BY_LABELS);
  const supervisor = annotations[SUPERVISOR_ID] ?? labels[SUPERVISOR_ID] ?? 'unknown';
  const namespace = annotations[MACHINE_NAMESPACE_ANNOTATION] ?? metadata.namespace ?? 'unknown';
  const name = annotations[MACHINE_NAME_ANNOTATION] ?? firstLabel(labels, SOURCE_MACHINE_LABELS);
  return { why: `owned by ${manager} ${supervisor} ${namespace}/${name}`, remedy: undefined };
}

function firstLabel(labels: Record<string, string>, keys: readonly string[]): string {
  return keys.map((key) => labels[key]).find((value) => value !== undefined) ?? 'unknown';
}

/** What a condition says of a refused object, for example `VirtualMachine team-a/vm-web on cluster east`. */
export function notOwnedText(what: string, object: KubernetesObject, ownership: OwnershipClass): string {
  const { why, remedy } = refusalOf(object, ownership);
  const text = `${what} exists and is not managed by this Machine (${why})`;
  return remedy === undefined ? text : `${text}. ${remedy}`;
}
