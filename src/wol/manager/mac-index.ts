/**
 * Claims by MAC address, with the outcome of each contest.
 *
 * Owns: the index, and which claims come to nothing. Never: knows configs beyond their claims.
 * Invariant: `resolve` is right after every change at once; counts and conflicts are right after `settle`.
 */
import type { ConfigLedger, MacConflict } from './config-ledger';
import type { EffectiveConfig } from './effective-config';
import { type Channel, type Claim, type Contest, channelsOf, decideContest, type Holder } from './wake-claim';

/** A claim with what has been counted of it. */
export class IndexedClaim implements Claim {
  /** Addresses of this claim that were last counted as waking its holder; `undefined` = not counted. */
  counted: number | undefined = undefined;
  private withdrawn = false;

  constructor(
    readonly ledger: ConfigLedger,
    readonly config: EffectiveConfig,
    readonly holder: Holder,
    readonly macs: readonly string[],
    readonly learned: boolean,
  ) {}

  /** Withdrawn, or its config is no longer in force: that counts at once, however long its claims take to be withdrawn. */
  get dropped(): boolean {
    return this.withdrawn || this.ledger.effective === undefined;
  }

  withdraw(): void {
    this.withdrawn = true;
  }
}

interface Entry {
  readonly mac: string;
  claims: IndexedClaim[];
  /** Claims that come true on a channel of their config; `undefined` when all do, because nobody else claims the address. */
  effective: ReadonlySet<Claim> | undefined;
  /** Outcomes by channel, kept for long lists of claims so that a lookup does not walk them each time. */
  contests: { readonly epoch: number; readonly byChannel: Map<Channel, Contest<IndexedClaim>> } | undefined;
  /** Ledgers that list a conflict about this address. */
  inConflict: ReadonlySet<ConfigLedger>;
}

/** From this many claims on one address its contests are remembered. */
const REMEMBER_FROM_CLAIMS = 8;
const NO_LEDGERS: ReadonlySet<ConfigLedger> = new Set();

export class MacIndex {
  private readonly entries = new Map<string, Entry>();
  private readonly unsettledEntries = new Set<Entry>();
  private readonly unsettledClaims = new Set<IndexedClaim>();
  /** Remembered contests of an earlier epoch are void. */
  private epoch = 0;

  /** Number of addresses that anybody claims. */
  get size(): number {
    return this.entries.size;
  }

  add(claim: IndexedClaim): void {
    this.unsettledClaims.add(claim);
    for (const mac of claim.macs) {
      const known = this.entries.get(mac);
      known?.claims.push(claim);
      this.unsettle(known ?? this.newEntry(mac, claim));
    }
  }

  drop(claim: IndexedClaim): void {
    claim.withdraw();
    this.contestAgain(claim);
  }

  /** Something about the holder changed that decides contests. */
  contestAgain(claim: IndexedClaim): void {
    this.unsettledClaims.add(claim);
    for (const mac of claim.macs) {
      const entry = this.entries.get(mac);
      if (entry !== undefined) this.unsettle(entry);
    }
  }

  resolve(mac: string, channel: Channel): Contest<IndexedClaim> | undefined {
    const entry = this.entries.get(mac);
    if (entry === undefined) return undefined;
    if (entry.contests?.epoch !== this.epoch) entry.contests = undefined;
    const known = entry.contests?.byChannel.get(channel);
    if (known !== undefined) return known;
    const contest = decideContest(entry.claims, channel);
    if (contest !== undefined && entry.claims.length >= REMEMBER_FROM_CLAIMS) {
      entry.contests ??= { epoch: this.epoch, byChannel: new Map() };
      entry.contests.byChannel.set(channel, contest);
    }
    return contest;
  }

  /** A config came into force or went out of it. */
  forgetContests(): void {
    this.epoch++;
  }

  /** Every address of the claim leads to it. */
  holds(claim: IndexedClaim): boolean {
    return claim.macs.every((mac) => this.entries.get(mac)?.claims.includes(claim) === true);
  }

