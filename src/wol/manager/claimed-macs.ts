/**
 * What one config claims of one target. Pure.
 *
 * Owns: the discovery modes. Never: knows who else claims the same; reads a target's state.
 */
import { isUsableMac } from '../../kubevirt/mac-address';
import type { WakeTarget } from '../../kubevirt/wake-target';
import type { EffectiveConfig } from './effective-config';

export interface ClaimedMacs {
  /** May be empty: the target is in scope and has no usable address. */
  readonly macs: readonly string[];
  readonly learned: boolean;
}

/** Addresses seen at run time, in normal form, for targets that declare none. */
export type LearnedMacsOf = (target: WakeTarget) => readonly string[];

/** @returns `undefined` when the target is out of the config's scope. */
export function claimedMacs(config: EffectiveConfig, target: WakeTarget, learnedMacsOf: LearnedMacsOf): ClaimedMacs | undefined {
  if (config.mode === 'Explicit') {
    const macs = target.scope.ignored || !isVisible(config, target) ? undefined : config.mappings.get(scopeKeyOf(target));
    return macs && { macs, learned: false };
  }
  if (!isDiscovered(config, target)) return undefined;
  if (target.macs.length > 0 || !config.learnRuntimeMacs) return { macs: target.macs, learned: false };
  return { macs: learnedMacsOf(target).filter(isUsableMac), learned: true };
}

/** Whether the config wants to know the addresses that this target shows at run time. */
export function learnsFrom(config: EffectiveConfig, target: WakeTarget): boolean {
  return config.learnRuntimeMacs && target.macs.length === 0 && isDiscovered(config, target);
}

/** Whether a config takes part in targets of that cluster. */
export function isVisible({ includeRemote }: EffectiveConfig, { cluster }: WakeTarget): boolean {
  return includeRemote || cluster === '';
}

/** `namespace/name` of the object on this cluster that the discovery modes look at. */
export function scopeKeyOf({ scope }: WakeTarget): string {
  return `${scope.namespace}/${scope.name}`;
}

/** Modes other than Explicit: whether the config is about this target at all. */
function isDiscovered(config: EffectiveConfig, target: WakeTarget): boolean {
  const { ignored, namespace, labels } = target.scope;
  if (ignored || config.mode === 'Explicit' || !isVisible(config, target)) return false;
  return config.namespaces?.has(namespace) !== false && config.matches(labels);
}
