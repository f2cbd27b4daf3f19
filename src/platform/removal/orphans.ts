/**
 * Which labelled objects are left behind, and which of them are to be deleted.
 *
 * Owns: both decisions. Never: reads or deletes anything. Invariant: pure; what is not known to be left behind is not.
 */
import type { KubernetesObject } from '../../framework';
import type { Identity } from '../overrides/exclusions';
import { groupOf } from '../overrides/sensitive-kinds';
import { isLabelledOurs, isProtectedKind, isUnmanaged } from './deletion-rules';

/** What is known of one key of the catalog. */
export interface KnownKey {
  /** In the order of the catalog. */
  readonly position: number;
  /** `unknown` while nobody can tell, for example because a condition cannot be evaluated. */
  readonly wanted: 'yes' | 'no' | 'unknown';
  readonly group: string;
  readonly kind: string;
  /** Of the object it renders, or rendered last; `undefined` while it is not known. */
  readonly identity: Identity | undefined;
  readonly onUnwanted: 'keep' | 'delete';
  /** Only manages an object that somebody else created. */
  readonly isCreated: boolean;
}

export interface OrphanInput {
  readonly labelled: Iterable<KubernetesObject>;
  readonly keys: readonly KnownKey[];
  readonly isExcluded: (identity: Identity) => boolean;
  /** Objects that tombstones look after. */
  readonly isTombstone: (identity: Identity) => boolean;
}

export interface Orphan {
  readonly object: KubernetesObject;
  readonly identity: Identity;
  /** Of its key; `undefined` when the catalog does not have it any more. */
  readonly position: number | undefined;
  readonly onUnwanted: 'keep' | 'delete';
}

/** Sorted as they are to be deleted: what the catalog dropped first, then in reverse order of the catalog. */
export function orphansOf({ labelled, keys, isExcluded, isTombstone }: OrphanInput): readonly Orphan[] {
  const byIdentity = new Map<string, KnownKey[]>();
  for (const key of keys) {
    if (key.identity !== undefined) byIdentity.set(idOf(key.identity), [...(byIdentity.get(idOf(key.identity)) ?? []), key]);
  }
  const orphans: Orphan[] = [];
  for (const object of labelled) {
    const identity = identityOf(object);
    if (!isLabelledOurs(object) || isUnmanaged(object) || isProtectedKind(object)) continue;
    if (isTombstone(identity) || isExcluded(identity)) continue;
    const renderers = byIdentity.get(idOf(identity)) ?? [];
    if (renderers.some(({ wanted, isCreated }) => wanted !== 'no' || !isCreated)) continue;
    // Some key of the kind may be about to render just this object.
    if (renderers.length === 0 && keys.some((key) => mayRender(key, identity))) continue;
    // After a restart an object may be known by its kind only.
    const renderer =
      renderers[0] ?? keys.find((key) => key.identity === undefined && key.group === identity.group && key.kind === identity.kind);
    orphans.push({ object, identity, position: renderer?.position, onUnwanted: renderers[0]?.onUnwanted ?? 'keep' });
  }
  return orphans.sort(reversed);
}

export interface DeletionInput {
  readonly orphans: readonly Orphan[];
  readonly policy: 'keep' | 'delete';
  /** The module applies its catalog; otherwise nothing is removed but by the policy. */
  readonly isActive: boolean;
}

export function orphansToDelete({ orphans, policy, isActive }: DeletionInput): readonly Orphan[] {
  return orphans.filter(({ onUnwanted }) => policy === 'delete' || (isActive && onUnwanted === 'delete'));
}

export function identityOf({ apiVersion = '', kind = '', metadata }: KubernetesObject): Identity {
  return { group: groupOf(apiVersion), kind, namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' };
}

/** `group/Kind/namespace/name`. */
export function idOf({ group, kind, namespace, name }: Identity): string {
  return `${group}/${kind}/${namespace}/${name}`;
}

function mayRender({ wanted, identity, group, kind }: KnownKey, object: Identity): boolean {
  return wanted !== 'no' && identity === undefined && group === object.group && kind === object.kind;
}

function reversed(a: Orphan, b: Orphan): number {
  const place = ({ position }: Orphan): number => position ?? Number.MAX_SAFE_INTEGER;
  return place(b) - place(a) || (idOf(a.identity) < idOf(b.identity) ? -1 : 1);
}
