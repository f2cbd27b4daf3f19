/**
 * How a run ends and what it tells.
 *
 * Owns: the outcome, the memory of failures, and the words about overrides. Never: calls the API server.
 * Invariant: every end says why, and what is told once for a value is told once.
 */
import type { KubernetesObject } from '../../framework';
import { PATCH_ANNOTATION } from '../keys';
import { problemText } from '../overrides/patch-text';
import type { DesiredObject } from './desired-object';
import { type Failure, pauseMs } from './failures';
import { digestOf } from './fingerprint';
import type { KeyMemory } from './key-memory';
import { type BaselineOutcome, type Customizations, NO_CUSTOMIZATIONS, type Target } from './outcome';
import type { EventOptions } from './ports';
import type { BaselineInput } from './run-input';
import type { RunParts } from './run-parts';

/** A failure that passes is news only when it does not pass. */
const TRANSIENT_REPORTED_FROM = 3;
/** What a patch that can be read may still lead to. */
const BY_PATCH: ReadonlySet<BaselineOutcome['status']> = new Set(['SchemaMismatch', 'Rejected']);

export type Ending = Partial<Omit<BaselineOutcome, 'status' | 'isContested' | 'customizations'>> & Pick<BaselineOutcome, 'status'>;

export class RunReport {
  customizations: Customizations = NO_CUSTOMIZATIONS;
  /** Something was written. */
  wrote = false;

  constructor(
    private readonly parts: RunParts,
    private readonly memory: KeyMemory,
    private readonly input: BaselineInput,
    private readonly target: Target,
    /** Digest of what the catalog wants. */
    private readonly wanted: string,
  ) {}

  /** A patch that is not valid: neither it nor the baseline is applied. */
  held(live: KubernetesObject, { problem }: Extract<DesiredObject, { kind: 'invalid-patch' }>): BaselineOutcome {
    const message = `the annotation ${PATCH_ANNOTATION} is not valid: ${problemText(problem)}`;
    const patch = live.metadata?.annotations?.[PATCH_ANNOTATION] ?? '';
    this.warning('InvalidPatch', `${message}. Until it is corrected or removed nothing is written, and drift stays as it is`, {
      object: live,
      cause: digestOf([patch, this.wanted]),
    });
    return this.ended({ status: 'InvalidPatch', message, compliance: 0 });
  }

  /** What the user says on the object, as far as it is news. */
  tellOverrides(live: KubernetesObject, { patchOperations, ignoreProblems }: Extract<DesiredObject, { kind: 'desired' }>): void {
    if (ignoreProblems.length > 0) {
      const text = ignoreProblems.slice(0, 3).join('; ');
      this.tellOnce('InvalidIgnoreFields', digestOf([...ignoreProblems]), () =>
        this.warning('InvalidIgnoreFields', `has pointers that do not count: ${text}`, { object: live }),
      );
    }
    if (patchOperations === undefined) this.memory.told.delete('PatchApplied');
    else {
      const value = digestOf(live.metadata?.annotations?.[PATCH_ANNOTATION] ?? '');
      this.tellOnce('PatchApplied', value, () =>
        this.normal('PatchApplied', `is patched by ${patchOperations} operations of its annotation`, { object: live, cause: value }),
      );
    }
  }

  namespaceMissing(state: 'absent' | 'terminating'): BaselineOutcome {
    const message = `waits for its namespace ${this.target.namespace}, which is ${state}`;
    this.warning('NamespaceMissing', message, { cause: state });
    return this.ended({ status: 'NamespaceMissing', message });
  }

  /** A call, or a rendering, failed: when to try again, and whether it is time to tell. */
  failed(failure: Failure, live?: KubernetesObject): BaselineOutcome {
    const { memory } = this;
    if (failure.status === 'NamespaceMissing') return this.namespaceMissing('absent');
    memory.failures++;
    const { status } = failure;
    const isOfPatch = this.customizations.patch && BY_PATCH.has(status);
    const message = isOfPatch ? `${failure.message}; the annotation ${PATCH_ANNOTATION} changes what is sent` : failure.message;
    const isPassing = status === 'Transient' && memory.failures < TRANSIENT_REPORTED_FROM;
    const reason = status === 'Transient' ? 'ApplyFailed' : status;
    if (!isPassing) {
      // Whoever corrects one field wants to know of the next; words of other failures may differ each time.
      const cause = status === 'SchemaMismatch' ? message : reason;
      this.warning(reason, message, { ...(live === undefined ? {} : { object: live }), cause });
    }
    const retryAfterMs = pauseMs(failure, memory.failures);
    return this.ended(
      { status, reason, message, compliance: isPassing ? memory.compliance : 0, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
      true,
    );
  }

  /** @param isFailure one more in a row; any other end begins counting anew. */
  ended(ending: Ending, isFailure = false): BaselineOutcome {
    if (!isFailure) this.memory.failures = 0;
    const outcome: BaselineOutcome = {
      compliance: undefined,
      isPaused: false,
      ...ending,
      wrote: this.wrote,
      isContested: this.parts.throttle.isContested(this.target.id),
      customizations: this.customizations,
    };
    this.memory.compliance = outcome.compliance;
    if (this.input.asset.isNodeLevel && outcome.status !== 'RolloutPending') this.parts.rollout.ended(this.input.rendered);
    return outcome;
  }

  /** Tells unless it told the same of this value last. */
  tellOnce(reason: string, value: string, tell: () => void): void {
    if (this.memory.told.get(reason) === value) return;
    this.memory.told.set(reason, value);
    tell();
  }

  normal(reason: string, what: string, options: EventOptions): void {
    this.parts.events.normal(reason, this.input.key, this.about(what), options);
  }

  warning(reason: string, what: string, options: EventOptions): void {
    this.parts.events.warning(reason, this.input.key, this.about(what), options);
  }

  private about(what: string): string {
    return `${this.target.kind} ${this.target.key} ${what}`;
  }
}
