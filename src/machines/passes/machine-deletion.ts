/**
 * Takes everything of a Machine off its remote cluster, in an order that loses nothing else.
 *
 * Expected flow: stop -> delete the virtual machine -> wait until it and its instance are gone -> disks, Secrets -> network.
 * Guarantees: every step is found again from what exists, so that a crash between two repeats at most one call; an object that is not
 * provably the Machine's stays. Assumptions: the Machine is Terminating, its cluster can be used.
 * Errors: what the back-off of the queue has to deal with; nothing is taken for gone that did not answer so.
 */
import { type Kind, type KubernetesObject, NotFoundError, objectKey, timestampMs } from '../../framework';
import { StartableVirtualMachine } from '../../kubevirt/subresource-calls';
import { DELETION_POLICY_ANNOTATION, SUPERVISOR_ID } from '../keys';
import { Machine } from '../kinds';
import { storeOf } from '../network/mac-reservations';
import { NetworkAttachments } from '../network/network-kinds';
import { isOwnAttachment } from '../network/remote-network';
import type { DeletionStep } from '../status/conditions';
import { claimName, disksOf } from '../virtual-machine/disks';
import { isoName } from '../virtual-machine/names';
import { isDeletable, ownershipOf } from '../virtual-machine/ownership';
import { RemoteClaimKind, RemoteDataVolume, RemoteInstance, RemoteVirtualMachine } from '../virtual-machine/remote-objects';
import { deleteUnusedSecrets } from './cloud-init-step';
import { ask, machineName } from './find-virtual-machine';
import { BY_MACHINE, type MachinePass } from './machine-pass-context';
import { configurationOf, networkOfMachine } from './network-step';
import { causeText } from './remote-answers';

/** What a pass of deletion got to on the remote cluster. */
export type RemoteDeletion = { readonly kind: 'done' } | { readonly kind: 'waiting'; readonly step: DeletionStep; readonly text: string };

export type DeletionPolicy = 'delete' | 'orphan' | 'retain-disks';

/** Words that nobody knows count as `delete`. */
export function deletionPolicyOf({ metadata }: KubernetesObject): DeletionPolicy {
  const value = metadata?.annotations?.[DELETION_POLICY_ANNOTATION];
  return value === 'orphan' || value === 'retain-disks' ? value : 'delete';
}

/** A value that does not count; `undefined` when it does. */
export function unknownPolicy({ metadata }: KubernetesObject): string | undefined {
  const value = metadata?.annotations?.[DELETION_POLICY_ANNOTATION];
  return value === undefined || ['delete', 'orphan', 'retain-disks'].includes(value) ? undefined : value;
}

/** Terminating for longer than this is worth an Event. */
const PATIENCE_MS = 600_000;

export async function deleteRemoteObjects(pass: MachinePass): Promise<RemoteDeletion> {
  const names = machineNames(pass);
  for (const name of names) {
    const waiting = await deleteMachine(pass, name);
    if (waiting !== undefined) return waiting;
  }
  if (deletionPolicyOf(pass.machine) !== 'retain-disks') await deleteDisks(pass, names);
  await deleteUnusedSecrets(pass, undefined);
  await deleteAttachment(pass);
  return { kind: 'done' };
}

/** Every name that a virtual machine of this Machine may have. */
function machineNames(pass: MachinePass): string[] {
  const { machine, cluster, owner } = pass;
  const marked = (storeOf(cluster, RemoteVirtualMachine)?.by(BY_MACHINE, owner.uid) ?? []).map(({ metadata }) => metadata?.name);
  const names = [machine.status?.virtualMachineRef?.name, ...marked, machineName(pass), machineName(pass, true)];
  return [...new Set(names.filter((name) => name !== undefined && name !== ''))] as string[];
}

/** @returns what is waited for; `undefined` = there is none, or none of ours. */
async function deleteMachine(pass: MachinePass, name: string): Promise<RemoteDeletion | undefined> {
  const { remote, owner } = pass;
  const key = objectKey(owner.namespace, name);
  const found = await ask(pass, name);
  if (found !== undefined && !isDeletable(found.ownership)) {
    if (found.ownership !== 'Sibling' && name === pass.machine.status?.virtualMachineRef?.name) tellLeft(pass, name);
    return undefined;
  }
  if (found === undefined) return waitForInstance(pass, name);
  const { metadata = {} } = found.vm;
  if (metadata.deletionTimestamp === undefined) {
    await stop(pass, key);
    await remote.delete(RemoteVirtualMachine, key, { uid: metadata.uid ?? '', propagation: 'Foreground' });
  }
  const left = await remote.find(RemoteVirtualMachine, key);
  if (left === undefined || left.metadata?.uid !== metadata.uid) return waitForInstance(pass, name);
  return waitingFor(pass, left.metadata?.deletionTimestamp, left.metadata?.finalizers ?? [], name);
}

function waitingFor(pass: MachinePass, since: string | undefined, finalizers: readonly string[], name: string): RemoteDeletion {
  const sinceMs = timestampMs(since);
  const held = finalizers.length === 0 ? '' : `; it is held by ${finalizers.join(', ')}`;
  const text = `VirtualMachine ${name} is being deleted${held}`;
  if (sinceMs !== undefined && pass.clock.now() - sinceMs > PATIENCE_MS) pass.eventOnce('warning', 'DeletionWaiting', text);
  return { kind: 'waiting', step: 'WaitingForVirtualMachine', text };
}

