/**
 * Machines whose records name the same address.
 *
 * Owns: which of them may have it. Never: writes; takes an address from a virtual machine that exists.
 * Invariant: pure but for the caches it reads. Whoever asks, the same Machine wins: one with a virtual machine before one without, then the
 * older, then the first by name. Networks of different clusters may be one, so that all clusters count as one.
 */
import { type Cluster, keyOf, type ObjectKey } from '../../framework';
import { normalizeMac } from '../../kubevirt/mac-address';
import { Machine, NetworkConfiguration } from '../kinds';

/** Name of the index that files records under the addresses of their interfaces. */
export const BY_MAC = 'mac';

/** What the index files a record under: not what its status says, which only repeats the spec. */
export function reservedMacs({ spec }: NetworkConfiguration): readonly string[] {
  const macs = (spec?.networkInterfaces ?? []).flatMap(({ macAddress }) => normalizeMac(macAddress ?? '') ?? []);
  return [...new Set(macs)];
}

/** Machines, each by its key, that a change of this record concerns: its own, and those whose record names one of its addresses. */
export function sharersOf(supervisor: Cluster, record: NetworkConfiguration): readonly ObjectKey[] {
  const records = supervisor.store(NetworkConfiguration);
  return [...new Set([keyOf(record), ...reservedMacs(record).flatMap((mac) => records.by(BY_MAC, mac).map(keyOf))])];
}

/** The same for a change of a Machine: those that share an address with it. */
export function sharersOfMachine(supervisor: Cluster, machine: Machine): readonly ObjectKey[] {
  const record = supervisor.store(NetworkConfiguration).get(keyOf(machine));
  return record === undefined ? [] : sharersOf(supervisor, record);
}

/** Whether a change of a Machine may decide who has an address: it came, or its virtual machine did. That it went always may. */
export function mayDecideOnAddress(now: Machine, old: Machine | undefined): boolean {
  return old === undefined || now.metadata?.uid !== old.metadata?.uid || isBuilt(now) !== isBuilt(old);
}

export interface SharedAddress {
  readonly isWinner: boolean;
  /** For people; it names one other Machine, and does not change with the number of them. */
  readonly text: string;
}

/** @param hasVm whether the Machine has a virtual machine, as far as its pass knows. @returns `undefined` = nobody else names the address. */
export function sharedAddress(supervisor: Cluster, machine: Machine, mac: string, hasVm: boolean): SharedAddress | undefined {
  const machines = supervisor.store(Machine);
  const own: Claim = { ...claimOf(machine), isBuilt: hasVm || isBuilt(machine) };
  const rivals = supervisor
    .store(NetworkConfiguration)
    .by(BY_MAC, mac)
    .flatMap((record) => machines.get(keyOf(record)) ?? [])
    .map(claimOf)
    .filter(({ key }) => key !== own.key)
    .sort(byPrecedence);
  const [first] = rivals;
  if (first === undefined) return undefined;
  const named = `macAddress ${mac} is also that of Machine ${first.key}`;
  if (byPrecedence(own, first) < 0) {
    return { isWinner: true, text: `${named}${rivals.length > 1 ? ' and others' : ''}; it belongs to this Machine, ${why(own, first)}` };
  }
  return { isWinner: false, text: `${named}, ${why(first, own)}; give one of the two another address` };
}

interface Claim {
  readonly key: ObjectKey;
  readonly isBuilt: boolean;
  /** RFC 3339 in UTC, so that texts sort by time. */
  readonly since: string;
}

function claimOf(machine: Machine): Claim {
  return { key: keyOf(machine), isBuilt: isBuilt(machine), since: machine.metadata?.creationTimestamp ?? '' };
}

function isBuilt({ status }: Machine): boolean {
  return (status?.virtualMachineRef?.name ?? '') !== '';
}

function byPrecedence(a: Claim, b: Claim): number {
  if (a.isBuilt !== b.isBuilt) return a.isBuilt ? -1 : 1;
  if (a.since !== b.since) return a.since < b.since ? -1 : 1;
  return a.key < b.key ? -1 : 1;
}

/** By what stays as it is before what changes, so that the text does not change once there is a virtual machine. */
function why(winner: Claim, loser: Claim): string {
  if (winner.since < loser.since) return 'which is older';
  if (winner.since === loser.since && winner.key < loser.key) return 'which is the first by name';
  return 'which has a virtual machine with it';
}
