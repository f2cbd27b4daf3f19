/**
 * One run for one key: the steps from exclusions to the record of what was done.
 *
 * Expected flow: exclusions -> pause and mode by the cache -> fingerprint -> read -> the same on what was read -> patch, mask, fill, label ->
 * ownership -> dry-run -> namespace -> rollout -> token -> apply -> record.
 * Guarantees: nothing is written that a dry-run has not accepted, except the first creation; an object that is not ours, paused, unmanaged
 * or held is not touched; every end says why.
 * Assumptions: one run a key at a time; the object that was rendered is valid.
 * Caveats: overrides are read from the live object, so a change of them between read and apply counts in the next run.
 * Errors: none; whatever a call fails with becomes an outcome.
 */
import { type Clock, ConflictError, InvalidError, type KubernetesObject, keyOf, type Logger } from '../../framework';
import { PATCH_ANNOTATION } from '../keys';
import { controlsOf, type ObjectControls } from '../overrides/control-annotations';
import { problemText } from '../overrides/patch-text';
import { groupOf } from '../overrides/sensitive-kinds';
import type { Throttle } from '../throttling/throttle';
import { type Difference, differencesBetween, pointersText, shownDifferences } from './comparison';
import { type DesiredObject, desiredObject } from './desired-object';
import { type EditWars, heldText } from './edit-war';
import { type Failure, failureOf, messageOf, pauseMs } from './failures';
import { digestOf, fingerprintOf } from './fingerprint';
import type { KeyMemory } from './key-memory';
import { type BaselineOutcome, type Customizations, NO_CUSTOMIZATIONS, type Target } from './outcome';
import { isOwnershipDrift, type OwnershipChange, ownershipChange, rivalOf, standingOf } from './ownership';
import type { EventOptions, RolloutGate, RunCounters, RunEvents } from './ports';
import { driftPart, jsonOf } from './reduced-object';
import type { BaselineInput } from './run-input';

const OWNERSHIP_TRIES = 5;
const CONFLICT_TRIES = 3;
const TERMINATING_MS = 5 * 60_000;
/** A failure that passes is news only when it does not pass. */
const TRANSIENT_REPORTED_FROM = 3;
const ROLLOUT_LOOK_MS = 30_000;

export interface RunParts {
  readonly throttle: Throttle;
  readonly wars: EditWars;
  readonly rollout: RolloutGate;
  readonly events: RunEvents;
  readonly counters: RunCounters;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Somebody else wrote in between: everything is looked at once more. */
type Again = { readonly again: 'ownership' | 'apply'; readonly failure: Failure };

type Ending = Partial<Omit<BaselineOutcome, 'status' | 'isContested' | 'customizations'>> & Pick<BaselineOutcome, 'status'>;

export function targetOf(object: KubernetesObject): Target {
  const { apiVersion = '', kind = '', metadata: { namespace = '', name = '' } = {} } = object;
  const group = groupOf(apiVersion);
  return { apiVersion, group, kind, namespace, name, key: keyOf(object), id: `${group}/${kind}/${namespace}/${name}` };
}

export class Run {
  private readonly target: Target;
  private readonly wanted: string;
  private customizations: Customizations = NO_CUSTOMIZATIONS;
  private wrote = false;

  constructor(
    private readonly parts: RunParts,
    private readonly memory: KeyMemory,
    private readonly input: BaselineInput,
  ) {
    this.target = targetOf(input.rendered);
    const { adopt, create, fill, strategy } = input.asset;
    this.wanted = digestOf([jsonOf(input.rendered), adopt, create, strategy, fill]);
  }

