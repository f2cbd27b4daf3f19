/**
 * How each key stands: what people are shown, and what other keys wait for.
 *
 * Owns: one state a key. Never: writes; who shows states listens. Invariant: a state goes when its key goes.
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

type Listener = (state: KeyState, before: KeyState | undefined) => void;

export class KeyStates {
  private readonly states = new Map<string, KeyState>();
  private readonly listeners = new Set<Listener>();
  /** Keys that were in sync, or not wanted, at least once since this process leads. */
  private readonly settled = new Set<string>();

  /** Listeners are told inline after each run. */
  onState(listener: Listener): void {
    this.listeners.add(listener);
  }

  set(state: KeyState): void {
    const before = this.states.get(state.key);
    this.states.set(state.key, state);
    if (isSkipped(state) || isInSync(state)) this.settled.add(state.key);
    for (const listener of this.listeners) listener(state, before);
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
  }

  /** Another process led meanwhile. */
  clear(): void {
    this.states.clear();
    this.settled.clear();
  }
}

/** While the module rests nobody has decided on the asset itself. */
function isSkipped({ status, reason }: KeyState): boolean {
  return status === 'EXCLUDED' || (status === 'FILTERED' && reason !== 'Inactive');
}

export function isInSync({ outcome }: Pick<KeyState, 'outcome'>): boolean {
  return outcome?.status === 'InSync' || outcome?.status === 'Applied';
}
