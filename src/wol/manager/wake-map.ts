/**
 * Which virtual machine a magic packet means.
 *
 * Expected flow: informers and wake target sources announce objects -> claims -> index; a packet asks `resolve`.
 * Guarantees: a change takes effect with the call that announces it; a virtual machine's event touches its own claims only, and
 * nobody sees half of it; a config that is withdrawn, and the policy of one that changes, count at once;
 * lookups do not grow with the number of virtual machines; listeners hear of a config only when its counts or conflicts changed.
 * Assumptions: one thread; a target object whose fields changed is a new object.
 * Caveats: listeners are called in a microtask, once for all changes of one turn. What a changed config claims of a large fleet
 * changes in slices, machine by machine; until the last one counts are not told.
 * Errors: none; an invalid config contributes nothing and disturbs nobody.
 */
import { isDeepStrictEqual } from 'node:util';
import type { WolConfig } from '../../api/wol/v1beta1';
import { type WakeTarget, type WakeTargetSource, wakeTargetKey } from '../../kubevirt/wake-target';
import { claimedMacs, isVisible, type LearnedMacsOf, learnsFrom, scopeKeyOf } from './claimed-macs';
import { type ConfigChange, type ConfigCounts, ConfigLedger, type MacConflict } from './config-ledger';
import { type ConfigEvaluation, type EffectiveConfig, evaluateConfig } from './effective-config';
import { IndexedClaim, MacIndex } from './mac-index';
import { inSlices, type Pace, UNPACED } from './pace';
import { ScopedTargets } from './scoped-targets';
import { TargetWatchers } from './target-watchers';
import type { Channel, Claim, Contest, Holder } from './wake-claim';

export interface WakeMapOptions {
  /** Namespaces outside this list do not exist for the map. @default all */
  watchNamespaces?: readonly string[];
  /** @default none */
  learnedMacsOf?: LearnedMacsOf;
  /** @default never rests */
  pace?: Pace;
}

export interface WakeResolution {
  readonly mac: string;
  /** As `wakeTargetKey`. */
  readonly key: string;
  /** `undefined`: an Explicit mapping names a virtual machine that does not exist. */
  readonly target: WakeTarget | undefined;
  /** Configs whose policies apply, oldest first; never empty. */
  readonly governing: readonly EffectiveConfig[];
  readonly source: 'declared' | 'learned' | 'explicit';
}

interface TargetHolder extends Holder {
  claims: IndexedClaim[];
}

interface ConfigRecord {
  readonly ledger: ConfigLedger;
  object: WolConfig;
  evaluation: ConfigEvaluation;
}

/** Targets between two countings: what they touch has to fit into one slice. */
const STEPS_A_SETTLEMENT = 256;

export type WakeMapListener = (change: ConfigChange) => void;

export class WakeMap {
  private readonly index = new MacIndex();
  private readonly configs = new Map<string, ConfigRecord>();
  private readonly targets = new Map<string, TargetHolder>();
  private readonly scoped = new ScopedTargets();
  /** What Explicit mappings name and nobody has seen, by scope key. */
  private readonly missing = new Map<string, TargetHolder>();
  private readonly listeners = new Set<WakeMapListener>();
  private readonly watchers = new TargetWatchers();
  /** What lies outside of them does not exist for this map; `undefined` = all. */
  readonly watchNamespaces: ReadonlySet<string> | undefined;
  private readonly learnedMacsOf: LearnedMacsOf;
  private readonly pace: Pace;
  /** Configs whose claims are being changed in slices, and how many runs are at it. */
  private readonly underWay = new Map<ConfigLedger, number>();
  private repaired = 0;
  /** Of verifications under way: take the keys that are announced meanwhile. */
  private readonly listening = new Set<Set<string>>();
  private readonly touched = new Set<ConfigLedger>();
  private publishing = false;

  constructor({ watchNamespaces = [], learnedMacsOf = () => [], pace = UNPACED }: WakeMapOptions = {}) {
    this.watchNamespaces = watchNamespaces.length === 0 ? undefined : new Set(watchNamespaces);
    this.learnedMacsOf = learnedMacsOf;
    this.pace = pace;
  }

  /** Distinct addresses and virtual machines, for metrics. */
  get size(): { readonly macs: number; readonly vms: number } {
    this.settle();
    return { macs: this.index.size, vms: this.targets.size };
  }

  /** Follows a source from now on. @returns a function that stops it; targets already known stay. */
  attach(source: WakeTargetSource): () => void {
    const stop = source.subscribe((key, target) => (target === undefined ? this.removeTarget(key) : this.upsertTarget(target, key)));
    for (const target of source.targets()) this.upsertTarget(target);
    return stop;
  }