  async outcome(): Promise<BaselineOutcome> {
    const { cached, isFull } = this.input;
    if (isFull) this.memory.fingerprint = undefined;
    const early = this.exclusion() ?? (cached === undefined ? undefined : (this.gate(cached) ?? this.knownInSync(cached)));
    if (early !== undefined) return early;
    for (let ownership = 0, conflicts = 0; ; ) {
      const ended = await this.attempt();
      if (!('again' in ended)) return ended;
      if (ended.again === 'ownership' && ++ownership >= OWNERSHIP_TRIES) return this.failed({ ...ended.failure, status: 'ApplyFailed' });
      if (ended.again === 'apply' && ++conflicts >= CONFLICT_TRIES) return this.failed({ ...ended.failure, status: 'Transient' });
    }
  }

  /** Step 2. */
  private exclusion(): BaselineOutcome | undefined {
    const { exclusion } = this.input;
    if (exclusion.kind === 'excluded') return this.ended({ status: 'Excluded' });
    if (exclusion.kind === 'included') return undefined;
    return this.ended({ status: 'InvalidExclusions', message: exclusion.problem, compliance: 0 });
  }

  /** Steps 3 to 5, on a state of the object. @returns `undefined` = go on. */
  private gate(live: KubernetesObject): BaselineOutcome | undefined {
    const controls = controlsOf(live);
    this.customizations = {
      patch: controls.patch !== undefined,
      ignore: controls.ignoreFields !== undefined,
      unmanaged: controls.isUnmanaged,
    };
    if (live.metadata?.deletionTimestamp !== undefined) return this.terminating(live);
    this.memory.terminatingSinceMs = undefined;
    if (controls.isUnmanaged) {
      this.tellOnce('UnmanagedMode', 'unmanaged', () =>
        this.normal('UnmanagedMode', 'is left alone, as its annotation says', { object: live }),
      );
      return this.ended({ status: 'Unmanaged' });
    }
    this.memory.told.delete('UnmanagedMode');
    const heldMs = this.parts.throttle.heldMs(this.target.id);
    if (controls.isPaused) return this.ended({ status: 'Paused', isPaused: true });
    if (heldMs > 0) return this.ended({ status: 'Paused', isPaused: true, message: heldText(heldMs), retryAfterMs: heldMs });
    this.checkMode(live, controls);
    return undefined;
  }

  private checkMode(live: KubernetesObject, { invalidMode }: ObjectControls): void {
    if (invalidMode === undefined) return;
    const value = invalidMode.slice(0, 64);
    this.tellOnce('InvalidMode', invalidMode, () =>
      this.warning('InvalidMode', `has the mode ${JSON.stringify(value)}, which means nothing; the only one is "unmanaged"`, {
        object: live,
      }),
    );
  }

  private terminating(live: KubernetesObject): BaselineOutcome {
    const nowMs = this.parts.clock.monotonicMs();
    this.memory.fingerprint = undefined;
    this.memory.terminatingSinceMs ??= nowMs;
    const leftMs = this.memory.terminatingSinceMs + TERMINATING_MS - nowMs;
    if (leftMs > 0) return this.ended({ status: 'Terminating', retryAfterMs: leftMs });
    const { finalizers = [] } = live.metadata ?? {};
    const message = `has been terminating for more than 5 minutes; finalizers: ${finalizers.join(', ') || 'none'}`;
    this.warning('WaitingForDeletion', message, { object: live, cause: finalizers.join() });
    return this.ended({ status: 'Terminating', reason: 'WaitingForDeletion', message });
  }

  private knownInSync(cached: KubernetesObject): BaselineOutcome | undefined {
    if (this.memory.fingerprint !== fingerprintOf(this.wanted, cached)) return undefined;
    return this.ended({ status: 'InSync', compliance: 1 });
  }

  private async attempt(): Promise<BaselineOutcome | Again> {
    const { api, kind } = this.input;
    let live: KubernetesObject | undefined;
    try {
      live = await api.get(kind, this.target.key);
    } catch (error) {
      return this.failed(failureOf(error, 'read'));
    }
    const gated = live === undefined ? this.absent() : (this.notOurs(live) ?? this.gate(live));
    return gated ?? (await this.afterWar(live)) ?? (await this.withLive(live));
  }

