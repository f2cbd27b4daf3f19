/**
 * How each key stands: what people are shown, and what other keys wait for.
 *
 * Owns: one state a key, and whether it still counts. Never: writes; who shows states listens. Invariant: a state goes when its key goes.
 */
import type { BaselineOutcome, Target } from '../baseline/outcome';
import type { CatalogAsset } from '../catalog';
import type { AssetRow } from '../observability/asset-rows';

export interface KeyState extends AssetRow {
  readonly asset: CatalogAsset;
  /** One line; empty = the reason says it. */
  readonly message: string;
  /** Of the object it rendered to last. */
  readonly target: Target | undefined;
  /** How the run of the algorithm ended; `undefined` when there was none. */
  readonly outcome: BaselineOutcome | undefined;
  /** Of the last run. */
  readonly seconds: number;
}

/** @param wasOutdated the state counts again. */
type Listener = (state: KeyState, before: KeyState | undefined, wasOutdated: boolean) => void;

export class KeyStates {
  private readonly states = new Map<string, KeyState>();
  private readonly listeners = new Set<Listener>();
  /** Keys that were in sync, or not wanted, at least once since this process leads. */
  private readonly settled = new Set<string>();
  /** Keys of which something changed that decides on them, with the turn in which it did. */
  private readonly outdated = new Map<string, number>();
  private lastTurn = 0;

  /** Listeners are told inline after each run. */
  onState(listener: Listener): void {
    this.listeners.add(listener);
  }

  /** A run that begins now knows of everything up to this turn. */
  get turn(): number {
    return this.lastTurn;
  }

  /** What is known of the keys says nothing any more about whether they are wanted, until they had another run. */
  outdate(keys: Iterable<string>): void {
    this.lastTurn++;
    for (const key of keys) this.outdated.set(key, this.lastTurn);
  }

  isOutdated(key: string): boolean {
    return this.outdated.has(key);
  }

  /** @param turn in which the run began. */
  set(state: KeyState, turn: number): void {
    const wasOutdated = (this.outdated.get(state.key) ?? Number.POSITIVE_INFINITY) <= turn;
    if (wasOutdated) this.outdated.delete(state.key);
    const before = this.states.get(state.key);
    this.states.set(state.key, state);
    if (isSkipped(state) || isInSync(state)) this.settled.add(state.key);
    for (const listener of this.listeners) listener(state, before, wasOutdated);
  }

  get(key: string): KeyState | undefined {
    return this.states.get(key);
  }

  list(): readonly KeyState[] {
    return [...this.states.values()];
  }

  /** Whether there are instances of the asset, and all of them are in sync. */
  isInSync(asset: string): boolean {
    const instances = this.list().filter((state) => state.asset.name === asset);
    return instances.length > 0 && instances.every(isInSync);
  }

  hasSettled(key: string): boolean {
    return this.settled.has(key);
  }

  remove(key: string): void {
    this.states.delete(key);
    this.settled.delete(key);
    this.outdated.delete(key);
  }

  /** Another process led meanwhile. */
  clear(): void {
    this.states.clear();
    this.settled.clear();
    this.outdated.clear();
  }
}

/** While the module rests nobody has decided on the asset itself. */
function isSkipped({ status, reason }: KeyState): boolean {
  return status === 'EXCLUDED' || (status === 'FILTERED' && reason !== 'Inactive');
}

export function isInSync({ outcome }: Pick<KeyState, 'outcome'>): boolean {
  return outcome?.status === 'InSync' || outcome?.status === 'Applied';
}
