/**
 * One pass over one object: finalizer, pending handlers in their order, one status write, events.
 *
 * Expected flow: look up -> (gone | terminating | alive) -> handlers that owe a run -> status -> events.
 * Guarantees: handlers of one object never overlap; the finalizer is on before any handler runs; clean-up has succeeded for every
 * delete handler before its finalizer is taken off; status is written once, whatever the handlers did.
 * Assumptions: the queue runs one pass a key at a time; handlers are idempotent (a pass may be repeated after any crash).
 * Caveats: the object may be older than the server's; every write carries a precondition that notices.
 * Errors: none thrown; failures become due times, conditions and Events.
 */
import { randomBytes } from 'node:crypto';
import type { ObjectKey } from '../kinds/object';
import { backoffMs, compileRetryOptions } from '../queue/backoff';
import type { RunSlot } from '../queue/keyed-queue';
import type { DeleteSpec, QueuedHandlerSpec } from '../registry/handler-spec';
import { timestampMs } from '../time/timestamp';
import { failureMessage, isWorthReporting, PARKED_MS, retryAfterMs, unavailableCluster } from './failure';
import { HandlerTurns, type Pass } from './handler-turns';
import type { KeyRecord } from './key-record';
import { keyFields } from './log-fields';
import type { PassPorts } from './pass-ports';
import { PassStage, type StagedEvent } from './stage';

/** Delete handlers without a finalizer get this many attempts after the object is gone. */
const OPTIONAL_DELETE_ATTEMPTS = 5;
const FRAMEWORK_RETRY = compileRetryOptions();
const ORDER: Readonly<Record<QueuedHandlerSpec['decorator'], number>> = {
  OnDelete: 0,
  OnResume: 1,
  OnCreate: 2,
  OnUpdate: 3,
  OnField: 4,
  Reconcile: 5,
  OnTimer: 6,
};

export class PassRunner {
  private readonly specs: readonly QueuedHandlerSpec[];
  private readonly turns: HandlerTurns;

  constructor(
    specs: readonly QueuedHandlerSpec[],
    private readonly ports: PassPorts,
    /** What a handler of a key is given; `undefined` = it is gone for that handler. */
    private readonly find: PassPorts['find'],
  ) {
    this.specs = [...specs].sort((a, b) => ORDER[a.decorator] - ORDER[b.decorator]);
    this.turns = new HandlerTurns(this.specs, ports);
  }

  /** @returns true when the object is gone and nothing is left to do, so that its record can be dropped. */
  async run(key: ObjectKey, record: KeyRecord, slot: RunSlot): Promise<boolean> {
    const { predecessor } = record;
    if (predecessor !== undefined && (await this.runOne(this.passOver(predecessor, key, slot), () => false)))
      record.predecessor = undefined;
    const pass = this.passOver(record, key, slot);
    return this.runOne(pass, () => this.look(pass));
  }

  private async runOne(pass: Pass, isPresent: () => boolean): Promise<boolean> {
    pass.record.frameworkRetryMs = undefined;
    pass.record.frameworkParkedFor = undefined;
    try {
      if (!isPresent()) return await this.runGone(pass);
      await this.runPresent(pass);
      pass.record.frameworkFailures = 0;
    } catch (error) {
      this.retryFrameworkWork(pass, error);
    } finally {
      for (const event of pass.stage.events) this.sendEvent(pass, event);
    }
    return false;
  }

  /** An Event is a hint: one that cannot be sent takes nothing from the pass. */
  private sendEvent({ key }: Pass, event: StagedEvent): void {
    try {
      this.ports.sendEvent(event);
    } catch (error) {
      this.ports.log.error('an Event could not be sent', { ...keyFields(this.ports.kind, key), reason: event.reason, error });
    }
  }

  private passOver(record: KeyRecord, key: ObjectKey, slot: RunSlot): Pass {
    // Of an object that is gone only clean-up handlers hear, and only when it was kept for them.
    const object = record.lastSeen ?? {};
    const id = randomBytes(4).toString('hex');
    return { id, key, record, slot, stage: new PassStage(this.ports.kind), object, found: undefined, views: new Map(), ran: new Map() };
  }

