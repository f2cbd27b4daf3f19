/**
 * Taking over a VirtualMachine that exists: by an older operator, or by hand with the Machine's permission.
 *
 * Owns: the one patch that does it. Never: changes what the machine is made of; sizes follow later, with the next change of the spec.
 */
import type { KubernetesObject } from '../../framework';
import { SUPERVISOR_ID } from '../keys';
import { ADOPTED, SPEC_HASH } from './marks';
import { type Marks, marksOf, type OwnerIdentity } from './ownership';

export type PatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

interface Adoptable extends KubernetesObject {
  spec?: { template?: { metadata?: { labels?: Record<string, string> | undefined } | undefined } };
}

/**
 * @param specHash of what the Machine's spec asks for at this moment, so that only a later change of it is applied.
 * @returns operations that fail when the object has changed since it was read.
 */
export function adoptionPatch(vm: Adoptable, owner: OwnerIdentity, specHash: string): readonly PatchOperation[] {
  const marks = marksOf(owner);
  const template = vm.spec?.template;
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: vm.metadata?.resourceVersion },
    ...marking(vm, { labels: marks.labels, annotations: { ...marks.annotations, [ADOPTED]: 'true', [SPEC_HASH]: specHash } }),
    ...(template === undefined ? [] : templateLabels(template.metadata, marks.labels)),
    ...withoutMachineOwner(vm),
  ];
}

/** Marks alone, for objects beside the VirtualMachine. */
export function markingPatch(object: KubernetesObject, marks: Marks): readonly PatchOperation[] {
  return [{ op: 'test', path: '/metadata/resourceVersion', value: object.metadata?.resourceVersion }, ...marking(object, marks)];
}

/** Puts the label on an instance by which informers find it; `undefined` when it is there. */
export function instanceLabelPatch(vmi: KubernetesObject, supervisorId: string): readonly PatchOperation[] | undefined {
  if (vmi.metadata?.labels?.[SUPERVISOR_ID] === supervisorId) return undefined;
  return [
    { op: 'test', path: '/metadata/uid', value: vmi.metadata?.uid },
    ...merged('/metadata/labels', vmi.metadata?.labels, { [SUPERVISOR_ID]: supervisorId }),
  ];
}

function marking({ metadata = {} }: KubernetesObject, { labels, annotations }: Marks): PatchOperation[] {
  return [...merged('/metadata/labels', metadata.labels, labels), ...merged('/metadata/annotations', metadata.annotations, annotations)];
}

function templateLabels(
  metadata: { labels?: Record<string, string> | undefined } | undefined,
  labels: Record<string, string>,
): PatchOperation[] {
  if (metadata === undefined || metadata === null) return [{ op: 'add', path: '/spec/template/metadata', value: { labels } }];
  return merged('/spec/template/metadata/labels', metadata.labels, labels);
}

/** An owner in another cluster is unknown to the remote's garbage collector, which would delete the object for it. */
function withoutMachineOwner({ metadata = {} }: KubernetesObject): PatchOperation[] {
  const owners = metadata.ownerReferences ?? [];
  const kept = owners.filter(({ apiVersion, kind }) => !(kind === 'Machine' && apiVersion.startsWith('vitistack.io/')));
  if (kept.length === owners.length) return [];
  return kept.length === 0
    ? [{ op: 'remove', path: '/metadata/ownerReferences' }]
    : [{ op: 'replace', path: '/metadata/ownerReferences', value: kept }];
}

function merged(path: string, present: Record<string, string> | undefined, wanted: Record<string, string>): PatchOperation[] {
  if (present === undefined || present === null) return [{ op: 'add', path, value: wanted }];
  return Object.entries(wanted)
    .filter(([key, value]) => present[key] !== value)
    .map(([key, value]) => ({ op: 'add' as const, path: `${path}/${key.replace(/~/g, '~0').replace(/\//g, '~1')}`, value }));
}
