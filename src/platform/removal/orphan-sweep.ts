/**
 * Looks for objects that are left behind, tells of them, and deletes those that are to go; what was set in objects of others is taken back.
 *
 * Expected flow: everything known -> orphans -> told -> those to be deleted, one after another in reverse order of the catalog -> told.
 * Guarantees: nothing is deleted before every labelled object and the anchor are known, nor while an older operator works, nor while the list
 * of what is active has a name that is none, nor within half a minute after the anchor went; one that cannot be deleted holds up no other.
 * Assumptions: only the leader sweeps, one sweep at a time.
 * Caveats: at most two deletions a second, so a sweep asks to be repeated.
 * Errors: none; a deletion that failed is told, and tried again.
 */
import type { Clock, Kind, KubeClient, KubernetesObject, Logger } from '../../framework';
import { keyOf } from '../../framework';
import { failureOf } from '../baseline/failures';
import type { RunEvents } from '../baseline/ports';
import type { ContextState } from '../context/context-state';
import type { PlatformMetrics } from '../observability/platform-metrics';
import type { RemovalPolicy } from '../observability/status-writer';
import type { ObjectRemover, Removal } from './object-remover';
import { idOf, type Orphan, type OrphanInput, orphansOf, orphansToDelete } from './orphans';

const RETRY_MS = 30_000;
/** A right is granted by people. */
const FORBIDDEN_MS = 5 * 60_000;
const ROLLOUT_LOOK_MS = 30_000;
/** An anchor may be re-created, and an API server that has just started may know of none. */
const ANCHORLESS_MS = 30_000;
const MAX_NAMES = 10;

export type SweepClient = Pick<KubeClient, 'find' | 'delete' | 'patch'>;

export interface OrphanSweepParts {
  /** Everything that decides on it; `undefined` while not every labelled object is known. */
  readonly known: () => OrphanInput | undefined;
  readonly state: () => ContextState | undefined;
  readonly policy: () => RemovalPolicy;
  readonly kindOf: (object: KubernetesObject) => Kind | undefined;
  readonly isNodeLevel: (object: KubernetesObject) => boolean;
  readonly remover: ObjectRemover;
  /** Takes back what was set in objects of others. @returns milliseconds until it has to be tried again. */
  readonly undo: (
    client: SweepClient,
    rules: { readonly policy: RemovalPolicy; readonly isActive: boolean },
  ) => Promise<number | undefined>;
  readonly events: RunEvents & { settled(reason: 'OrphansPresent', key: string): void };
  readonly metrics: Pick<PlatformMetrics, 'orphans'>;
  readonly log: Logger;
  readonly clock: Clock;
}

const KEY = 'orphans';

export class OrphanSweep {
  private present: readonly string[] = [];
  /** Monotonic milliseconds; `undefined` while there is an anchor. */
  private anchorlessMs: number | undefined;

  constructor(private readonly parts: OrphanSweepParts) {}

  /** `group/Kind/namespace/name` of what is left behind. */
  get orphans(): readonly string[] {
    return this.present;
  }

  /** @returns milliseconds after which to look again without a cause. */
  async run(client: SweepClient): Promise<number | undefined> {
    const { state: stateOf, known: knownOf, policy } = this.parts;
    const state = stateOf();
    const known = knownOf();
    if (state === undefined || known === undefined || state.anchor.kind === 'unknown' || state.olderOperator !== undefined)
      return undefined;
    const orphans = orphansOf(known);
    const waitMs = this.anchorWaitMs(state);
    const isHeld = waitMs > 0 || state.activation.unknownNames.length > 0;
    const rules = { policy: policy(), isActive: state.activation.active };
    const doomed = isHeld ? [] : orphansToDelete({ orphans, ...rules });
    const removed = new Set<Orphan>();
    let againMs = waitMs > 0 ? waitMs : isHeld ? undefined : await this.parts.undo(client, rules);
    for (const orphan of doomed) {
      const { isGone, afterMs, isEnough } = await this.remove(client, orphan);
      if (isGone) removed.add(orphan);
      if (afterMs !== undefined) againMs = Math.min(againMs ?? afterMs, afterMs);
      if (isEnough) break;
    }
    this.tell(orphans.filter((orphan) => !removed.has(orphan)));
    return againMs;
  }

  /** Another process leads. */
  forget(): void {
    this.present = [];
    this.anchorlessMs = undefined;
  }

  /** How long deletions have to wait because there has been no anchor for a short time only. */
  private anchorWaitMs({ anchor }: ContextState): number {
    const nowMs = this.parts.clock.monotonicMs();
    this.anchorlessMs = anchor.kind === 'none' ? (this.anchorlessMs ?? nowMs) : undefined;
    return this.anchorlessMs === undefined ? 0 : Math.max(0, this.anchorlessMs + ANCHORLESS_MS - nowMs);
  }

  private async remove(
    client: Pick<KubeClient, 'find' | 'delete'>,
    { object, identity, position = 0 }: Orphan,
  ): Promise<{ isGone: boolean; afterMs?: number; isEnough?: boolean }> {
    const { remover, kindOf, isNodeLevel, events, log } = this.parts;
    const kind = kindOf(object);
    // With its definition every object of a kind goes.
    if (kind === undefined) return { isGone: true };
    const target = { kind, key: keyOf(object), ...(isNodeLevel(object) ? { nodeLevelPosition: position } : {}) };
    try {
      return this.outcomeOf(await remover.remove(client, target), object, idOf(identity));
    } catch (error) {
      log.warn('an object that is left behind cannot be deleted', { kind: kind.id, key: target.key, error });
      const { status, message } = failureOf(error, 'apply');
      const isForbidden = status === 'Forbidden';
      const said = `${kind.kind} ${target.key} cannot be deleted: ${message}`;
      events.warning(isForbidden ? 'Forbidden' : 'ApplyFailed', idOf(identity), said, { object, cause: 'deletion' });
      return { isGone: false, afterMs: isForbidden ? FORBIDDEN_MS : RETRY_MS };
    }
  }

  private outcomeOf(removal: Removal, object: KubernetesObject, key: string): { isGone: boolean; afterMs?: number; isEnough?: boolean } {
    const { events } = this.parts;
    const name = `${object.kind} ${keyOf(object)}`;
    switch (removal.kind) {
      case 'removed':
        events.normal('ResourceRemoved', key, `${name} was deleted, because it is not wanted any more`, { object: removal.object });
        return { isGone: true };
      case 'gone':
        return { isGone: true };
      case 'waiting': {
        const message = `${name} is to be deleted and waits: ${removal.reason}${removal.pool === '' ? '' : ` of pool ${removal.pool}`}`;
        events.normal('RolloutPending', key, message, { object, cause: `${removal.reason} ${removal.pool}` });
        return { isGone: false, afterMs: ROLLOUT_LOOK_MS };
      }
      case 'later':
        return { isGone: false, afterMs: removal.afterMs, isEnough: true };
      case 'kept':
      case 'terminating':
        return { isGone: false };
    }
  }

  private tell(orphans: readonly Orphan[]): void {
    const { events, metrics } = this.parts;
    const names = orphans.map(({ identity }) => idOf(identity)).sort();
    this.present = names;
    metrics.orphans(orphans.map(({ identity: { kind, name, namespace } }) => ({ kind, name, namespace })));
    if (names.length === 0) {
      events.settled('OrphansPresent', KEY);
      return;
    }
    const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
    const message = `${names.length} objects are left behind that nothing looks after: ${names.slice(0, MAX_NAMES).join(', ')}${more}`;
    events.warning('OrphansPresent', KEY, message, { cause: names.join() });
  }
}
