/**
 * What a virtual machine's owner wants of it, from the two fields that can say so.
 *
 * Owns: the one effective strategy. Never: what follows from it.
 */
import type { VirtualMachineSpec } from './virtual-machine';

const KNOWN = ['Always', 'RerunOnFailure', 'Manual', 'Halted', 'Once', 'WaitAsReceiver'] as const;

/** The strategies of KubeVirt; `Unknown` for one that this version does not know, `Contradictory` when both fields are set. */
export type RunStrategy = (typeof KNOWN)[number] | 'Unknown' | 'Contradictory';

/** `running: true` acts as Always; `running: false`, or neither field, as Halted. */
export function effectiveRunStrategy({ running, runStrategy }: VirtualMachineSpec = {}): RunStrategy {
  if (running !== undefined && runStrategy !== undefined) return 'Contradictory';
  if (runStrategy !== undefined) return KNOWN.find((known) => known === runStrategy) ?? 'Unknown';
  return running === true ? 'Always' : 'Halted';
}
