/**
 * Whether somebody else keeps undoing our writes to one object, and what that leads to.
 *
 * Expected flow: throttled by a rival three times -> war -> pause (annotation, or in memory when it cannot be written) -> resumed by the user.
 * Beside it, many corrections of the same rival that never empty the bucket -> contested.
 * Guarantees: one state of the object counts once, so that our own retries do not; drift without a rival never counts.
 * Assumptions: times are monotonic; calls come in their order.
 * Caveats: memory only; after a restart it is learned again, and the pause annotation has stayed.
 */
const THROTTLES_TO_WAR = 3;
const HOLD_MS = 10 * 60_000;
const REEARNED_TO_HOLD = 3;
const CORRECTIONS_TO_CONTEST = 10;
const HOUR_MS = 60 * 60_000;

export class Contest {
  private throttles = 0;
  private lastThrottleMs = 0;
  private lastVersion: string | undefined;
  private war = false;
  private heldUntilMs = 0;
  private hasResumed = false;
  private reearnedMs: number[] = [];
  private rival: string | undefined;
  private correctionsMs: number[] = [];
  private toldContestedMs: number | undefined;

  constructor(private readonly windowMs: number) {}

  /** A war was declared, and the pause has not been lifted. */
  get isWar(): boolean {
    return this.war;
  }

  /**
   * A write that was due for drift was refused by the empty bucket.
   * @param version of the object as it is.
   * @param rival whose change it is; `undefined` = nobody's but ours.
   * @returns `war` when this is the one that starts it.
   */
  throttled(version: string, rival: string | undefined, nowMs: number): 'quiet' | 'war' {
    this.correctionsMs = [];
    if (rival === undefined || version === this.lastVersion || this.war) return 'quiet';
    this.lastVersion = version;
    this.throttles = nowMs - this.lastThrottleMs > this.windowMs ? 1 : this.throttles + 1;
    this.lastThrottleMs = nowMs;
    if (this.throttles < THROTTLES_TO_WAR) return 'quiet';
    this.war = true;
    if (this.hasResumed) this.reearnedMs = [...this.reearnedMs.filter((ms) => nowMs - ms <= HOLD_MS), nowMs];
    return 'war';
  }

  /** The annotation that pauses is removed again and again, as by a tool that prunes it: so it is held in memory as well. */
  holdIfPruned(nowMs: number): boolean {
    const isPruned = this.reearnedMs.filter((ms) => nowMs - ms <= HOLD_MS).length >= REEARNED_TO_HOLD;
    if (!isPruned) return false;
    this.reearnedMs = [];
    this.hold(nowMs);
    return true;
  }

  hold(nowMs: number): void {
    this.heldUntilMs = nowMs + HOLD_MS;
  }

  /** How long the pause in memory lasts; 0 = there is none. */
  heldMs(nowMs: number): number {
    return Math.max(0, this.heldUntilMs - nowMs);
  }

  /** The user took the annotation away: everything begins anew. */
  resume(): void {
    this.war = false;
    this.hasResumed = true;
    this.throttles = 0;
    this.lastVersion = undefined;
    this.correctionsMs = [];
    this.heldUntilMs = 0;
  }

  /** A write corrected what somebody else had changed. @returns whether to tell that the field is contested. */
  corrected(rival: string | undefined, nowMs: number): boolean {
    if (rival === undefined) return false;
    if (rival !== this.rival) this.correctionsMs = [];
    this.rival = rival;
    this.correctionsMs = [...this.correctionsMs, nowMs].slice(-CORRECTIONS_TO_CONTEST);
    if (!this.isContested(nowMs)) return false;
    if (this.toldContestedMs !== undefined && nowMs - this.toldContestedMs < HOUR_MS) return false;
    this.toldContestedMs = nowMs;
    return true;
  }

  /** A war so slow that the bucket never empties. */
  isContested(nowMs: number): boolean {
    return this.correctionsMs.length >= CORRECTIONS_TO_CONTEST && nowMs - this.correctionsMs[0]! <= HOUR_MS;
  }
}