  private absent(): BaselineOutcome | undefined {
    this.customizations = NO_CUSTOMIZATIONS;
    this.memory.terminatingSinceMs = undefined;
    return this.input.asset.create ? undefined : this.ended({ status: 'TargetAbsent' });
  }

  private notOurs(live: KubernetesObject): BaselineOutcome | undefined {
    const standing = standingOf(live);
    if (standing === 'foreign') {
      this.warning('ForeignManager', 'carries the label of another manager and was never written by virt-steward, so it is left alone', {
        object: live,
      });
      return this.ended({ status: 'ForeignManager' });
    }
    if (standing === 'ours' || this.input.asset.adopt === 'always' || this.input.asset.strategy === 'edit') return undefined;
    this.warning('ExistingKept', 'existed before and is kept as it is, since the asset does not take over objects', { object: live });
    return this.ended({ status: 'Conflict', reason: 'ExistingKept' });
  }

  /** The pause that ended the war is not on the object: it was removed, or never got there. */
  private async afterWar(live: KubernetesObject | undefined): Promise<BaselineOutcome | undefined> {
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
      this.normal('Resumed', 'is looked after again, because its pause was removed', {
        object: live,
        cause: live.metadata?.resourceVersion ?? '',
      });
    return undefined;
  }

  private paused(): BaselineOutcome {
    const heldMs = this.parts.throttle.heldMs(this.target.id);
    return this.ended({ status: 'Paused', isPaused: true, ...(heldMs > 0 ? { retryAfterMs: heldMs, message: heldText(heldMs) } : {}) });
  }

  private async withLive(live: KubernetesObject | undefined): Promise<BaselineOutcome | Again> {
    if (this.input.asset.strategy === 'edit' && live !== undefined) return this.edit(live);
    const { rendered, asset } = this.input;
    const desired = desiredObject({ rendered, live, controls: controlsOf(live), fill: asset.fill });
    if (desired.kind === 'invalid-patch') return this.held(live!, desired);
    if (live === undefined) return this.write({ live, object: desired.object, differences: [], isOwnershipOnly: false });
    this.tellOverrides(live, desired);
    const change = ownershipChange(live, desired.letGo);
    if (change === undefined) {
      this.memory.ownershipChange = undefined;
      return this.drift(live, desired.object);
    }
    return this.changeOwnership(live, change, desired.object);
  }

  private held(live: KubernetesObject, { problem }: Extract<DesiredObject, { kind: 'invalid-patch' }>): BaselineOutcome {
    const message = `the annotation ${PATCH_ANNOTATION} is not valid: ${problemText(problem)}`;
    const patch = live.metadata?.annotations?.[PATCH_ANNOTATION] ?? '';
    this.warning('InvalidPatch', `${message}. Until it is corrected or removed nothing is written, and drift stays as it is`, {
      object: live,
      cause: digestOf([patch, this.wanted]),
    });
    return this.ended({ status: 'InvalidPatch', message, compliance: 0 });
  }

