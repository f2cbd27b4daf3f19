/** Which Events tell of a change in a WolConfig's state: pure, and from objects alone, so that a restart repeats none. */
import { type ConditionInput, conditionOf } from '../../framework';
import type { MacConflict } from '../manager/config-ledger';
import { MAX_LISTED_CONFLICTS, MAX_LISTED_LOSERS } from '../manager/limits';
import type { WolConfig } from '../wol-config';

export interface ConfigEventNote {
  readonly type: 'Normal' | 'Warning';
  readonly reason: 'InvalidConfig' | 'SecretUnavailable' | 'MACConflict' | 'MACConflictResolved';
  readonly note: string;
  /** Key of the virtual machine to tell; `undefined` = the config. */
  readonly vm: string | undefined;
}

/** @param config as it is stored: what its status says was told already. */
export function configEvents(config: WolConfig, ready: ConditionInput, conflicts: readonly MacConflict[]): ConfigEventNote[] {
  return [...trouble(config, ready), ...conflicts.flatMap((conflict) => news(config, conflict)), ...resolved(config, conflicts)];
}

/** Told on entering the state, and when it becomes another trouble of the same kind. */
function trouble(config: WolConfig, { reason, message }: ConditionInput): ConfigEventNote[] {
  const told = conditionOf(config, 'Ready');
  const isTrouble = reason === 'InvalidConfig' || reason === 'SecretUnavailable';
  if (!isTrouble || (told?.reason === reason && told.message === message)) return [];
  return [{ type: 'Warning', reason, note: message, vm: undefined }];
}

/** Told to the config when the conflict is new, and to each machine that has just become a loser. */
function news({ status }: WolConfig, { mac, winner, losers }: MacConflict): ConfigEventNote[] {
  const told = status?.conflicts?.find(({ macAddress }) => macAddress === mac);
  const note = `${mac} belongs to several virtual machines: ${winner} keeps it, ${losers.join(', ')} cannot be woken by it`;
  const newLosers = losers.slice(0, MAX_LISTED_LOSERS).filter((loser) => !told?.losers.includes(loser));
  const whom = told === undefined ? [undefined, ...newLosers] : newLosers;
  return whom.map((vm) => ({ type: 'Warning', reason: 'MACConflict', note, vm }));
}

function resolved({ status }: WolConfig, conflicts: readonly MacConflict[]): ConfigEventNote[] {
  const current = new Set(conflicts.map(({ mac }) => mac));
  // A full list says nothing of addresses behind its last.
  const last = conflicts.length < MAX_LISTED_CONFLICTS ? undefined : conflicts[conflicts.length - 1]?.mac;
  const isListed = (mac: string): boolean => last === undefined || mac <= last;
  const ended = (status?.conflicts ?? []).filter(({ macAddress }) => isListed(macAddress) && !current.has(macAddress));
  return ended.map(({ macAddress }) => ({
    type: 'Normal',
    reason: 'MACConflictResolved',
    note: `${macAddress} belongs to one virtual machine again, or to none`,
    vm: undefined,
  }));
}
