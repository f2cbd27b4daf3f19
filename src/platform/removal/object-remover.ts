/**
 * Deletes one object, if it is certainly ours and nobody said that it stays.
 *
 * Expected flow: read -> rules -> rollout gate -> pace -> delete with UID and version -> gone.
 * Guarantees: another object of the same name, or one that changed since it was read, is never deleted; at most two deletions a second.
 * Assumptions: the caller decided that the object is not wanted.
 * Caveats: an object with finalizers is gone only when their owners let it go.
 * Errors: what the API server answered; 404 is success.
 */
import { type Clock, isOperatorError, type Kind, type KubeClient, type KubernetesObject, type ObjectKey, splitKey } from '../../framework';
import type { RolloutGate } from '../baseline/ports';
import { type KeptBecause, keptBecause } from './deletion-rules';

const PACE_MS = 500;
const ATTEMPTS = 5;

export interface RemovalTarget {
  readonly kind: Kind;
  readonly key: ObjectKey;
  /** For the rollout gate; absent for kinds that reboot no node. */
  readonly nodeLevelPosition?: number;
}

export type Removal =
  | { readonly kind: 'removed'; readonly object: KubernetesObject }
  | { readonly kind: 'gone' }
  /** Being deleted, by us or somebody else. */
  | { readonly kind: 'terminating'; readonly object: KubernetesObject }
  | { readonly kind: 'kept'; readonly why: KeptBecause; readonly object: KubernetesObject }
  | { readonly kind: 'waiting'; readonly reason: string; readonly pool: string; readonly object: KubernetesObject }
  /** Too many in too short a time. */
  | { readonly kind: 'later'; readonly afterMs: number };

export interface ObjectRemoverOptions {
  readonly clock: Clock;
  readonly gate: Pick<RolloutGate, 'admit' | 'wrote' | 'ended'>;
}

export class ObjectRemover {
  private nextMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: ObjectRemoverOptions) {}

  async remove(client: Pick<KubeClient, 'find' | 'delete'>, target: RemovalTarget): Promise<Removal> {
    let removal: Removal | undefined;
    try {
      removal = await this.attempts(client, target);
      return removal;
    } finally {
      // Whoever neither waits nor was deleted lets others go.
      if (target.nodeLevelPosition !== undefined && removal?.kind !== 'waiting') this.options.gate.ended(named(target));
    }
  }

  private async attempts(client: Pick<KubeClient, 'find' | 'delete'>, target: RemovalTarget): Promise<Removal> {
    for (let attempt = 1; ; attempt++) {
      const live = await client.find(target.kind, target.key);
      const verdict = this.judge(live, target);
      if (verdict !== undefined) return verdict;
      try {
        return await this.delete(client, target, live!);
      } catch (error) {
        // It changed between reading and deleting: perhaps in a way that spares it.
        if (!isOperatorError(error, 'CONFLICT') || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** @returns `undefined` = delete it. */
  private judge(live: KubernetesObject | undefined, { nodeLevelPosition }: RemovalTarget): Removal | undefined {
    if (live === undefined) return { kind: 'gone' };
    if (live.metadata?.deletionTimestamp !== undefined) return { kind: 'terminating', object: live };
    const why = keptBecause(live);
    if (why !== undefined) return { kind: 'kept', why, object: live };
    const afterMs = this.nextMs - this.options.clock.monotonicMs();
    if (afterMs > 0) return { kind: 'later', afterMs };
    if (nodeLevelPosition === undefined) return undefined;
    const answer = this.options.gate.admit(live, live, nodeLevelPosition);
    return answer.open ? undefined : { kind: 'waiting', reason: answer.reason, pool: answer.pool, object: live };
  }

  private async delete(
    client: Pick<KubeClient, 'delete'>,
    { kind, key, nodeLevelPosition }: RemovalTarget,
    live: KubernetesObject,
  ): Promise<Removal> {
    const { uid = '', resourceVersion } = live.metadata ?? {};
    this.nextMs = this.options.clock.monotonicMs() + PACE_MS;
    const result = await client.delete(kind, key, { uid, resourceVersion });
    if (result === 'gone') return { kind: 'gone' };
    if (nodeLevelPosition !== undefined) this.options.gate.wrote(live);
    return { kind: 'removed', object: live };
  }
}

function named({ kind, key }: RemovalTarget): KubernetesObject {
  return { kind: kind.kind, metadata: splitKey(key) };
}
