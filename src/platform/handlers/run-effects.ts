/**
 * What the end of a run means for other keys: those that wait for it, for the pool that it wrote to, or for what they require.
 *
 * Owns: which node-level keys had a run in this term, and which assets were in sync when last somebody was told. Never: runs a key.
 * Invariant: a key that waits for another one is woken once the other gives it a new answer, and not before.
 */
import type { RolloutGate } from '../rollout/rollout-gate';
import type { AssetKeys } from './asset-keys';
import type { Barriers } from './barriers';
import type { KeyStates } from './key-states';

export interface RunEffectsOptions {
  readonly keys: AssetKeys;
  readonly states: KeyStates;
  readonly barriers: Barriers;
  readonly gate: RolloutGate;
}

export class RunEffects {
  /** Node-level keys that had a run since this process leads. */
  private readonly decided = new Set<string>();
  /** Assets that were in sync when last somebody was told. */
  private readonly metRequirements = new Set<string>();

  constructor(private readonly parts: RunEffectsOptions) {}

  /** Nothing of an earlier term counts. */
  clear(): void {
    this.metRequirements.clear();
    this.decided.clear();
  }

  /** After each run: whoever waited for this key goes on. */
  ended(key: string): void {
    const { keys, states, barriers } = this.parts;
    const asset = keys.assetOf(key);
    if (asset === undefined) return;
    keys.touch(barriers.ended(key, asset));
    const state = states.get(key);
    if (asset.isNodeLevel && state?.reason !== 'ContextUnknown' && !this.decided.has(key)) {
      this.decided.add(key);
      this.poolsChanged();
    }
    if (asset.isNodeLevel && state?.outcome?.status !== 'RolloutPending') this.letOthersGo(key);
    if (state?.outcome !== undefined) this.wakeDependents(asset.name);
  }

  /** There is no such key any more; its last state is still known. */
  gone(key: string): void {
    this.letOthersGo(key);
  }

  /** Those that wait for a pool ask again. */
  poolsChanged(): void {
    const { keys, states } = this.parts;
    const waiting = states.list().filter(({ outcome }) => outcome?.status === 'RolloutPending');
    keys.touch(waiting.map(({ key }) => key));
  }

  /** Whether each node-level key that comes before this position of the catalog had a run. */
  isDecidedBefore(position: number): boolean {
    const { keys } = this.parts;
    return keys.all().every((key) => {
      const asset = keys.assetOf(key)!;
      return !asset.isNodeLevel || asset.position >= position || this.decided.has(key);
    });
  }

  /** Those that require the asset to be in sync, or have a part that does, if that is another answer now. */
  private wakeDependents(name: string): void {
    const { keys, states } = this.parts;
    const isMet = states.isInSync(name);
    if (this.metRequirements.has(name) === isMet) return;
    if (isMet) this.metRequirements.add(name);
    else this.metRequirements.delete(name);
    keys.touchWhere(({ requires }) => requires.some((one) => one.type === 'asset' && one.asset === name));
  }

  /** The key neither waits for a pool nor writes. */
  private letOthersGo(key: string): void {
    const { states, gate } = this.parts;
    const target = states.get(key)?.target;
    if (target !== undefined && gate.ended({ kind: target.kind, metadata: { name: target.name } })) this.poolsChanged();
  }
}
