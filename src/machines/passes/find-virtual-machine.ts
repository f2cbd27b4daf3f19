/**
 * Finds the virtual machine of a Machine, and takes it over where that is allowed.
 *
 * Owns: where it is looked for, in which order, and what is said of one that is not ours. Never: creates or deletes anything.
 * Invariant: nothing is called absent that was not asked for live; a server that does not answer ends the pass.
 */
import { ForbiddenError, NotFoundError, objectKey } from '../../framework';
import { ADOPT_ANNOTATION } from '../keys';
import { storeOf } from '../network/mac-reservations';
import { defaultNamePrefix } from '../profile';
import { notOwnedFailure } from '../status/failures';
import { adoptionPatch, instanceLabelPatch } from '../virtual-machine/adoption';
import { adoptedHash } from '../virtual-machine/apply-plan';
import { virtualMachineName } from '../virtual-machine/names';
import { notOwnedText, type OwnerIdentity, type OwnershipClass, ownershipOf, verdictOf } from '../virtual-machine/ownership';
import { RemoteInstance, RemoteVirtualMachine } from '../virtual-machine/remote-objects';
import type { Size } from '../virtual-machine/size';
import { BY_MACHINE, type MachinePass } from './machine-pass-context';
import { PassEnded } from './pass-findings';

export type FoundMachine =
  | { readonly kind: 'own'; readonly vm: RemoteVirtualMachine }
  /** There is none; a new one gets this name. */
  | { readonly kind: 'absent'; readonly name: string };

/** A virtual machine as it was found, and whose it is. */
export interface Candidate {
  readonly vm: RemoteVirtualMachine;
  readonly ownership: OwnershipClass;
}

/** @param size that an adopted one is taken to have been asked for. */
export async function findVirtualMachine(pass: MachinePass, size: Size): Promise<FoundMachine> {
  const cached = cachedMachine(pass);
  if (cached !== undefined) return { kind: 'own', vm: cached };
  const plain = machineName(pass);
  const free: string[] = [];
  for (const name of new Set([pass.machine.status?.virtualMachineRef?.name ?? plain, plain])) {
    const found = await ask(pass, name);
    if (found === undefined) free.push(name);
    else if (found.ownership !== 'Sibling') return { kind: 'own', vm: await taken(pass, found, size) };
  }
  const [first] = free;
  return first === undefined ? findHashed(pass, size) : { kind: 'absent', name: first };
}

/** The other names belong to other Machines. */
async function findHashed(pass: MachinePass, size: Size): Promise<FoundMachine> {
  const name = machineName(pass, true);
  const found = await ask(pass, name);
  if (found === undefined) return { kind: 'absent', name };
  return { kind: 'own', vm: await taken(pass, found, size) };
}

/** The one that the cache knows as ours, by the name that it has or would have. Copies that somebody made of it have its marks, too. */
export function cachedMachine(
  pass: Pick<MachinePass, 'cluster' | 'owner' | 'machine' | 'settings' | 'profile'>,
): RemoteVirtualMachine | undefined {
  const { cluster, owner, machine } = pass;
  const own = (storeOf(cluster, RemoteVirtualMachine)?.by(BY_MACHINE, owner.uid) ?? []).filter(
    (candidate) => candidate.metadata?.namespace === owner.namespace && ownershipOf(candidate, owner) === 'Own',
  );
  const recorded = machine.status?.virtualMachineRef?.name;
  for (const name of [recorded, machineName(pass), machineName(pass, true)]) {
    const named = name === undefined ? undefined : own.find(({ metadata }) => metadata?.name === name);
    if (named !== undefined) return named;
  }
  // Its name began with something else, and nothing remembers that.
  return recorded === undefined ? own.sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1))[0] : undefined;
}

/** Name of the virtual machine that a Machine gets; `hashed` where the plain one belongs to another. */
export function machineName(
  { settings, profile, owner }: Pick<MachinePass, 'settings' | 'profile'> & { readonly owner: Pick<OwnerIdentity, 'namespace' | 'name'> },
  hashed = false,
): string {
  const prefix = settings.namePrefix ?? defaultNamePrefix(profile);
  return virtualMachineName(prefix, { namespace: owner.namespace, machine: owner.name }, { hashed });
}

/** Every name that a virtual machine of this Machine may have. */
export function machineNames(pass: Pick<MachinePass, 'machine' | 'cluster' | 'owner' | 'settings' | 'profile'>): string[] {
  const { machine, cluster, owner } = pass;
  const marked = (storeOf(cluster, RemoteVirtualMachine)?.by(BY_MACHINE, owner.uid) ?? []).map(({ metadata }) => metadata?.name);
  const names = [machine.status?.virtualMachineRef?.name, ...marked, machineName(pass), machineName(pass, true)];
  return [...new Set(names.filter((name) => name !== undefined && name !== ''))] as string[];
}

/** Asks the server; an answer other than yes and no ends the pass, because nothing may be built on it. */
export async function ask(pass: MachinePass, name: string): Promise<Candidate | undefined> {
  const { remote, owner, log } = pass;
  try {
    const vm = await remote.find(RemoteVirtualMachine, objectKey(owner.namespace, name));
    return vm && { vm, ownership: ownershipOf(vm, owner) };
  } catch (error) {
    log.warn('Failed to get VirtualMachine from remote cluster', { name, error });
    throw new PassEnded({ error });
  }
}

/** Takes a machine over that is ours to take. */
async function taken(pass: MachinePass, { vm, ownership }: Candidate, size: Size): Promise<RemoteVirtualMachine> {
  const { machine, remote, owner, key, findings } = pass;
  const verdict = verdictOf(ownership, machine.metadata?.annotations?.[ADOPT_ANNOTATION] === 'true');
  if (verdict === 'manage') return vm;
  const place = `VirtualMachine ${vm.metadata?.namespace}/${vm.metadata?.name}`;
  if (verdict !== 'adopt') findings.fail(notOwnedFailure(notOwnedText(`${place} on cluster ${key}`, vm, ownership)));
  const adopted = await remote.patch(
    RemoteVirtualMachine,
    objectKey(owner.namespace, vm.metadata?.name ?? ''),
    adoptionPatch(vm, owner, adoptedHash(size)),
  );
  pass.metrics.adopted(key);
  pass.event('normal', 'VirtualMachineAdopted', `${place} on cluster ${key} was taken over as it was found`);
  await labelInstance(pass, vm.metadata?.name ?? '');
  return adopted;
}

/** Informers find instances by their label, which a running one gets only now. */
async function labelInstance({ remote, owner, log }: MachinePass, name: string): Promise<void> {
  const key = objectKey(owner.namespace, name);
  try {
    const vmi = await remote.find(RemoteInstance, key);
    const patch = vmi && instanceLabelPatch(vmi, owner.supervisorId);
    if (patch !== undefined) await remote.patch(RemoteInstance, key, patch);
  } catch (error) {
    if (!(error instanceof ForbiddenError || error instanceof NotFoundError)) throw error;
    log.info('the running instance could not be labelled; its details show after the next start', { error });
  }
}
