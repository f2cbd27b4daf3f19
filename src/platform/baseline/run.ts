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
import { ConflictError, InvalidError, type KubernetesObject, keyOf } from '../../framework';
import { controlsOf } from '../overrides/control-annotations';
import { groupOf } from '../overrides/sensitive-kinds';
import { type Difference, differencesBetween, pointersText, shownDifferences } from './comparison';
import { desiredObject } from './desired-object';
import { type Failure, failureOf, messageOf } from './failures';
import { digestOf, fingerprintOf } from './fingerprint';
import type { KeyMemory } from './key-memory';
import { LiveGate } from './live-gate';
import type { BaselineOutcome, BaselineStatus, Target } from './outcome';
import { isOwnershipDrift, type OwnershipChange, ownershipChange, rivalOf, standingOf } from './ownership';
import { driftPart, jsonOf } from './reduced-object';
import type { BaselineInput } from './run-input';
import type { RunParts } from './run-parts';
import { type Ending, RunReport } from './run-report';
import { type TextOperation, textEdit } from './text-edit';

const OWNERSHIP_TRIES = 5;
const CONFLICT_TRIES = 3;
const ROLLOUT_LOOK_MS = 30_000;
const UNWATCHED_LOOK_MS = 30_000;
/** Ends that only a change of the object itself undoes. */
const WAITS_FOR_OBJECT: ReadonlySet<BaselineStatus> = new Set([
  'Terminating',
  'Unmanaged',
  'Paused',
  'InvalidPatch',
  'ForeignManager',
  'Conflict',
]);

/** Somebody else wrote in between: everything is looked at once more. */
type Again = { readonly again: 'ownership' | 'apply'; readonly failure: Failure };

export function targetOf(object: KubernetesObject): Target {
  const { apiVersion = '', kind = '', metadata: { namespace = '', name = '' } = {} } = object;
  const group = groupOf(apiVersion);
  return { apiVersion, group, kind, namespace, name, key: keyOf(object), id: `${group}/${kind}/${namespace}/${name}` };
}

export class Run {
  private readonly target: Target;
  private readonly wanted: string;
  private readonly report: RunReport;
  private readonly gate: LiveGate;

  constructor(
    private readonly parts: RunParts,
    private readonly memory: KeyMemory,
    private readonly input: BaselineInput,
  ) {
    this.target = targetOf(input.rendered);
    const { adopt, create, fill, strategy } = input.asset;
    this.wanted = digestOf([jsonOf(input.rendered), adopt, create, strategy, fill]);
    this.report = new RunReport(parts, memory, input, this.target, this.wanted);
    this.gate = new LiveGate(parts, memory, input, this.target, this.report);
  }

  async outcome(): Promise<BaselineOutcome> {
    const outcome = await this.ended();
    if (this.input.cached !== undefined || !WAITS_FOR_OBJECT.has(outcome.status)) return outcome;
    // Without our label no watch tells of its changes.
    return { ...outcome, retryAfterMs: Math.min(outcome.retryAfterMs ?? UNWATCHED_LOOK_MS, UNWATCHED_LOOK_MS) };
  }

  private async ended(): Promise<BaselineOutcome> {
    const { cached, isFull } = this.input;
    if (isFull) this.memory.fingerprint = undefined;
    const early = this.gate.exclusion() ?? (cached === undefined ? undefined : (this.gate.refusal(cached) ?? this.knownInSync(cached)));
    if (early !== undefined) return early;
    for (let ownership = 0, conflicts = 0; ; ) {
      const ended = await this.attempt();
      if (!('again' in ended)) return ended;
      if (ended.again === 'ownership' && ++ownership >= OWNERSHIP_TRIES)
        return this.report.failed({ ...ended.failure, status: 'ApplyFailed' });
      if (ended.again === 'apply' && ++conflicts >= CONFLICT_TRIES) return this.report.failed({ ...ended.failure, status: 'Transient' });
    }
  }

  private knownInSync(cached: KubernetesObject): BaselineOutcome | undefined {
    if (this.memory.fingerprint !== fingerprintOf(this.wanted, cached)) return undefined;
    return this.report.ended({ status: 'InSync', compliance: 1 });
  }

  private async attempt(): Promise<BaselineOutcome | Again> {
    const { api, kind } = this.input;
    let live: KubernetesObject | undefined;
    try {
      live = await api.get(kind, this.target.key);
    } catch (error) {
      return this.report.failed(failureOf(error, 'read'));
    }
    const gated = live === undefined ? this.gate.absent() : (this.gate.notOurs(live) ?? this.gate.refusal(live));
    return gated ?? (await this.gate.afterWar(live)) ?? (await this.withLive(live));
  }

  private async withLive(live: KubernetesObject | undefined): Promise<BaselineOutcome | Again> {
    if (this.input.asset.strategy === 'edit' && live !== undefined) return this.edit(live);
    const { rendered, asset } = this.input;
    const desired = desiredObject({ rendered, live, controls: controlsOf(live), fill: asset.fill });
    if (desired.kind === 'invalid-patch') return this.report.held(live!, desired);
    if (live === undefined) return this.write({ live, object: desired.object, differences: [], isOwnershipOnly: false });
    this.report.tellOverrides(live, desired);
    const change = ownershipChange(live, desired.letGo);
    if (change === undefined) {
      this.memory.ownershipChange = undefined;
      return this.drift(live, desired.object);
    }
    return this.changeOwnership(live, change, desired.object);
  }

