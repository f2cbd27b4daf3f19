/**
 * Chooses the object that carries the user's switches.
 *
 * Owns: the decision, from what caches hold. Never: reads anything, or falls back to a KubeVirt where a HyperConverged only happens to be
 * absent: it may just be re-created.
 */
import { type KubernetesObject, keyOf } from '../../framework';

export const HCO_NAME = 'kubevirt-hyperconverged';

/** What is known of a kind that may be the anchor. */
export interface AnchorKindState {
  readonly availability: 'served' | 'absent' | 'unknown';
  /** Every object was listed once. */
  readonly synced: boolean;
  readonly objects: readonly KubernetesObject[];
}

export interface AnchorInput {
  readonly hco: AnchorKindState;
  readonly kubevirt: AnchorKindState;
  readonly operatorNamespace: string;
}

export type AnchorChoice =
  | {
      readonly kind: 'hco' | 'kubevirt';
      readonly object: KubernetesObject /** All of them, when there were several. */;
      readonly rivals: readonly KubernetesObject[];
    }
  /** Nothing is known yet: wait, decide nothing. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'none'; readonly why: NoAnchor; readonly terminating?: KubernetesObject };

export type NoAnchor = 'NoVirtualization' | 'HcoAbsent' | 'KubeVirtAbsent' | 'AnchorTerminating';

export function chooseAnchor({ hco, kubevirt, operatorNamespace }: AnchorInput): AnchorChoice {
  if (hco.availability === 'unknown') return { kind: 'unknown' };
  if (hco.availability === 'served') {
    if (!hco.synced) return { kind: 'unknown' };
    const named = hco.objects.filter(({ metadata }) => metadata?.name === HCO_NAME);
    const own = named.find(({ metadata }) => metadata?.namespace === operatorNamespace);
    return chosen('hco', own === undefined ? named : [own, ...named.filter((one) => one !== own)], own, 'HcoAbsent');
  }
  if (kubevirt.availability === 'unknown') return { kind: 'unknown' };
  if (kubevirt.availability === 'absent') return { kind: 'none', why: 'NoVirtualization' };
  if (!kubevirt.synced) return { kind: 'unknown' };
  return chosen('kubevirt', kubevirt.objects, undefined, 'KubeVirtAbsent');
}

/** The preferred one, else the oldest; one that is being deleted counts as absent, and no other takes its place meanwhile. */
function chosen(
  kind: 'hco' | 'kubevirt',
  candidates: readonly KubernetesObject[],
  preferred: KubernetesObject | undefined,
  absent: NoAnchor,
): AnchorChoice {
  const object = preferred ?? [...candidates].sort(byAge)[0];
  if (object === undefined) return { kind: 'none', why: absent };
  if (object.metadata?.deletionTimestamp !== undefined) return { kind: 'none', why: 'AnchorTerminating', terminating: object };
  // Several KubeVirts are no mistake of the user: the oldest is the anchor, as documented.
  const rivals = kind === 'hco' && candidates.length > 1 ? candidates : [];
  return { kind, object, rivals };
}

/** Oldest first, then by namespace and name. */
function byAge(a: KubernetesObject, b: KubernetesObject): number {
  const created = ({ metadata }: KubernetesObject): string => metadata?.creationTimestamp ?? '';
  return compare(created(a), created(b)) || compare(keyOf(a), keyOf(b));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
