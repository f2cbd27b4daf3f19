/**
 * Learns addresses from instances that run, for virtual machines whose owners have written none into them.
 *
 * Expected flow: a config with learnRuntimeMACs comes into force -> interfaces are kept in the cache of instances -> each instance
 * of a virtual machine in its scope is looked at -> the map is told.
 * Guarantees: an address that only the guest reports is never used: a guest could claim any; what was learned is kept while the
 * machine is off, and dropped when it is deleted, declares an address, or leaves the scope of all learning configs.
 * Assumptions: whoever feeds `targets` tells every change. Caveats: without such a config nothing is looked at.
 */
import type { VirtualMachineInstance } from '../../kubevirt/virtual-machine-instance';
import type { WakeTarget } from '../../kubevirt/wake-target';
import type { EffectiveConfig } from './effective-config';
import type { LearnedMacs } from './learned-macs';
import type { LocalWakeTargets } from './local-wake-targets';
import type { WakeMap } from './wake-map';

export interface MacLearnerParts {
  readonly map: Pick<WakeMap, 'effectiveConfigs' | 'learnsFrom' | 'refreshTarget'>;
  readonly targets: LocalWakeTargets;
  readonly learned: LearnedMacs;
  /** Makes the cache of instances keep their interfaces. @returns ends that. */
  readonly keepInterfaces: () => () => void;
}

export class MacLearner {
  private learning: readonly EffectiveConfig[] = [];
  private release: (() => void) | undefined;
  /** UIDs under which something is learned, by key: a virtual machine that is gone can no longer say its own. */
  private readonly uids = new Map<string, string>();
  private readonly listeners = new Set<() => void>();

  constructor(private readonly parts: MacLearnerParts) {
    parts.targets.subscribe((key, target) => this.observe(key, target));
  }

  /** Some config learns. */
  get isActive(): boolean {
    return this.learning.length > 0;
  }

  /** Told when other configs learn than before: instances that run already have to be looked at. */
  onScopeChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  /** To be called after a config has changed or gone. */
  followConfigs(): void {
    const learning = this.parts.map.effectiveConfigs().filter(({ learnRuntimeMacs }) => learnRuntimeMacs);
    const isSame = learning.length === this.learning.length && learning.every((config, index) => config === this.learning[index]);
    if (isSame) return;
    this.learning = learning;
    if (this.isActive) this.release ??= this.parts.keepInterfaces();
    else this.stop();
    for (const listener of [...this.listeners]) listener();
  }

  /** Looks at an instance as the API server has it, which the cache may have without its interfaces. */
  observeInstance(key: string, vmi: VirtualMachineInstance): void {
    const target = this.parts.targets.get(key);
    if (target !== undefined) this.learn(key, target, vmi);
  }

  /** Takes in what was stored. */
  restore(stored: Readonly<Record<string, string>>): void {
    const fresh = new Set(this.parts.learned.restore(stored));
    if (fresh.size === 0) return;
    for (const target of this.parts.targets.targets()) if (fresh.has(target.uid)) this.observe(keyOfTarget(target), target, true);
  }

  /** Drops what belongs to no virtual machine that is learned from. Only when all virtual machines are known. */
  sweep(): void {
    const { learned, targets, map } = this.parts;
    const unclaimed = new Set(learned.uids());
    for (const [key, uid] of this.uids) {
      const target = targets.get(key);
      if (target?.uid === uid && map.learnsFrom(target)) unclaimed.delete(uid);
      else this.uids.delete(key);
    }
    for (const uid of unclaimed) learned.forget(uid);
  }

  stop(): void {
    this.release?.();
    this.release = undefined;
  }

  private observe(key: string, target: WakeTarget | undefined, isNew = false): void {
    const { learned, targets, map } = this.parts;
    const known = this.uids.get(key);
    if (known !== undefined && known !== target?.uid) this.forget(key, known);
    if (target === undefined || (!this.isActive && known === undefined)) return;
    if (!map.learnsFrom(target)) {
      if (learned.forget(target.uid)) map.refreshTarget(key);
      this.uids.delete(key);
      return;
    }
    if (learned.macsOf(target.uid).length > 0) this.uids.set(key, target.uid);
    if (isNew) map.refreshTarget(key);
    const vmi = targets.instanceOf(key);
    if (vmi !== undefined) this.learn(key, target, vmi);
  }

  private learn(key: string, target: WakeTarget, vmi: VirtualMachineInstance): void {
    const { learned, map } = this.parts;
    if (!map.learnsFrom(target)) return;
    const named = (vmi.status?.interfaces ?? []).filter(({ name = '' }) => name !== '');
    if (
      !learned.learn(
        target.uid,
        named.map(({ mac }) => mac),
      )
    )
      return;
    this.uids.set(key, target.uid);
    map.refreshTarget(key);
  }

  private forget(key: string, uid: string): void {
    this.parts.learned.forget(uid);
    this.uids.delete(key);
  }
}

function keyOfTarget({ namespace, name }: WakeTarget): string {
  return `${namespace}/${name}`;
}
