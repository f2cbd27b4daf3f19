/**
 * How many processors and how much memory a Machine gets.
 *
 * Owns: instance types, machine classes, and what spec.cpu and spec.memory change of them. Never: reads a class; it is given.
 */
import type { Machine, MachineClass } from '../kinds';
import type { ApiProfile } from '../profile';

export interface Size {
  /** A quantity. */
  readonly memory: string;
  readonly cores: number;
  readonly sockets: number;
  readonly threads: number;
  /** Written as `domain.cpu` and `domain.memory.guest`, `domain.cpu` and requests, or requests alone. */
  readonly form: 'guest' | 'topology' | 'requests';
}

export type SizeOutcome =
  | {
      readonly kind: 'size';
      readonly size: Size /** An instance type nobody knows; the smallest was taken. */;
      readonly unknownType?: string;
    }
  /** A condition of class errors, see failures. */
  | { readonly kind: 'class-error'; readonly className: string; readonly text: string };

/** What a class was found to be; `unserved` when the cluster has no such kind. */
export type ClassLookup =
  | { readonly kind: 'found'; readonly machineClass: MachineClass }
  | { readonly kind: 'failed'; readonly cause: string }
  | { readonly kind: 'unserved' };

const INSTANCE_TYPES: Readonly<Record<string, { memory: string; cores: number }>> = {
  small: { memory: '1Gi', cores: 1 },
  medium: { memory: '2Gi', cores: 2 },
  large: { memory: '4Gi', cores: 4 },
};
const MIB = 1_048_576;

/** Name of the class that decides on the size, `undefined` when none does. */
export function wantedClass({ spec = {} }: Machine): string | undefined {
  return spec.machineClass === undefined || spec.machineClass === '' ? undefined : spec.machineClass;
}

/** @param lookup of the class that `wantedClass` names. */
export function sizeOf(machine: Machine, profile: ApiProfile, lookup: ClassLookup = { kind: 'unserved' }): SizeOutcome {
  const className = wantedClass(machine);
  if (className !== undefined && (profile === 'second' || lookup.kind !== 'unserved'))
    return sizeOfClass(machine, className, profile, lookup);
  if (profile === 'second')
    return { kind: 'size', size: changed(machine, { memory: '2Gi', cores: 2, sockets: 1, threads: 1, form: 'guest' }) };
  const type = machine.spec?.instanceType ?? '';
  const known = Object.hasOwn(INSTANCE_TYPES, type) ? INSTANCE_TYPES[type] : undefined;
  const { memory, cores } = known ?? { memory: '1Gi', cores: 1 };
  const size = changed(machine, { memory, cores, sockets: 1, threads: 1, form: 'requests' });
  return { kind: 'size', size, ...(known === undefined && type !== '' ? { unknownType: type } : {}) };
}

function sizeOfClass(machine: Machine, className: string, profile: ApiProfile, lookup: ClassLookup): SizeOutcome {
  const refused = (text: string): SizeOutcome => ({ kind: 'class-error', className, text });
  if (lookup.kind === 'unserved') return refused(`failed to get MachineClass '${className}': the cluster serves no MachineClass`);
  if (lookup.kind === 'failed') return refused(`failed to get MachineClass '${className}': ${lookup.cause}`);
  const { enabled = false, memory, cpu = {} } = lookup.machineClass.spec ?? {};
  if (!enabled) return refused(`MachineClass '${className}' is not enabled`);
  if (memory?.quantity === undefined) return refused(`failed to get MachineClass '${className}': it names no memory.quantity`);
  const atLeastOne = (count = 0): number => (count > 0 ? count : 1);
  const base = {
    memory: String(memory.quantity),
    cores: atLeastOne(cpu.cores),
    sockets: atLeastOne(cpu.sockets),
    threads: atLeastOne(cpu.threads),
  };
  const form = profile === 'second' ? 'guest' : base.sockets > 1 || base.threads > 1 ? 'topology' : 'requests';
  return { kind: 'size', size: changed(machine, { ...base, form }) };
}

/** With what spec.memory and spec.cpu say. */
function changed({ spec = {} }: Machine, base: Size): Size {
  const memory = spec.memory !== undefined && spec.memory > 0 ? `${Math.floor(spec.memory / MIB)}Mi` : base.memory;
  const { cores = base.cores, sockets, threadsPerCore } = spec.cpu ?? {};
  const hasTopology = sockets !== undefined || threadsPerCore !== undefined;
  return {
    memory,
    cores,
    sockets: sockets ?? base.sockets,
    threads: threadsPerCore ?? base.threads,
    form: base.form === 'requests' && hasTopology ? 'topology' : base.form,
  };
}

/** The part of a domain that the size decides on. */
export function domainSize({ memory, cores, sockets, threads, form }: Size): { cpu?: object; memory?: object; resources?: object } {
  if (form === 'guest') return { cpu: { cores, sockets, threads }, memory: { guest: memory } };
  if (form === 'topology') return { cpu: { cores, sockets, threads }, resources: { requests: { memory } } };
  return { resources: { requests: { memory, cpu: String(cores) } } };
}
