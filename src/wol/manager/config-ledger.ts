/**
 * What the wake map holds for one config: counts and conflicts, and what of them has changed since it was last told.
 *
 * Owns: the bookkeeping. Never: decides who wins. Invariant: counts equal what a count from scratch would give.
 */
import type { EffectiveConfig } from './effective-config';
import { MAX_LISTED_CONFLICTS } from './limits';

export interface ConfigCounts {
  /** Virtual machines that at least one address wakes on a channel of this config. */
  readonly managedVms: number;
  readonly managedMacs: number;
  /** Virtual machines in scope that no address wakes. */
  readonly unwakeableVms: number;
  readonly conflicts: number;
}

export interface MacConflict {
  readonly mac: string;
  /** Key of the virtual machine that keeps the address. */
  readonly winner: string;
  /** Keys of the others, the next in line first. */
  readonly losers: readonly string[];
  readonly precedence: EffectiveConfig['mode'];
}

/** `before` is absent for a new conflict, `after` for one that has ended. */
export interface ConflictChange {
  readonly mac: string;
  readonly before: MacConflict | undefined;
  readonly after: MacConflict | undefined;
}

export interface ConfigChange {
  /** Name of the config. */
  readonly config: string;
  readonly counts: ConfigCounts;
  readonly conflicts: readonly ConflictChange[];
}

export class ConfigLedger {
  private managedVms = 0;
  private managedMacs = 0;
  private unwakeableVms = 0;
  private readonly conflicts = new Map<string, MacConflict>();
  private published: ConfigCounts = { managedVms: 0, managedMacs: 0, unwakeableVms: 0, conflicts: 0 };
  private mustTell = false;
  private readonly conflictsBefore = new Map<string, MacConflict | undefined>();

  constructor(
    readonly name: string,
    /** `undefined` while the config is invalid or being deleted. */
    public effective: EffectiveConfig | undefined,
  ) {}

  /** Replaces how many addresses wake one virtual machine; `undefined` = the virtual machine is not in scope. */
  recount(before: number | undefined, after: number | undefined): void {
    this.add(before, -1);
    this.add(after, 1);
  }

  setConflict(mac: string, conflict: MacConflict | undefined): void {
    const before = this.conflicts.get(mac);
    if (sameConflict(before, conflict)) return;
    if (!this.conflictsBefore.has(mac)) this.conflictsBefore.set(mac, before);
    if (conflict === undefined) this.conflicts.delete(mac);
    else this.conflicts.set(mac, conflict);
  }

  counts(): ConfigCounts {
    const { managedVms, managedMacs, unwakeableVms } = this;
    return { managedVms, managedMacs, unwakeableVms, conflicts: this.conflicts.size };
  }

  /** The first conflicts by address, as many as a status lists. */
  listedConflicts(): readonly MacConflict[] {
    return [...this.conflicts.keys()]
      .sort()
      .slice(0, MAX_LISTED_CONFLICTS)
      .map((mac) => this.conflicts.get(mac)!);
  }

  /** The next `takeChange` yields something even when nothing differs: somebody was sent away to wait for it. */
  tellAnyway(): void {
    this.mustTell = true;
  }

  /** What differs from the last time this was asked; `undefined` when nothing does. */
  takeChange(): ConfigChange | undefined {
    const counts = this.counts();
    const conflicts = [...this.conflictsBefore]
      .map(([mac, before]) => ({ mac, before, after: this.conflicts.get(mac) }))
      .filter(({ before, after }) => !sameConflict(before, after));
    this.conflictsBefore.clear();
    const { published } = this;
    this.published = counts;
    const isNews = this.mustTell || conflicts.length > 0 || !sameCounts(published, counts);
    this.mustTell = false;
    return isNews ? { config: this.name, counts, conflicts } : undefined;
  }

  private add(effectiveMacs: number | undefined, sign: 1 | -1): void {
    if (effectiveMacs === undefined) return;
    this.managedMacs += sign * effectiveMacs;
    if (effectiveMacs > 0) this.managedVms += sign;
    else this.unwakeableVms += sign;
  }
}

function sameCounts(a: ConfigCounts, b: ConfigCounts): boolean {
  return (
    a.managedVms === b.managedVms && a.managedMacs === b.managedMacs && a.unwakeableVms === b.unwakeableVms && a.conflicts === b.conflicts
  );
}

function sameConflict(a: MacConflict | undefined, b: MacConflict | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const sameLosers = a.losers.length === b.losers.length && a.losers.every((loser, index) => loser === b.losers[index]);
  return sameLosers && a.winner === b.winner && a.precedence === b.precedence;
}
