/** How node-level objects are rolled out: the anchor's annotation `platform.kubevirt.io/rollout`. Pure. */
import { ROLLOUT_ANNOTATION } from '../keys';

export type RolloutMode = 'serial' | 'batch' | 'immediate' | 'manual';

const MODES: readonly string[] = ['serial', 'batch', 'immediate', 'manual'] satisfies RolloutMode[];

/** @returns serial, the most careful one that still writes, for a value nobody knows; with the problem to be told. */
export function rolloutModeOf(value: string | undefined): { readonly mode: RolloutMode; readonly problem?: string } {
  const text = (value ?? '').trim();
  if (text === '') return { mode: 'serial' };
  if (MODES.includes(text)) return { mode: text as RolloutMode };
  return {
    mode: 'serial',
    problem: `the annotation ${ROLLOUT_ANNOTATION} is "${text.slice(0, 64)}"; allowed: ${MODES.join(', ')}; serial is used`,
  };
}
