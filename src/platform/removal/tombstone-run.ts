/**
 * Deletes one object of an earlier version of the catalog.
 *
 * Owns: one tombstone at a time, with the four outcomes that its metric shows. Never: touches an object that is not labelled as ours, or
 * that is unmanaged. Invariant: a failure concerns this tombstone alone.
 * Errors: what the API server answered, as the outcome `failed`.
 */
import type { Kind, KubeClient, KubernetesObject, ObjectKey } from '../../framework';
import type { TombstoneFigure } from '../observability/platform-metrics';
import { isLabelledOurs, isProtectedKind, isUnmanaged } from './deletion-rules';

export type TombstoneOutcome =
  | { readonly kind: 'gone' }
  | { readonly kind: 'deleted'; readonly object: KubernetesObject /** Finalizers hold it. */; readonly isHeld: boolean }
  | { readonly kind: 'skipped'; readonly why: string; readonly object: KubernetesObject }
  | { readonly kind: 'failed'; readonly error: unknown; readonly object: KubernetesObject | undefined };

/** @param kind `undefined` = not served. */
export async function runTombstone(
  client: Pick<KubeClient, 'find' | 'delete'>,
  kind: Kind | undefined,
  key: ObjectKey,
): Promise<TombstoneOutcome> {
  if (kind === undefined) return { kind: 'gone' };
  let live: KubernetesObject | undefined;
  try {
    live = await client.find(kind, key);
    if (live === undefined) return { kind: 'gone' };
    const why = skippedBecause(live);
    if (why !== undefined) return { kind: 'skipped', why, object: live };
    if (live.metadata?.deletionTimestamp !== undefined) return { kind: 'deleted', object: live, isHeld: true };
    const result = await client.delete(kind, key, { uid: live.metadata?.uid ?? '' });
    return result === 'gone' ? { kind: 'gone' } : { kind: 'deleted', object: live, isHeld: result === 'deleting' };
  } catch (error) {
    return { kind: 'failed', error, object: live };
  }
}

export function figureOf(outcome: TombstoneOutcome): TombstoneFigure {
  if (outcome.kind === 'failed') return -1;
  if (outcome.kind === 'skipped') return -2;
  return outcome.kind === 'deleted' && outcome.isHeld ? 1 : 0;
}

function skippedBecause(live: KubernetesObject): string | undefined {
  if (!isLabelledOurs(live)) return 'it does not carry our label';
  if (isUnmanaged(live)) return 'its annotation says that it is unmanaged';
  return isProtectedKind(live) ? 'objects of this kind are never deleted' : undefined;
}
