/**
 * Whether an object may be looked at any further (steps 2 to 5).
 *
 * Owns: exclusion, deletion, ownership by label, mode and pause, the end of an edit war. Never: writes, but for a pause that could not be
 * written before. Every method returns `undefined` for "go on".
 */
import type { KubernetesObject } from '../../framework';
import { controlsOf, type ObjectControls } from '../overrides/control-annotations';
import { heldText } from './edit-war';
import type { KeyMemory } from './key-memory';
import { type BaselineOutcome, NO_CUSTOMIZATIONS, type Target } from './outcome';
import { standingOf } from './ownership';
import type { BaselineInput } from './run-input';
import type { RunParts } from './run-parts';
import type { RunReport } from './run-report';

const TERMINATING_MS = 5 * 60_000;

export class LiveGate {
  constructor(
    private readonly parts: RunParts,
    private readonly memory: KeyMemory,
    private readonly input: BaselineInput,
    private readonly target: Target,
    private readonly report: RunReport,
  ) {}

  /** Step 2. */
  exclusion(): BaselineOutcome | undefined {
    const { exclusion } = this.input;
    if (exclusion.kind === 'excluded') return this.report.ended({ status: 'Excluded' });
    if (exclusion.kind === 'included') return undefined;
    return this.report.ended({ status: 'InvalidExclusions', message: exclusion.problem, compliance: 0 });
  }

  /** Steps 3 to 5, on a state of the object. @returns `undefined` = go on. */
  refusal(live: KubernetesObject): BaselineOutcome | undefined {
    const controls = controlsOf(live);
    this.report.customizations = {
      patch: controls.patch !== undefined,
      ignore: controls.ignoreFields !== undefined,
      unmanaged: controls.isUnmanaged,
    };
    if (live.metadata?.deletionTimestamp !== undefined) return this.terminating(live);
    this.memory.terminatingSinceMs = undefined;
    if (controls.isUnmanaged) {
      this.report.tellOnce('UnmanagedMode', 'unmanaged', () =>
        this.report.normal('UnmanagedMode', 'is left alone, as its annotation says', { object: live }),
      );
      return this.report.ended({ status: 'Unmanaged' });
    }
    this.memory.told.delete('UnmanagedMode');
    const heldMs = this.parts.throttle.heldMs(this.target.id);
    if (controls.isPaused) return this.report.ended({ status: 'Paused', isPaused: true });
    if (heldMs > 0) return this.report.ended({ status: 'Paused', isPaused: true, message: heldText(heldMs), retryAfterMs: heldMs });
    this.checkMode(live, controls);
    return undefined;
  }

  private checkMode(live: KubernetesObject, { invalidMode }: ObjectControls): void {
    if (invalidMode === undefined) return;
    const value = invalidMode.slice(0, 64);
    this.report.tellOnce('InvalidMode', invalidMode, () =>
      this.report.warning('InvalidMode', `has the mode ${JSON.stringify(value)}, which means nothing; the only one is "unmanaged"`, {
        object: live,
      }),
    );
  }

  private terminating(live: KubernetesObject): BaselineOutcome {
    const nowMs = this.parts.clock.monotonicMs();
    this.memory.fingerprint = undefined;
    this.memory.terminatingSinceMs ??= nowMs;
    const leftMs = this.memory.terminatingSinceMs + TERMINATING_MS - nowMs;
    if (leftMs > 0) return this.report.ended({ status: 'Terminating', retryAfterMs: leftMs });
    const { finalizers = [] } = live.metadata ?? {};
    const message = `has been terminating for more than 5 minutes; finalizers: ${finalizers.join(', ') || 'none'}`;
    this.report.warning('WaitingForDeletion', message, { object: live, cause: finalizers.join() });
    return this.report.ended({ status: 'Terminating', reason: 'WaitingForDeletion', message });
  }

  absent(): BaselineOutcome | undefined {
    this.report.customizations = NO_CUSTOMIZATIONS;
    this.memory.terminatingSinceMs = undefined;
    return this.input.asset.create ? undefined : this.report.ended({ status: 'TargetAbsent' });
  }

  notOurs(live: KubernetesObject): BaselineOutcome | undefined {
    const standing = standingOf(live);
    if (standing === 'foreign') {
      this.report.warning(
        'ForeignManager',
        'carries the label of another manager and was never written by virt-steward, so it is left alone',
        {
          object: live,
        },
      );
      return this.report.ended({ status: 'ForeignManager' });
    }
    if (standing === 'ours' || this.input.asset.adopt === 'always' || this.input.asset.strategy === 'edit') return undefined;
    this.report.warning('ExistingKept', 'existed before and is kept as it is, since the asset does not take over objects', {
      object: live,
    });
    return this.report.ended({ status: 'Conflict', reason: 'ExistingKept' });
  }

  /** The pause that ended the war is not on the object: it was removed, or never got there. */
  async afterWar(live: KubernetesObject | undefined): Promise<BaselineOutcome | undefined> {
    const { throttle, wars } = this.parts;
    const { id } = this.target;
    if (!throttle.isWar(id)) return undefined;
    if (live !== undefined && this.memory.isPauseUnwritten) {
      await wars.pause({ key: this.input.key, target: this.target, kind: this.input.kind, live }, this.input.api, this.memory);
      return this.paused();
    }
    throttle.resume(id);
    this.memory.isPauseUnwritten = false;
    if (live !== undefined)
      this.report.normal('Resumed', 'is looked after again, because its pause was removed', {
        object: live,
        cause: live.metadata?.resourceVersion ?? '',
      });
    return undefined;
  }

  paused(): BaselineOutcome {
    const heldMs = this.parts.throttle.heldMs(this.target.id);
    return this.report.ended({
      status: 'Paused',
      isPaused: true,
      ...(heldMs > 0 ? { retryAfterMs: heldMs, message: heldText(heldMs) } : {}),
    });
  }
}