  /** Takes the object as each handler's informer has it. @returns false when none has it. */
  private look(pass: Pass): boolean {
    const { key, record, views } = pass;
    let hasWhole = false;
    for (const spec of this.specs) {
      const object = this.find(spec, key);
      // Informers of one kind may be apart by an object and its successor.
      if (object === undefined || (record.uid !== undefined && object.metadata?.uid !== record.uid)) continue;
      views.set(spec, object);
      // Metadata is enough for a handler that asked for no more, and too little to write a status.
      const isWhole = spec.select?.metadataOnly !== true;
      if (pass.found === undefined || (isWhole && !hasWhole)) pass.found = object;
      hasWhole ||= isWhole;
    }
    if (pass.found === undefined) return false;
    pass.object = pass.found;
    record.lastSeen = undefined;
    return true;
  }

  private async runPresent(pass: Pass): Promise<void> {
    if (pass.object.metadata?.deletionTimestamp === undefined) {
      if (!(await this.placeFinalizers(pass))) return;
    } else if (!(await this.cleanUp(pass))) {
      for (const spec of this.specs) pass.record.state(spec).clear();
      return;
    }
    for (const spec of this.specs) {
      if (spec.decorator !== 'OnDelete') await this.turns.runIfDue(spec, pass);
    }
    await this.writeStatus(pass);
  }

  /** Best-effort clean-up of handlers that asked for no finalizer. @returns whether it is done. */
  private async runGone(pass: Pass): Promise<boolean> {
    if (pass.record.lastSeen === undefined) {
      for (const spec of this.specs) pass.record.state(spec).clear();
      return true;
    }
    for (const finalizer of this.deleteHandlers().keys()) {
      // Gone from our sight but not from the cluster: it no longer is what the handler selects.
      if (!pass.object.metadata?.finalizers?.includes(finalizer)) continue;
      await this.ports.removeFinalizer(pass.object, finalizer);
      const { finalizers, ...metadata } = pass.object.metadata;
      pass.object = { ...pass.object, metadata: { ...metadata, finalizers: finalizers.filter((name) => name !== finalizer) } };
      pass.record.lastSeen = pass.object;
    }
    let gone = true;
    for (const spec of this.specs) {
      const state = pass.record.state(spec);
      if (spec.decorator === 'OnDelete' && spec.finalizer === undefined) {
        await this.turns.runIfDue(spec, pass);
        if (state.failures >= OPTIONAL_DELETE_ATTEMPTS) state.clear();
        if (state.dueMs() !== undefined) gone = false;
      } else {
        state.clear();
      }
    }
    return gone;
  }

  /**
   * Puts the finalizers on that delete handlers need, and takes ours off where none needs them any more.
   * @returns false when the object went away meanwhile.
   */
  private async placeFinalizers(pass: Pass): Promise<boolean> {
    for (const [finalizer, handlers] of this.deleteHandlers()) {
      const wanted = handlers.some((spec) => this.turns.isMatching(spec, pass));
      const present = pass.object.metadata?.finalizers?.includes(finalizer) ?? false;
      if (wanted === present) continue;
      const written = wanted
        ? await this.ports.addFinalizer(pass.object, finalizer)
        : await this.ports.removeFinalizer(pass.object, finalizer);
      if (written === undefined) return false;
      pass.object = written;
    }
    return true;
  }

  /**
   * Runs delete handlers whose finalizer is on, and takes it off once all that share it have succeeded.
   * @returns false when the object is gone with its last finalizer.
   */
  private async cleanUp(pass: Pass): Promise<boolean> {
    for (const [finalizer, handlers] of this.deleteHandlers()) {
      if (!pass.object.metadata?.finalizers?.includes(finalizer)) continue;
      let done = true;
      for (const spec of handlers) done = (await this.hasCleanedUp(spec, pass)) && done;
      if (!done) continue;
      const written = await this.ports.removeFinalizer(pass.object, finalizer);
      if (written === undefined || (written.metadata?.finalizers ?? []).length === 0) return false;
      pass.object = written;
    }
    return true;
  }

  private async hasCleanedUp(spec: DeleteSpec, pass: Pass): Promise<boolean> {
    const state = pass.record.state(spec);
    if (state.cleanedUp || !this.turns.isMatching(spec, pass)) return true;
    if (state.dueMs() === undefined) pass.record.owe(spec, 'changed');
    await this.turns.runIfDue(spec, pass);
    return state.cleanedUp || this.isAbandoned(spec, pass);
  }