  /** Takes a new, changed or unchanged target. The same object again means that only its state changed. */
  upsertTarget(target: WakeTarget, key: string = wakeTargetKey(target)): void {
    if (this.watchNamespaces?.has(target.scope.namespace) === false) {
      this.removeTarget(key);
      return;
    }
    for (const keys of this.listening) keys.add(key);
    const holder = this.targets.get(key);
    if (holder?.target !== target) this.placeTarget(key, holder, target);
    this.watchers.tell(key);
  }

  removeTarget(key: string): void {
    const holder = this.targets.get(key);
    if (holder?.target === undefined) return;
    for (const claim of holder.claims) this.index.drop(claim);
    this.scoped.remove(holder, holder.target);
    this.targets.delete(key);
    this.fillMissing(scopeKeyOf(holder.target));
    this.schedulePublish();
    this.watchers.tell(key);
  }

  /** Evaluates one target again: what has been learned about it changed. */
  refreshTarget(key: string): void {
    const holder = this.targets.get(key);
    if (holder === undefined) return;
    this.claimAgain(holder);
    this.schedulePublish();
  }

  targetOf(key: string): WakeTarget | undefined {
    return this.targets.get(key)?.target;
  }

  /** Calls `listener` on every announcement of one target, its removal included. */
  watchTarget(key: string, listener: () => void): () => void {
    return this.watchers.watch(key, listener);
  }

  /** Takes a new or changed config. Changes of metadata and status that mean nothing for discovery cost nothing. */
  upsertConfig(object: WolConfig): ConfigEvaluation {
    const name = object.metadata?.name ?? '';
    const known = this.configs.get(name);
    if (known !== undefined && sameForDiscovery(known.object, object)) return known.evaluation;
    const evaluation = evaluateConfig(object);
    const record = known ?? { ledger: new ConfigLedger(name, undefined), object, evaluation };
    this.configs.set(name, Object.assign(record, { object, evaluation }));
    this.applyConfig(record.ledger, evaluation.kind === 'effective' ? evaluation.config : undefined);
    return evaluation;
  }

  removeConfig(name: string): void {
    const record = this.configs.get(name);
    if (record === undefined) return;
    this.configs.delete(name);
    this.applyConfig(record.ledger, undefined);
  }

  /** In force or not. */
  configNames(): readonly string[] {
    return [...this.configs.keys()];
  }

  evaluationOf(config: string): ConfigEvaluation | undefined {
    return this.configs.get(config)?.evaluation;
  }

  /** The config as it is in force; `undefined` when it is unknown, invalid or being deleted. */
  effectiveConfig(name: string): EffectiveConfig | undefined {
    return this.configs.get(name)?.ledger.effective;
  }

  effectiveConfigs(): readonly EffectiveConfig[] {
    return [...this.configs.values()].flatMap(({ ledger }) => ledger.effective ?? []);
  }

  /** Its claims are still being changed: what is counted of it is neither the old nor the new. */
  isUnderWay(config: string): boolean {
    const ledger = this.configs.get(config)?.ledger;
    return ledger !== undefined && this.underWay.has(ledger);
  }

  /** Whether some config wants to know the addresses that this target shows at run time. */
  learnsFrom(target: WakeTarget): boolean {
    for (const { ledger } of this.configs.values()) if (ledger.effective !== undefined && learnsFrom(ledger.effective, target)) return true;
    return false;
  }

  /** Differences that `verify` has found so far; each is a bug. */
  get repairs(): number {
    return this.repaired;
  }

  /**
   * Evaluates one config anew for every target of these sources, compares that with the index, and mends what differs.
   *
   * Resolves when that is done, which takes as many slices as it takes; the first has run when this returns.
   */
  async verify(config: string, sources: Iterable<WakeTargetSource>): Promise<void> {
    const ledger = this.configs.get(config)?.ledger;
    if (ledger !== undefined) await inSlices(this.verification(ledger, sources), this.pace);
    this.publish();
  }

  /** Whom a packet for `mac` on `channel` means; `mac` in normal form. */
  resolve(mac: string, channel: Channel): WakeResolution | undefined {
    const contest = this.index.resolve(mac, channel);
    if (contest === undefined) return undefined;
    const { winner, governing, learned, mode } = contest;
    return {
      mac,
      key: winner.key,
      target: winner.target,
      // The config as it is now: its policy must not wait until its claims have been gone through.
      governing: governing.flatMap(({ ledger }) => ledger.effective ?? []),
      source: mode === 'Explicit' ? 'explicit' : learned ? 'learned' : 'declared',
    };
  }

  /** As `resolve`, with everybody who wanted the address; for whoever explains the map. */
  contest(mac: string, channel: Channel): Contest | undefined {
    return this.index.resolve(mac, channel);
  }

