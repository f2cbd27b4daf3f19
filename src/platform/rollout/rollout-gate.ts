/**
 * Decides when an object may be written that makes nodes reboot.
 *
 * Expected flow: `admit` -> closed: wait for a change of a pool, `admit` again -> open -> write -> `wrote` -> the pool settles -> the next.
 * Guarantees: in mode serial one node-level object a pool is on its way, from its admission on, in the order of the catalog; in batch what is pending for a clear
 * pool is written within five seconds, so that the pool makes one rollout of it; a pool is never changed.
 * Assumptions: `observe` is told of every change of a pool; `ended` of every run that does not wait here; one process writes.
 * Caveats: what was written just before a restart is noticed only once its pool says that it is updating.
 * Errors: none.
 */
import type { Clock, KubernetesObject } from '../../framework';
import { isUpdating, type PoolTrouble, poolsOf, troubleOf } from './pool-state';
import type { RolloutMode } from './rollout-mode';

/** A pool that does not begin to update within this time does not have to: nothing of it changed. */
const SETTLE_MS = 60_000;
/** A pool renders what was written within this time into one configuration. @source openshift/machine-config-operator, renderDelay */
const BATCH_MS = 5_000;

export type RolloutReason = PoolTrouble | 'PoolSettling' | 'PoolsUnknown' | 'Manual';

export type RolloutAnswer = { readonly open: true } | { readonly open: false; readonly reason: RolloutReason; readonly pool: string };

export interface RolloutGateOptions {
  readonly clock: Clock;
  /** `undefined` while it is not known which there are; empty where the kind is not served. */
  readonly pools: () => readonly KubernetesObject[] | undefined;
  readonly mode: () => RolloutMode;
  /** Whether every node-level asset before this position has had a run, so that none of them still has to go first. */
  readonly isDecidedBefore: (position: number) => boolean;
}

interface Settling {
  /** Objects that were written. */
  readonly written: Set<string>;
  /** Monotonic milliseconds. */
  firstMs: number;
  lastMs: number;
  sawUpdating: boolean;
}

const OPEN: RolloutAnswer = { open: true };

export class RolloutGate {
  private readonly settling = new Map<string, Settling>();
  /** Objects that were admitted and are being written. */
  private readonly inFlight = new Map<string, { readonly pools: readonly string[]; readonly atMs: number }>();
  /** Objects that were refused last, with their place in the catalog and their pools. */
  private readonly waiting = new Map<string, { readonly position: number; readonly pools: readonly string[] }>();

  constructor(private readonly options: RolloutGateOptions) {}

  /** @param live what is there now; a deletion passes it as `object` too. */
  admit(object: KubernetesObject, live: KubernetesObject | undefined, position: number): RolloutAnswer {
    const id = idOf(object);
    const mode = this.options.mode();
    if (mode === 'immediate') return this.opened(id, []);
    const pools = this.options.pools();
    const concerned = pools === undefined ? [] : affected(object, live, pools);
    const refusal = this.refusal(id, mode, pools, concerned, position);
    if (refusal === undefined) return this.opened(id, concerned);
    this.inFlight.delete(id);
    this.waiting.set(id, { position, pools: concerned });
    return refusal;
  }

  /** Told after a write or deletion of a node-level object. */
  wrote(object: KubernetesObject, before?: KubernetesObject): void {
    const nowMs = this.options.clock.monotonicMs();
    const id = idOf(object);
    this.release(id);
    for (const pool of affected(object, before, this.options.pools() ?? [])) {
      const known = this.settling.get(pool);
      const settling = known ?? { written: new Set<string>(), firstMs: nowMs, lastMs: nowMs, sawUpdating: false };
      settling.written.add(id);
      settling.lastMs = nowMs;
      this.settling.set(pool, settling);
    }
  }

  /**
   * The object's run ended otherwise than by waiting here: nobody has to let it go first.
   * @returns whether somebody may have, so that those who wait should ask again.
   */
  ended(object: KubernetesObject): boolean {
    return this.release(idOf(object));
  }

  /** Told of every state of a pool, so that neither an update nor its end between two questions is missed. */
  observe(pool: KubernetesObject): void {
    const { name = '' } = pool.metadata ?? {};
    const settling = this.settling.get(name);
    if (settling === undefined) return;
    if (isUpdating(pool)) settling.sawUpdating = true;
    else if (settling.sawUpdating && troubleOf(pool) === undefined) this.settling.delete(name);
  }