  /** Past its deadline a clean-up is given up, loudly; before, a pass is due by then at the latest. */
  private isAbandoned(spec: DeleteSpec, pass: Pass): boolean {
    const sinceMs = timestampMs(pass.object.metadata?.deletionTimestamp);
    if (spec.deadlineMs === 0 || sinceMs === undefined) return false;
    const leftMs = sinceMs + spec.deadlineMs - this.ports.clock.now();
    if (leftMs >= 0) {
      pass.record.state(spec).wakeAt(this.ports.clock.monotonicMs() + leftMs + 1, 'retry');
      return false;
    }
    const note = `${spec.id} did not finish within ${spec.deadlineMs} ms; the finalizer is taken off all the same`;
    pass.stage.events.push({ type: 'Warning', reason: 'CleanupAbandoned', note, about: pass.object, action: spec.id });
    pass.record.state(spec).clear();
    return true;
  }

  private deleteHandlers(): Map<string, DeleteSpec[]> {
    const byFinalizer = new Map<string, DeleteSpec[]>();
    for (const spec of this.specs) {
      if (spec.decorator !== 'OnDelete' || spec.finalizer === undefined) continue;
      byFinalizer.set(spec.finalizer, [...(byFinalizer.get(spec.finalizer) ?? []), spec]);
    }
    return byFinalizer;
  }

  private async writeStatus(pass: Pass): Promise<void> {
    if (this.ports.signal.aborted) return;
    const { observedGeneration } = this.ports.kind;
    const isBehind = this.specs.some((spec) => pass.record.state(spec).isBehind);
    const hasDealtWithIt = [...pass.ran.keys()].some((spec) => spec.decorator !== 'OnDelete');
    const observed = observedGeneration && hasDealtWithIt && !isBehind ? pass.object.metadata?.generation : undefined;
    if (!pass.stage.hasStatus && observed === undefined) return;
    await this.ports.writeStatus(pass.object, {
      fields: pass.stage.fields,
      conditions: [...pass.stage.conditions.values()],
      observedGeneration: observed,
      by: [...pass.ran.keys()],
    });
  }

  /**
   * A finalizer or status that could not be written holds up the whole object. Handlers that ran in this pass run again,
   * because what they staged is lost; the others keep waiting.
   */
  private retryFrameworkWork(pass: Pass, error: unknown): void {
    if (this.ports.signal.aborted) return;
    const { record } = pass;
    record.frameworkParkedFor = unavailableCluster(error);
    const delayMs = record.frameworkParkedFor === undefined ? this.frameworkBackoffMs(record, error) : PARKED_MS;
    const atMs = this.ports.clock.monotonicMs() + delayMs;
    record.frameworkRetryMs = atMs;
    for (const [spec, baseline] of pass.ran) {
      record.state(spec).baseline = baseline;
      record.owe(spec, 'retry');
    }
    for (const spec of this.specs) record.state(spec).holdUntil(atMs);
    this.ports.hooks.retryScheduled?.(this.ports.kind, this.ports.cluster.name);
    const level = record.frameworkParkedFor === undefined ? 'warn' : 'debug';
    const { kind, log } = this.ports;
    const about = { ...keyFields(kind, pass.key), uid: record.uid };
    log[level]('writing finalizer or status failed', { ...about, pass: pass.id, error });
    if (record.frameworkParkedFor === undefined) this.reportFrameworkWork(pass, error);
  }

  /** A condition cannot be written now, by whatever fails; who looks at the object has to learn it all the same. */
  private reportFrameworkWork({ record, stage, object }: Pass, error: unknown): void {
    if (!isWorthReporting(error, { failures: record.frameworkFailures, conflicts: 0 })) return;
    const note = `finalizer or status could not be written: ${failureMessage(error)}`;
    stage.events.push({ type: 'Warning', reason: 'WriteFailed', note, about: object, action: 'WriteFinalizerOrStatus' });
  }

  private frameworkBackoffMs(record: KeyRecord, error: unknown): number {
    record.frameworkFailures++;
    return Math.max(backoffMs(FRAMEWORK_RETRY, record.frameworkFailures, this.ports.random), retryAfterMs(error));
  }
}