/** Its disks are in use until the instance is gone as well. */
async function waitForInstance({ remote, owner }: MachinePass, name: string): Promise<RemoteDeletion | undefined> {
  const vmi = await remote.find(RemoteInstance, objectKey(owner.namespace, name));
  if (vmi === undefined || !isOfMachine(vmi, owner.supervisorId)) return undefined;
  return { kind: 'waiting', step: 'WaitingForVirtualMachine', text: `VirtualMachineInstance ${name} is being stopped` };
}

function isOfMachine({ metadata }: RemoteInstance, supervisorId: string): boolean {
  return metadata?.labels?.[SUPERVISOR_ID] === supervisorId;
}

/** Not there, or stopped already: both are what is wanted. */
async function stop({ remote }: MachinePass, key: string): Promise<void> {
  try {
    await remote.subresource(StartableVirtualMachine, key, 'stop', { method: 'PUT' });
  } catch (error) {
    const { status } = error as { status?: number };
    if (status !== 404 && status !== 409) throw error;
  }
}

async function deleteDisks(pass: MachinePass, vms: readonly string[]): Promise<void> {
  const { cluster, owner, machine, profile, hasImporter } = pass;
  const claims = new Set<string>();
  for (const kind of [RemoteClaimKind, RemoteDataVolume] as const) {
    for (const { metadata } of storeOf(cluster, kind as Kind)?.by(BY_MACHINE, owner.uid) ?? []) claims.add(metadata?.name ?? '');
  }
  for (const { pvcName } of machine.status?.disks ?? []) claims.add(pvcName ?? '');
  for (const vm of vms) {
    claims.add(isoName(vm, { namespace: owner.namespace, machine: owner.name }));
    for (const disk of disksOf(machine)) {
      for (const hashed of [false, true])
        claims.add(claimName(disk, { vm, namespace: owner.namespace, machine: owner.name, profile, hashed }));
    }
  }
  claims.delete('');
  for (const name of [...claims].sort()) {
    // CDI makes a claim anew while its DataVolume is there.
    if (hasImporter !== false) await deleteOwn(pass, RemoteDataVolume as Kind, name);
    await deleteOwn(pass, RemoteClaimKind as Kind, name);
  }
}

async function deleteOwn({ remote, owner }: MachinePass, kind: Kind, name: string): Promise<void> {
  const key = objectKey(owner.namespace, name);
  const object = await remote.find(kind, key);
  if (object === undefined || object.metadata?.deletionTimestamp !== undefined) return;
  if (isDeletable(ownershipOf(object, owner))) await remote.delete(kind, key, { uid: object.metadata?.uid ?? '' });
}

function tellLeft({ eventOnce, owner, key }: MachinePass, name: string): void {
  eventOnce(
    'warning',
    'VirtualMachineLeft',
    `VirtualMachine ${owner.namespace}/${name} on cluster ${key} is not managed by this Machine and was left`,
  );
}

/** A VLAN's attachment of ours goes with the last one that uses it. Never holds up a deletion. */
async function deleteAttachment(pass: MachinePass): Promise<void> {
  if (pass.profile !== 'second') return;
  const { remote, owner, settings, log } = pass;
  try {
    const network = networkOfMachine(pass.findings.vm)?.attachment ?? attachmentOf(pass);
    if (network === undefined) return;
    const key = objectKey(owner.namespace, network);
    const present: KubernetesObject[] = [];
    for await (const attachment of remote.list(NetworkAttachments, { namespace: owner.namespace })) present.push(attachment);
    const found = present.find(({ metadata }) => metadata?.name === network);
    if (found === undefined || !isOwnAttachment(found, settings.managedBy)) return;
    if ((await isUsed(pass, network)) || hasNeighbours(pass)) return;
    await remote.delete(NetworkAttachments, key, { uid: found.metadata?.uid ?? '' });
  } catch (error) {
    if (!(error instanceof NotFoundError)) log.warn('the network attachment could not be cleaned up', { error: causeText(error) });
  }
}

/** Network of the record, once the virtual machine is gone. */
function attachmentOf({ machine, supervisor }: MachinePass): string | undefined {
  const name = configurationOf({ machine, supervisor })?.spec.networkInterfaces?.[0]?.name;
  return name === undefined || name === 'default' ? undefined : name;
}

async function isUsed({ remote, owner }: MachinePass, attachment: string): Promise<boolean> {
  for (const kind of [RemoteVirtualMachine, RemoteInstance] as const) {
    for await (const object of remote.list(kind as Kind<RemoteVirtualMachine & RemoteInstance>, { namespace: owner.namespace })) {
      const networks = object.spec?.template?.spec?.networks ?? object.spec?.networks ?? [];
      if (networks.some(({ multus }) => multus?.networkName === attachment)) return true;
    }
  }
  return false;
}

/** Another Machine of the namespace on this cluster may be about to use it. */
function hasNeighbours({ supervisor, machine, owner }: MachinePass): boolean {
  return [...supervisor.store(Machine).list()].some(
    (other) =>
      other.metadata?.namespace === owner.namespace &&
      other.metadata?.uid !== owner.uid &&
      other.metadata?.deletionTimestamp === undefined &&
      other.status?.kubevirtConfigRef?.name === machine.status?.kubevirtConfigRef?.name,
  );
}
