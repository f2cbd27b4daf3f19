/** What a WolConfig's status says, from what the wake map counted. Pure. */
import type { WolConfigStatus } from '../../api/wol/v1beta1';
import type { ConditionInput } from '../../framework';
import type { ConfigCounts, MacConflict } from '../manager/config-ledger';
import type { ConfigEvaluation } from '../manager/effective-config';
import { MAX_LISTED_LOSERS } from '../manager/limits';

/** Addresses named in the message of MACConflict. */
const NAMED_CONFLICTS = 3;

type OwnStatus = Pick<WolConfigStatus, 'managedVMs' | 'managedMACs' | 'unwakeableVMs' | 'wolPorts' | 'conflicts'>;

/** @param ports effective ports, in the order of the spec. */
export function configStatus(counts: ConfigCounts, conflicts: readonly MacConflict[], ports: readonly number[]): OwnStatus {
  return {
    managedVMs: counts.managedVms,
    managedMACs: counts.managedMacs,
    unwakeableVMs: counts.unwakeableVms,
    wolPorts: [...ports],
    conflicts: conflicts.map(({ mac, winner, losers, precedence }) => ({
      macAddress: mac,
      winner,
      losers: losers.slice(0, MAX_LISTED_LOSERS),
      precedence,
    })),
  };
}

/**
 * The first that applies decides.
 *
 * @param virtualMachines whether VirtualMachines have been listed, are not served at all, or cannot be listed.
 * @param secretProblem why the SecureOn password cannot be had; `undefined` when all is well.
 */
export function readyCondition(
  evaluation: ConfigEvaluation,
  virtualMachines: 'listed' | 'not served' | 'unavailable',
  secretProblem?: string,
): ConditionInput {
  const notReady = (reason: string, message: string): ConditionInput => ({ type: 'Ready', status: 'False', reason, message });
  if (evaluation.kind === 'invalid') return notReady('InvalidConfig', evaluation.problems.join('; '));
  if (virtualMachines === 'not served')
    return notReady('KubeVirtMissing', 'the cluster serves no virtualmachines.kubevirt.io; install KubeVirt');
  if (virtualMachines === 'unavailable') return notReady('MappingFailed', 'virtual machines cannot be listed');
  if (secretProblem !== undefined) return notReady('SecretUnavailable', `${secretProblem}; packets are refused`);
  return { type: 'Ready', status: 'True', reason: 'MappingUpdated', message: 'packets wake the virtual machines of this config' };
}

export function conflictCondition(count: number, conflicts: readonly MacConflict[]): ConditionInput {
  if (count === 0) return { type: 'MACConflict', status: 'False', reason: 'NoConflict', message: '' };
  const named = conflicts.slice(0, NAMED_CONFLICTS).map(({ mac }) => mac);
  const message = `${count} MAC ${count === 1 ? 'address belongs' : 'addresses belong'} to several virtual machines: ${named.join(', ')}`;
  return { type: 'MACConflict', status: 'True', reason: 'Conflict', message };
}