  /** Every claim in force, in the order of targets; those for machines that do not exist come last. */
  *claims(): Generator<Claim, void> {
    for (const holders of [this.targets, this.missing]) {
      for (const { claims } of holders.values()) for (const claim of claims) if (!claim.dropped) yield claim;
    }
  }

  /** Counts of one config, all zero for an invalid one; `undefined` for an unknown one. */
  countsOf(config: string): ConfigCounts | undefined {
    this.settle();
    return this.configs.get(config)?.ledger.counts();
  }

  /** The first 20 conflicts of a config by address; losers are not cut off. */
  conflictsOf(config: string): readonly MacConflict[] {
    this.settle();
    return this.configs.get(config)?.ledger.listedConflicts() ?? [];
  }

  /** Is told of each config whose counts or conflicts changed; never of a config that was removed. */
  onChange(listener: WakeMapListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private placeTarget(key: string, known: TargetHolder | undefined, target: WakeTarget): void {
    const holder = known ?? { key, target: undefined, claims: [] };
    const before = holder.target;
    holder.target = target;
    this.targets.set(key, holder);
    if (before === undefined || scopeKeyOf(before) !== scopeKeyOf(target)) {
      if (before !== undefined) this.scoped.remove(holder, before);
      this.scoped.add(holder, target);
    }
    if (before !== undefined && (before.createdAt !== target.createdAt || before.uid !== target.uid)) {
      for (const claim of holder.claims) this.index.contestAgain(claim);
    }
    this.claimAgain(holder);
    this.fillMissing(scopeKeyOf(target));
    if (before !== undefined) this.fillMissing(scopeKeyOf(before));
    this.schedulePublish();
  }

  /** Compares what each config claims for a target now with what it claimed, and changes only the difference. */
  private claimAgain(holder: TargetHolder): void {
    const before = new Map(holder.claims.map((claim) => [claim.ledger, claim]));
    const claims: IndexedClaim[] = [];
    for (const { ledger } of this.configs.values()) {
      const claim = this.claimOf(ledger, holder, before.get(ledger));
      if (claim === before.get(ledger)) before.delete(ledger);
      if (claim !== undefined) claims.push(claim);
    }
    for (const claim of before.values()) this.index.drop(claim);
    holder.claims = claims.slice(); // exactly as long as needed: there is one per virtual machine
  }

  /** The claim that `ledger` makes for a target: `known` when nothing about it changed, else a new one beside it. */
  private claimOf(ledger: ConfigLedger, holder: TargetHolder, known?: IndexedClaim): IndexedClaim | undefined {
    const { effective } = ledger;
    const { target } = holder;
    if (effective === undefined || target === undefined) return undefined;
    const claimed = claimedMacs(effective, target, this.learnedMacsOf);
    if (claimed === undefined) return undefined;
    if (known?.config === effective && known.learned === claimed.learned && sameTexts(known.macs, claimed.macs)) return known;
    return this.newClaim(ledger, effective, holder, claimed.macs, claimed.learned);
  }

  private newClaim(
    ledger: ConfigLedger,
    config: EffectiveConfig,
    holder: TargetHolder,
    macs: readonly string[],
    learned: boolean,
  ): IndexedClaim {
    const claim = new IndexedClaim(ledger, config, holder, macs, learned);
    this.index.add(claim);
    return claim;
  }

  private applyConfig(ledger: ConfigLedger, effective: EffectiveConfig | undefined): void {
    const formerMappings = [...(ledger.effective?.mappings.keys() ?? [])];
    ledger.effective = effective;
    this.index.forgetContests();
    this.touched.add(ledger);
    this.schedulePublish();
    const keys = [...formerMappings, ...(effective?.mappings.keys() ?? [])];
    const rest = inSlices(this.application(ledger, effective, keys), this.pace);
    if (rest === undefined) return;
    this.underWay.set(ledger, (this.underWay.get(ledger) ?? 0) + 1);
    void rest.then(() => this.applied(ledger));
  }

  /** Goes through all targets; ends early when the config has changed again, since that change goes through them, too. */
  private *application(ledger: ConfigLedger, effective: EffectiveConfig | undefined, keys: readonly string[]): Generator<undefined, void> {
    let steps = 0;
    for (const key of keys) {
      this.fillMissing(key);
      yield;
    }
    for (const holder of this.targets.values()) {
      if (ledger.effective !== effective) return;
      this.claimForConfig(ledger, holder);
      if (++steps % STEPS_A_SETTLEMENT === 0) this.settle();
      yield;
    }
  }

  private applied(ledger: ConfigLedger): void {
    const others = this.underWay.get(ledger)! - 1;
    if (others > 0) this.underWay.set(ledger, others);
    else this.underWay.delete(ledger);
    ledger.tellAnyway();
    this.touched.add(ledger);
    this.publish();
  }

  private *verification(ledger: ConfigLedger, sources: Iterable<WakeTargetSource>): Generator<undefined, void> {
    const sound = new Set<string>();
    this.listening.add(sound);
    try {
      yield* this.verifyTargets(sources, sound);
      for (const [key, holder] of this.targets) {
        // While claims are being changed there is nothing to compare with; the change itself goes through all targets.
        if (this.underWay.has(ledger)) return;
        if (!sound.has(key)) this.repair(() => this.removeTarget(key));
        else if (!this.isRight(ledger, holder)) this.repair(() => this.claimForConfig(ledger, holder));
        yield;
      }
    } finally {
      this.listening.delete(sound);
    }
  }

  /** @param sound takes the keys of targets that are, or have meanwhile been announced, as their source has them. */
  private *verifyTargets(sources: Iterable<WakeTargetSource>, sound: Set<string>): Generator<undefined, void> {
    for (const source of sources) {
      for (const target of source.targets()) {
        const key = wakeTargetKey(target);
        sound.add(key);
        const isForeign = this.watchNamespaces?.has(target.scope.namespace) === false;
        if (!isForeign && this.targetOf(key) !== target) this.repair(() => this.upsertTarget(target, key));
        yield;
      }
    }
  }

  private repair(mend: () => void): void {
    this.repaired++;
    mend();
    this.schedulePublish();
  }

  private isRight(ledger: ConfigLedger, holder: TargetHolder): boolean {
    const known = holder.claims.find((claim) => claim.ledger === ledger);
    const { effective } = ledger;
    const claimed = effective && holder.target && claimedMacs(effective, holder.target, this.learnedMacsOf);
    if (claimed === undefined || known === undefined) return claimed === known;
    return (
      known.config === effective && known.learned === claimed.learned && sameTexts(known.macs, claimed.macs) && this.index.holds(known)
    );
  }

  private claimForConfig(ledger: ConfigLedger, holder: TargetHolder): void {
    const at = holder.claims.findIndex((claim) => claim.ledger === ledger);
    const known = at < 0 ? undefined : holder.claims[at];
    const claim = this.claimOf(ledger, holder, known);
    if (claim === known) return;
    if (known !== undefined) {
      this.index.drop(known);
      holder.claims.splice(at, 1);
    }
    if (claim !== undefined) holder.claims.push(claim);
  }

  /** Makes the claims of Explicit configs for a name that nobody bears, and withdraws them when somebody does. */
  private fillMissing(scopeKey: string): void {
    const holder = this.missing.get(scopeKey) ?? { key: scopeKey, target: undefined, claims: [] };
    const kept: IndexedClaim[] = [];
    for (const { ledger } of this.configs.values()) {
      const { effective } = ledger;
      const macs = effective?.mappings.get(scopeKey);
      if (effective === undefined || macs === undefined || this.isBorne(effective, scopeKey)) continue;
      const known = holder.claims.find((claim) => claim.ledger === ledger && claim.config === effective);
      kept.push(known ?? this.newClaim(ledger, effective, holder, macs, false));
    }
    for (const claim of holder.claims) if (!kept.includes(claim)) this.index.drop(claim);
    holder.claims = kept;
    if (kept.length === 0) this.missing.delete(scopeKey);
    else this.missing.set(scopeKey, holder);
  }

  /** Whether a target that this config can see has the scope; an ignored one counts, so that it is not reported as missing. */
  private isBorne(config: EffectiveConfig, scopeKey: string): boolean {
    const local = this.targets.get(scopeKey)?.target;
    if (local !== undefined && isVisible(config, local)) return true;
    for (const target of this.scoped.of(scopeKey)) if (isVisible(config, target)) return true;
    return false;
  }

  private settle(): void {
    for (const ledger of this.index.settle()) this.touched.add(ledger);
  }

  private schedulePublish(): void {
    if (this.publishing) return;
    this.publishing = true;
    queueMicrotask(() => {
      this.publishing = false;
      this.publish();
    });
  }

  private publish(): void {
    this.settle();
    // Claims of one config decide about conflicts of the others.
    if (this.underWay.size > 0) return;
    const touched = [...this.touched];
    this.touched.clear();
    for (const ledger of touched) {
      if (this.configs.get(ledger.name)?.ledger !== ledger) continue;
      const change = ledger.takeChange();
      if (change === undefined) continue;
      for (const listener of [...this.listeners]) listener(change);
    }
  }
}

function sameForDiscovery(a: WolConfig, b: WolConfig): boolean {
  const [left, right] = [a.metadata, b.metadata];
  const sameObject = left?.uid === right?.uid && left?.creationTimestamp === right?.creationTimestamp;
  return sameObject && left?.deletionTimestamp === right?.deletionTimestamp && isDeepStrictEqual(a.spec, b.spec);
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((text, index) => text === b[index]));
}
