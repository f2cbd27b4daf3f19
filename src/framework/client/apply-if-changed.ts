/**
 * Server-side apply that a steady cluster does not notice.
 *
 * Expected flow: memo -> nothing to do; else desired not in the live object -> apply; else a dry run decides.
 * Guarantees: equal state costs no write, and no request once known; an object that is not provably ours is never touched.
 * Assumptions: a live object given or cached is complete; the server fills in the rest.
 * Caveats: fields dropped from the desired state go only if our field manager owns them; see migrateFieldManager.
 * Errors: NotOursError; ApplyConflictError without force; PermanentError for an owner that cannot own the child.
 */
import { isDeepStrictEqual } from 'node:util';
import { ApiError } from '../errors/api-error';
import { NotOursError, PermanentError } from '../errors/handler-errors';
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, keyOf, type OwnerReference } from '../kinds/object';
import { type ApplyMemo, hashOf } from './apply-memo';
import type { CallOptions } from './client-options';
import { comparable, contains, hasMetadataOf } from './containment';
import type { KubeClient } from './kube-client';
import { MANAGED_BY_LABEL } from './provenance';

export interface ApplyIfChangedOptions<T extends KubernetesObject = KubernetesObject> extends CallOptions {
  /** Take fields from other owners. @default false; true for children */
  force?: boolean;
  fieldManager?: string;
  /** The object as it is now; `absent` when it is known not to exist. @default from the cache, else read */
  live?: T | 'absent';
}

export interface ApplyChildOptions<T extends KubernetesObject = KubernetesObject> extends Omit<ApplyIfChangedOptions<T>, 'force'> {
  /** Cluster the owner lives in; owner references never cross clusters. @default that of the client */
  ownerCluster?: string;
}

export interface AppliedObject<T extends KubernetesObject> {
  /** The object after the call. */
  readonly object: T;
  /** The server changed something. */
  readonly changed: boolean;
}

export async function applyIfChanged<T extends KubernetesObject>(
  client: KubeClient,
  memo: ApplyMemo,
  kind: Kind<T>,
  desired: KubernetesObject,
  options: ApplyIfChangedOptions<T>,
): Promise<AppliedObject<T>> {
  const { fieldManager = client.fieldManager } = options;
  const key = keyOf(desired);
  const live = await client.live(kind, key, options);
  const place = `${kind.id} ${key} ${fieldManager}`;
  const hash = hashOf(desired);
  if (live !== undefined && memo.holds(place, hash, live) && hasMetadataOf(live, desired)) return { object: live, changed: false };

  const applyOptions = { ...options, live: live ?? ('absent' as const) };
  if (live !== undefined && contains(live, desired) && (await isEqualAfter(client, kind, desired, live, applyOptions))) {
    memo.remember(place, hash, live);
    return { object: live, changed: false };
  }
  const object = await client.apply(kind, desired, applyOptions);
  memo.remember(place, hash, object);
  return { object, changed: object.metadata?.resourceVersion !== live?.metadata?.resourceVersion };
}

/** Asks the server what apply would make of it. A webhook with side effects refuses dry runs: then only applying tells. */
async function isEqualAfter<T extends KubernetesObject>(
  client: KubeClient,
  kind: Kind<T>,
  desired: KubernetesObject,
  live: T,
  options: ApplyIfChangedOptions<T>,
): Promise<boolean> {
  try {
    const result = await client.apply(kind, desired, { ...options, dryRun: true });
    return isDeepStrictEqual(comparable(result, desired), comparable(live, desired));
  } catch (error) {
    if (error instanceof ApiError && error.status === 400 && /dry.?run/i.test(error.message)) return false;
    throw error;
  }
}

export async function applyChild<T extends KubernetesObject>(
  client: KubeClient,
  memo: ApplyMemo,
  owner: KubernetesObject,
  kind: Kind<T>,
  desired: KubernetesObject,
  options: ApplyChildOptions<T>,
): Promise<AppliedObject<T>> {
  const { ownerCluster = client.cluster, ...rest } = options;
  checkOwner(owner, ownerCluster, client.cluster, kind as Kind, desired);
  const live = await client.live(kind, keyOf(desired), rest);
  if (live !== undefined && !isOurs(live, owner, [client.managedBy, ...client.adoptedManagers])) {
    throw new NotOursError(kind.kind, keyOf(desired), whoseIs(live));
  }
  const child = ownedBy(owner, desired, client.managedBy);
  return applyIfChanged(client, memo, kind, child, { ...rest, live: live ?? 'absent', force: true });
}

/** Our owner reference or our label: one of them proves that we made it or took it over. */
function isOurs(live: KubernetesObject, owner: KubernetesObject, managers: readonly string[]): boolean {
  const { ownerReferences = [], labels = {} } = live.metadata ?? {};
  if (ownerReferences.some(({ uid }) => uid === owner.metadata?.uid)) return true;
  return managers.includes(labels[MANAGED_BY_LABEL] ?? '');
}

function whoseIs({ metadata }: KubernetesObject): string {
  const manager = metadata?.labels?.[MANAGED_BY_LABEL];
  const controller = metadata?.ownerReferences?.find((reference) => reference.controller === true);
  const label = manager === undefined ? 'no managed-by label' : `managed by "${manager}"`;
  return controller === undefined ? `${label}, no controlling owner` : `${label}, controlled by ${controller.kind} ${controller.name}`;
}

function ownedBy(owner: KubernetesObject, desired: KubernetesObject, managedBy: string): KubernetesObject {
  const reference: OwnerReference = {
    apiVersion: owner.apiVersion!,
    kind: owner.kind!,
    name: owner.metadata!.name!,
    uid: owner.metadata!.uid!,
    controller: true,
    blockOwnerDeletion: true,
  };
  const { ownerReferences = [], labels = {} } = desired.metadata ?? {};
  const others = ownerReferences.filter(({ uid }) => uid !== reference.uid);
  return {
    ...desired,
    metadata: { ...desired.metadata, labels: { ...labels, [MANAGED_BY_LABEL]: managedBy }, ownerReferences: [...others, reference] },
  };
}

/** What the garbage collector demands of an owner; breaking it gets the child deleted. */
function checkOwner(owner: KubernetesObject, ownerCluster: string, cluster: string, kind: Kind, desired: KubernetesObject): void {
  const { uid, name, namespace } = owner.metadata ?? {};
  const child = `${kind.kind} ${keyOf(desired)}`;
  const refuse = (text: string): never => {
    throw new PermanentError(`${child} cannot be owned by ${owner.kind ?? 'object'} ${keyOf(owner)}: ${text}`, { reason: 'InvalidOwner' });
  };
  if (ownerCluster !== cluster) refuse(`the owner lives in cluster ${ownerCluster}, the child in ${cluster}`);
  if (uid === undefined || name === undefined || owner.apiVersion === undefined || owner.kind === undefined) {
    refuse('the owner needs apiVersion, kind, name and uid');
  }
  if (namespace === undefined) return;
  if (kind.scope === 'Cluster') refuse('a namespaced object cannot own a cluster-scoped one');
  if (desired.metadata?.namespace !== namespace) refuse('owner and child must share a namespace');
}