  /** Takes what is not to be ours out of our field set, so that the apply which leaves it out does not delete it. */
  private async changeOwnership(
    live: KubernetesObject,
    change: OwnershipChange,
    object: KubernetesObject,
  ): Promise<BaselineOutcome | Again> {
    const { throttle } = this.parts;
    const circumstances = digestOf(JSON.parse(JSON.stringify([change.released, change.migrated, change.entries.length])));
    if (this.memory.ownershipChange === circumstances) return this.drift(live, object);
    const waitMs = throttle.take(this.target.id);
    if (waitMs > 0) return this.report.ended({ status: 'Throttled', compliance: 0, retryAfterMs: waitMs });
    let changed: KubernetesObject;
    try {
      changed = await this.input.api.patch(this.input.kind, this.target.key, [
        { op: 'test', path: '/metadata/resourceVersion', value: live.metadata?.resourceVersion },
        { op: 'replace', path: '/metadata/managedFields', value: change.entries },
      ]);
    } catch (error) {
      throttle.giveBack(this.target.id);
      const failure = failureOf(error, 'apply');
      return error instanceof ConflictError || error instanceof InvalidError
        ? { again: 'ownership', failure }
        : this.report.failed(failure);
    }
    this.report.wrote = true;
    this.memory.ownershipChange = circumstances;
    const options = { object: live, cause: changed.metadata?.resourceVersion ?? '' };
    if (change.migrated.length > 0) {
      this.report.normal('OwnershipMigrated', `has its fields taken over from ${change.migrated.join(', ')}`, options);
    }
    if (change.released.length > 0) {
      const shown = change.released.slice(0, 5).join(', ');
      this.report.normal('OwnershipReleased', `keeps its values without an owner at ${shown}`, options);
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
        : this.report.failed(failureOf(error, 'dry-run'), live);
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
      this.report.warning('DriftDetected', `differs at ${pointersText(differences)}`, {
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
      return error instanceof ConflictError ? { again: 'apply', failure } : this.report.failed(failure, live);
    }
    this.report.wrote = true;
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
    if (live === undefined) this.report.normal('AssetApplied', 'was created', options);
    else if (standingOf(live) === 'free' && this.input.asset.strategy === 'apply')
      this.report.normal('Adopted', 'existed before and is looked after from now on', options);
    else if (!isOwnershipOnly) this.report.normal('DriftCorrected', `was corrected at ${pointersText(differences)}`, options);
    if (!this.parts.throttle.corrected(this.target.id, rival)) return;
    const message = `was corrected 10 times within an hour after changes by field manager "${rival}" at ${pointersText(differences)}`;
    this.report.warning('ContestedField', message, { object: applied });
  }

  /** Step 10. */
  private namespaceGuard(): BaselineOutcome | undefined {
    const { namespace } = this.target;
    const state = namespace === '' ? 'active' : this.input.namespaceState(namespace);
    return state === 'absent' || state === 'terminating' ? this.report.namespaceMissing(state) : undefined;
  }

  /** Step 11. */
  private rolloutGate(object: KubernetesObject, live: KubernetesObject | undefined): BaselineOutcome | undefined {
    const { asset } = this.input;
    if (!asset.isNodeLevel) return undefined;
    const answer = this.parts.rollout.admit(object, live, asset.position);
    if (answer.open) return undefined;
    const message = `waits for pool ${answer.pool}: ${answer.reason}`;
    this.report.normal('RolloutPending', message, { cause: `${answer.reason} ${answer.pool}` });
    const look = answer.reason === 'Manual' ? {} : { retryAfterMs: ROLLOUT_LOOK_MS };
    return this.report.ended({ status: 'RolloutPending', reason: answer.reason, message, ...look });
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
    this.report.warning('Throttled', message, { ...(live === undefined ? {} : { object: live }), cause: rival?.manager ?? '' });
    const isWar = throttle.throttled(this.target.id, live?.metadata?.resourceVersion ?? '', rival?.manager) === 'war';
    if (!isWar || live === undefined || rival === undefined)
      return this.report.ended({ status: 'Throttled', message, compliance: 0, retryAfterMs: waitMs });
    await wars.begin(
      { key: this.input.key, target: this.target, kind: this.input.kind, live, rival, differences },
      this.input.api,
      this.memory,
    );
    this.report.wrote ||= !this.memory.isPauseUnwritten;
    return this.gate.paused();
  }

  /** `strategy: edit`: one text of an object that belongs to somebody else. */
  private async edit(live: KubernetesObject): Promise<BaselineOutcome | Again> {
    let object: KubernetesObject;
    try {
      object = (await this.input.renderOver?.(live)) ?? this.input.rendered;
    } catch (error) {
      return this.report.failed({ status: 'RenderFailed', message: messageOf(error), retry: 'none', maxMs: 0, retryAfterMs: 0 }, live);
    }
    const { differences, operations } = textEdit(object, live);
    if (differences.length === 0) return this.inSync(live, { status: 'InSync' });
    return this.write({ live, object, differences, isOwnershipOnly: false, edit: operations });
  }

  /** Step 14. */
  private inSync(live: KubernetesObject, ending: Ending): BaselineOutcome {
    this.memory.fingerprint = fingerprintOf(this.wanted, live);
    this.memory.wanted = this.wanted;
    return this.report.ended({ ...ending, compliance: 1 });
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
  readonly edit?: readonly TextOperation[];
}