  /** Brings counts and conflicts up to date. @returns the ledgers that were touched. */
  settle(): ReadonlySet<ConfigLedger> {
    const touched = new Set<ConfigLedger>();
    const recount = new Set(this.unsettledClaims);
    for (const entry of this.unsettledEntries) {
      for (const claim of entry.claims) recount.add(claim);
      this.settleEntry(entry, touched);
    }
    this.unsettledEntries.clear();
    this.unsettledClaims.clear();
    for (const claim of recount) {
      const after = claim.dropped ? undefined : this.effectiveMacs(claim);
      claim.ledger.recount(claim.counted, after);
      claim.counted = after;
      touched.add(claim.ledger);
    }
    return touched;
  }

  private newEntry(mac: string, claim: IndexedClaim): Entry {
    const entry: Entry = { mac, claims: [claim], effective: undefined, contests: undefined, inConflict: NO_LEDGERS };
    this.entries.set(mac, entry);
    return entry;
  }

  private unsettle(entry: Entry): void {
    entry.contests = undefined;
    this.unsettledEntries.add(entry);
  }

  private settleEntry(entry: Entry, touched: Set<ConfigLedger>): void {
    if (entry.claims.some(({ dropped }) => dropped)) entry.claims = entry.claims.filter(({ dropped }) => !dropped);
    if (entry.claims.length === 0) this.entries.delete(entry.mac);
    const conflicts = new Map<ConfigLedger, MacConflict>();
    entry.effective = isContested(entry.claims) ? this.contestAll(entry, conflicts) : undefined;
    for (const ledger of entry.inConflict) {
      if (!conflicts.has(ledger)) ledger.setConflict(entry.mac, undefined);
      touched.add(ledger);
    }
    for (const [ledger, conflict] of conflicts) {
      ledger.setConflict(entry.mac, conflict);
      touched.add(ledger);
    }
    entry.inConflict = conflicts.size === 0 ? NO_LEDGERS : new Set(conflicts.keys());
  }

  /** Holds the contest on every channel. A config reports the conflict on the first of its own channels that has one. */
  private contestAll({ mac, claims }: Entry, conflicts: Map<ConfigLedger, MacConflict>): ReadonlySet<Claim> {
    const effective = new Set<Claim>();
    const known = new Map<Channel, ChannelOutcome>();
    for (const claim of claims) {
      for (const channel of channelsOf(claim.config)) {
        const outcome = known.get(channel) ?? outcomeOf(mac, this.resolve(mac, channel)!);
        known.set(channel, outcome);
        if (claim.holder === outcome.winner) effective.add(claim);
        const isNews = outcome.conflict !== undefined && outcome.involved.has(claim.ledger) && !conflicts.has(claim.ledger);
        if (isNews) conflicts.set(claim.ledger, outcome.conflict);
      }
    }
    return effective;
  }

  private effectiveMacs(claim: IndexedClaim): number {
    if (claim.holder.target === undefined) return 0;
    return claim.macs.filter((mac) => this.entries.get(mac)?.effective?.has(claim) ?? true).length;
  }
}

function isContested(claims: readonly Claim[]): boolean {
  return claims.some(({ holder }) => holder !== claims[0]?.holder);
}

interface ChannelOutcome {
  readonly winner: Holder;
  readonly conflict: MacConflict | undefined;
  /** Ledgers of the configs that hold a claim at the winning precedence. */
  readonly involved: ReadonlySet<ConfigLedger>;
}

function outcomeOf(mac: string, { winner, governing, losing, mode }: Contest<IndexedClaim>): ChannelOutcome {
  const involved = new Set([...governing, ...losing].map(({ ledger }) => ledger));
  if (losing.length === 0) return { winner, conflict: undefined, involved };
  const losers = new Set<Holder>(losing.map(({ holder }) => holder));
  return { winner, conflict: { mac, winner: winner.key, losers: [...losers].map(({ key }) => key), precedence: mode }, involved };
}