  private tellOverrides(live: KubernetesObject, { patchOperations, ignoreProblems }: Extract<DesiredObject, { kind: 'desired' }>): void {
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

  /** Takes what is not to be ours out of our field set, so that the apply which leaves it out does not delete it. */
  private async changeOwnership(
    live: KubernetesObject,
    change: OwnershipChange,
    object: KubernetesObject,
  ): Promise<BaselineOutcome | Again> {
    const { throttle, events } = this.parts;
    const circumstances = digestOf(JSON.parse(JSON.stringify([change.released, change.migrated, change.entries.length])));
    if (this.memory.ownershipChange === circumstances) return this.drift(live, object);
    const waitMs = throttle.take(this.target.id);
    if (waitMs > 0) return this.ended({ status: 'Throttled', compliance: 0, retryAfterMs: waitMs });
    let changed: KubernetesObject;
    try {
      changed = await this.input.api.patch(this.input.kind, this.target.key, [
        { op: 'test', path: '/metadata/resourceVersion', value: live.metadata?.resourceVersion },
        { op: 'replace', path: '/metadata/managedFields', value: change.entries },
      ]);
    } catch (error) {
      throttle.giveBack(this.target.id);
      const failure = failureOf(error, 'apply');
      return error instanceof ConflictError || error instanceof InvalidError ? { again: 'ownership', failure } : this.failed(failure);
    }
    this.wrote = true;
    this.memory.ownershipChange = circumstances;
    const options = { object: live, cause: changed.metadata?.resourceVersion ?? '' };
    const { key } = this.input;
    if (change.migrated.length > 0) {
      events.normal('OwnershipMigrated', key, this.about(`has its fields taken over from ${change.migrated.join(', ')}`), options);
    }
    if (change.released.length > 0) {
      const shown = change.released.slice(0, 5).join(', ');
      events.normal('OwnershipReleased', key, this.about(`keeps its values without an owner at ${shown}`), options);
    }
    return this.drift(changed, object);
  }

  /** Step 9. */
  private async drift(live: KubernetesObject, object: KubernetesObject): Promise<BaselineOutcome | Again> {
    let result: KubernetesObject;
    let differences: readonly Difference[];
    try {
      this.parts.counters.dryRun();
      result = await this.input.api.apply(this.input.kind, object, true);
      differences = await this.differences(live, result);
    } catch (error) {
      return error instanceof ConflictError
        ? { again: 'apply', failure: failureOf(error, 'dry-run') }
        : this.failed(failureOf(error, 'dry-run'), live);
    }
    const isOwnershipOnly = differences.length === 0;
    if (isOwnershipOnly && !isOwnershipDrift(live, result)) return this.inSync(live, { status: 'InSync' });
    if (!isOwnershipOnly) {
      const shown = (): object => ({ key: this.input.key, differences: shownDifferences(differences, this.target.kind) });
      this.parts.log.debug('drift', shown() as Record<string, unknown>);
    }
    return this.write({ live, object, differences, isOwnershipOnly });
  }

  private async differences(live: KubernetesObject, result: KubernetesObject): Promise<readonly Difference[]> {
    const [before, after] = [driftPart(live), driftPart(result)];
    const found = differencesBetween(before, after);
    const schema = found.length === 0 ? undefined : await this.input.schema?.();
    return schema === undefined ? found : differencesBetween(before, after, schema);
  }

  /** Steps 10 to 14. */
  private async write(change: Change): Promise<BaselineOutcome | Again> {
    const { live, object, isOwnershipOnly, differences } = change;
    const waiting = this.namespaceGuard() ?? this.rolloutGate(object, live);
    if (waiting !== undefined) return waiting;
    const rival = this.rival(change);
    if (live !== undefined && !isOwnershipOnly) {
      this.warning('DriftDetected', `differs at ${pointersText(differences)}`, {
        object: live,
        cause: live.metadata?.resourceVersion ?? '',
      });
    }
    const { throttle, counters } = this.parts;
    const waitMs = throttle.take(this.target.id);
    if (waitMs > 0) return this.throttled(change, rival, waitMs);
    let applied: KubernetesObject;
    try {
      applied = await this.applied(change);
    } catch (error) {
      throttle.giveBack(this.target.id);
      counters.applied('failed');
      const failure = failureOf(error, live === undefined ? 'create' : 'apply');
      return error instanceof ConflictError ? { again: 'apply', failure } : this.failed(failure, live);
    }
    this.wrote = true;
    counters.applied(live === undefined ? 'created' : 'changed');
    if (this.input.asset.isNodeLevel) this.parts.rollout.wrote(applied, live);
    this.tellApplied(change, applied, rival?.manager);
    this.memory.appliedVersion = applied.metadata?.resourceVersion;
    return this.inSync(applied, { status: 'Applied' });
  }

  private applied({ live, object, edit }: Change): Promise<KubernetesObject> {
    const { api, kind } = this.input;
    if (edit === undefined) return api.apply(kind, object, false);
    return api.patch(kind, this.target.key, [
      { op: 'test', path: '/metadata/resourceVersion', value: live?.metadata?.resourceVersion },
      ...edit,
    ]);
  }

  private tellApplied({ live, differences, isOwnershipOnly }: Change, applied: KubernetesObject, rival: string | undefined): void {
    const options = { object: applied, cause: applied.metadata?.resourceVersion ?? '' };
    if (live === undefined) this.normal('AssetApplied', 'was created', options);
    else if (standingOf(live) === 'free' && this.input.asset.strategy === 'apply')
      this.normal('Adopted', 'existed before and is looked after from now on', options);
    else if (!isOwnershipOnly) this.normal('DriftCorrected', `was corrected at ${pointersText(differences)}`, options);
    if (!this.parts.throttle.corrected(this.target.id, rival)) return;
    const message = `was corrected 10 times within an hour after changes by field manager "${rival}" at ${pointersText(differences)}`;
    this.warning('ContestedField', message, { object: applied });
  }

  /** Step 10. */
  private namespaceGuard(): BaselineOutcome | undefined {
    const { namespace } = this.target;
    const state = namespace === '' ? 'active' : this.input.namespaceState(namespace);
    return state === 'absent' || state === 'terminating' ? this.namespaceMissing(state) : undefined;
  }

  private namespaceMissing(state: 'absent' | 'terminating'): BaselineOutcome {
    const message = `waits for its namespace ${this.target.namespace}, which is ${state}`;
    this.warning('NamespaceMissing', message, { cause: state });
    return this.ended({ status: 'NamespaceMissing', message });
  }

  /** Step 11. */
  private rolloutGate(object: KubernetesObject, live: KubernetesObject | undefined): BaselineOutcome | undefined {
    const { asset } = this.input;
    if (!asset.isNodeLevel) return undefined;
    const answer = this.parts.rollout.admit(object, live, asset.position);
    if (answer.open) return undefined;
    const message = `waits for pool ${answer.pool}: ${answer.reason}`;
    this.normal('RolloutPending', message, { cause: `${answer.reason} ${answer.pool}` });
    const look = answer.reason === 'Manual' ? {} : { retryAfterMs: ROLLOUT_LOOK_MS };
    return this.ended({ status: 'RolloutPending', reason: answer.reason, message, ...look });
  }

  /** Who else is the reason for the drift; `undefined` when it is our own input that changed. */
  private rival({ live, differences, isOwnershipOnly }: Change): ReturnType<typeof rivalOf> {
    if (live === undefined || isOwnershipOnly) return undefined;
    const { wanted, appliedVersion } = this.memory;
    if (wanted !== undefined && wanted !== this.wanted) return undefined;
    if (appliedVersion !== undefined && appliedVersion === live.metadata?.resourceVersion) return undefined;
    return rivalOf(live, differences);
  }

  /** No token: waits for the next one. */
  private async throttled({ live, differences }: Change, rival: ReturnType<typeof rivalOf>, waitMs: number): Promise<BaselineOutcome> {
    const { throttle, wars } = this.parts;
    const who = rival === undefined ? '' : `; the other writer is field manager "${rival.manager}"`;
    const message = `is written too often, the next write is due in ${Math.ceil(waitMs / 1_000)} s${who}`;
    this.warning('Throttled', message, { ...(live === undefined ? {} : { object: live }), cause: rival?.manager ?? '' });
    const isWar = throttle.throttled(this.target.id, live?.metadata?.resourceVersion ?? '', rival?.manager) === 'war';
    if (!isWar || live === undefined || rival === undefined)
      return this.ended({ status: 'Throttled', message, compliance: 0, retryAfterMs: waitMs });
    await wars.begin(
      { key: this.input.key, target: this.target, kind: this.input.kind, live, rival, differences },
      this.input.api,
      this.memory,
    );
    this.wrote ||= !this.memory.isPauseUnwritten;
    return this.paused();
  }

  /** `strategy: edit`: one text of an object that belongs to somebody else. */
  private async edit(live: KubernetesObject): Promise<BaselineOutcome | Again> {
    let object: KubernetesObject;
    try {
      object = (await this.input.renderOver?.(live)) ?? this.input.rendered;
    } catch (error) {
      return this.failed({ status: 'RenderFailed', message: messageOf(error), retry: 'none', maxMs: 0, retryAfterMs: 0 }, live);
    }
    const [wanted, found] = [textsOf(object), textsOf(live)];
    const changed = Object.entries(wanted).filter(([name, text]) => found[name] !== text);
    if (changed.length === 0) return this.inSync(live, { status: 'InSync' });
    const differences = changed.map(([name, text]) => ({ path: ['data', name], live: found[name], desired: text }));
    const parent = (live as { data?: unknown }).data === undefined ? [{ op: 'add' as const, path: '/data', value: {} }] : [];
    const edit = [...parent, ...changed.map(([name, value]) => ({ op: 'add' as const, path: `/data/${escaped(name)}`, value }))];
    return this.write({ live, object, differences, isOwnershipOnly: false, edit });
  }

  /** Step 14. */
  private inSync(live: KubernetesObject, ending: Ending): BaselineOutcome {
    this.memory.fingerprint = fingerprintOf(this.wanted, live);
    this.memory.wanted = this.wanted;
    return this.ended({ ...ending, compliance: 1 });
  }

  private failed(failure: Failure, live?: KubernetesObject): BaselineOutcome {
    const { memory } = this;
    if (failure.status === 'NamespaceMissing') return this.namespaceMissing('absent');
    memory.failures++;
    const { status, message } = failure;
    const isPassing = status === 'Transient' && memory.failures < TRANSIENT_REPORTED_FROM;
    const reason = status === 'Transient' ? 'ApplyFailed' : status;
    if (!isPassing) {
      this.warning(reason, message, { ...(live === undefined ? {} : { object: live }), cause: reason });
    }
    const retryAfterMs = pauseMs(failure, memory.failures);
    return this.ended(
      { status, message, compliance: isPassing ? memory.compliance : 0, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
      true,
    );
  }

  private ended(ending: Ending, isFailure = false): BaselineOutcome {
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

  private tellOnce(reason: string, value: string, tell: () => void): void {
    if (this.memory.told.get(reason) === value) return;
    this.memory.told.set(reason, value);
    tell();
  }

  private normal(reason: string, what: string, options: EventOptions): void {
    this.parts.events.normal(reason, this.input.key, this.about(what), options);
  }

  private warning(reason: string, what: string, options: EventOptions): void {
    this.parts.events.warning(reason, this.input.key, this.about(what), options);
  }

  private about(what: string): string {
    return `${this.target.kind} ${this.target.key} ${what}`;
  }
}

/** A write that is due. */
interface Change {
  readonly live: KubernetesObject | undefined;
  readonly object: KubernetesObject;
  readonly differences: readonly Difference[];
  /** No value changes, only who owns it. */
  readonly isOwnershipOnly: boolean;
  /** In place of an apply. */
  readonly edit?: readonly { readonly op: 'add'; readonly path: string; readonly value: unknown }[];
}

function textsOf(object: KubernetesObject): Readonly<Record<string, string>> {
  const { data = {} } = object as { data?: Record<string, unknown> };
  return Object.fromEntries(Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function escaped(segment: string): string {
  return segment.replaceAll('~', '~0').replaceAll('/', '~1');
}