  /** Milliseconds until a pool has settled by time alone; for looking again. `undefined` when none is settling. */
  get settledInMs(): number | undefined {
    const nowMs = this.options.clock.monotonicMs();
    const left = [...this.settling.values()].filter(({ sawUpdating }) => !sawUpdating).map(({ lastMs }) => lastMs + SETTLE_MS - nowMs);
    return left.length === 0 ? undefined : Math.max(0, Math.min(...left));
  }

  private opened(id: string, pools: readonly string[]): RolloutAnswer {
    this.waiting.delete(id);
    this.inFlight.set(id, { pools, atMs: this.options.clock.monotonicMs() });
    return OPEN;
  }

  private release(id: string): boolean {
    const wasWaiting = this.waiting.delete(id);
    return this.inFlight.delete(id) || wasWaiting;
  }

  private refusal(
    id: string,
    mode: RolloutMode,
    pools: readonly KubernetesObject[] | undefined,
    concerned: readonly string[],
    position: number,
  ): Extract<RolloutAnswer, { open: false }> | undefined {
    if (mode === 'manual') return { open: false, reason: 'Manual', pool: concerned.join(', ') };
    if (pools === undefined) return { open: false, reason: 'PoolsUnknown', pool: '' };
    for (const name of concerned) {
      const pool = pools.find(({ metadata }) => metadata?.name === name)!;
      const reason = this.reasonAgainst(id, mode, pool, name);
      if (reason !== undefined) return { open: false, reason, pool: name };
    }
    if (mode !== 'serial' || concerned.length === 0) return undefined;
    const isTurn = this.options.isDecidedBefore(position) && !this.isAnotherFirst(id, concerned, position);
    return isTurn ? undefined : { open: false, reason: 'PoolSettling', pool: concerned[0]! };
  }

  private reasonAgainst(id: string, mode: RolloutMode, pool: KubernetesObject, name: string): RolloutReason | undefined {
    const trouble = troubleOf(pool);
    const settling = this.settlingOf(pool, name, trouble);
    if (settling === undefined) return trouble;
    // Our own batch is what makes the pool update.
    const isBatch = mode === 'batch' && this.options.clock.monotonicMs() - settling.firstMs < BATCH_MS;
    if (isBatch && (trouble === undefined || trouble === 'PoolUpdating')) return undefined;
    if (trouble !== undefined) return trouble;
    const isAlone = settling.written.size === 1 && settling.written.has(id);
    return isAlone ? undefined : 'PoolSettling';
  }

  /** What was written and has not settled. */
  private settlingOf(pool: KubernetesObject, name: string, trouble: PoolTrouble | undefined): Settling | undefined {
    const settling = this.settling.get(name);
    if (settling === undefined) return undefined;
    this.observe(pool);
    const isOver = settling.sawUpdating
      ? trouble === undefined
      : !isUpdating(pool) && this.options.clock.monotonicMs() - settling.lastMs >= SETTLE_MS;
    if (!isOver) return settling;
    this.settling.delete(name);
    return undefined;
  }

  /** Somebody with one of these pools is being written, or waits with a better place. */
  private isAnotherFirst(id: string, concerned: readonly string[], position: number): boolean {
    const nowMs = this.options.clock.monotonicMs();
    for (const [other, { pools, atMs }] of this.inFlight) {
      // A write takes seconds at most; one that was forgotten holds up nobody for long.
      if (other !== id && nowMs - atMs < SETTLE_MS && pools.some((pool) => concerned.includes(pool))) return true;
    }
    for (const [other, { position: place, pools }] of this.waiting) {
      if (other !== id && place < position && pools.some((pool) => concerned.includes(pool))) return true;
    }
    return false;
  }
}

/** Pools of the object as it is to be, and as it was: taking it out of a pool changes that pool as well. */
function affected(object: KubernetesObject, live: KubernetesObject | undefined, pools: readonly KubernetesObject[]): readonly string[] {
  return [...new Set([...poolsOf(object, pools), ...(live === undefined ? [] : poolsOf(live, pools))])];
}

function idOf({ kind, metadata }: KubernetesObject): string {
  return `${kind} ${metadata?.name}`;
}
