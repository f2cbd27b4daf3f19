/**
 * The installation medium of a Machine: attached while it is wanted, gone afterwards.
 *
 * Owns: the template of its DataVolume, and the clean-up once the system is installed. Never: waits for an import.
 */
import { objectKey } from '../../framework';
import { storageFailure } from '../status/failures';
import { type BootWish, type DataVolume, DEFAULT_ISO_SIZE, isoTemplate, owesIsoCleanUp } from '../virtual-machine/boot-image';
import { ISO_CLEANED_UP } from '../virtual-machine/marks';
import { isoName } from '../virtual-machine/names';
import { isDeletable, ownershipOf } from '../virtual-machine/ownership';
import { RemoteClaimKind, RemoteDataVolume } from '../virtual-machine/remote-objects';
import { annotateMachine } from './machine-annotations';
import type { MachinePass } from './machine-pass-context';
import type { StoredDisks } from './storage-step';

export async function isoOf(pass: MachinePass, boot: BootWish, vm: string, stored: StoredDisks): Promise<DataVolume | undefined> {
  if (boot.kind !== 'iso') return undefined;
  if (pass.hasImporter === false)
    pass.findings.fail(storageFailure('CDIMissing', 'CDI is not installed on the cluster; an ISO image cannot be imported'));
  const { owner } = pass;
  const name = isoName(vm, { namespace: owner.namespace, machine: owner.name });
  return isoTemplate(name, boot.source, boot.size ?? DEFAULT_ISO_SIZE, await stored.plan(), owner);
}

/** After the virtual machine has let go of it. */
export async function cleanUpIso(pass: MachinePass, vm: string): Promise<void> {
  if (!owesIsoCleanUp(pass.machine)) return;
  const { remote, owner } = pass;
  const key = objectKey(owner.namespace, isoName(vm, { namespace: owner.namespace, machine: owner.name }));
  for (const kind of [RemoteDataVolume, RemoteClaimKind] as const) {
    const object = await remote.find(kind as typeof RemoteClaimKind, key);
    if (object === undefined) continue;
    // The claim is CDI's: it carries no mark of ours but the owner that goes with it.
    const isOurs = isDeletable(ownershipOf(object, owner));
    if (isOurs) await remote.delete(kind, key, { uid: object.metadata?.uid ?? '' });
  }
  await annotateMachine(pass, ISO_CLEANED_UP, 'true');
}
