/**
 * The installation medium of a Machine: attached while it is wanted, gone afterwards.
 *
 * Owns: the template of its DataVolume and its size, and the clean-up once the system is installed. Never: waits for an import.
 */
import { objectKey } from '../../framework';
import { storageFailure } from '../status/failures';
import {
  type BootWish,
  type DataVolume,
  DEFAULT_ISO_SIZE,
  type ImageSource,
  isoTemplate,
  owesIsoCleanUp,
  probeUrl,
} from '../virtual-machine/boot-image';
import { BOOT_IMAGE_SIZE, ISO_CLEANED_UP } from '../virtual-machine/marks';
import { isoName } from '../virtual-machine/names';
import { isDeletable, ownershipOf } from '../virtual-machine/ownership';
import { RemoteClaimKind, RemoteDataVolume, type RemoteVirtualMachine } from '../virtual-machine/remote-objects';
import { annotateMachine } from './machine-annotations';
import type { MachinePass } from './machine-pass-context';
import type { StoredDisks } from './storage-step';

const ASK_AGAIN_MS = 500;

/** @param live the virtual machine as it is, whose medium keeps its size. */
export async function isoOf(
  pass: MachinePass,
  boot: BootWish,
  vm: string,
  stored: StoredDisks,
  live: RemoteVirtualMachine | undefined,
): Promise<DataVolume | undefined> {
  if (boot.kind !== 'iso') return undefined;
  if (pass.hasImporter === false)
    pass.findings.fail(storageFailure('CDIMissing', 'CDI is not installed on the cluster; an ISO image cannot be imported'));
  const { owner } = pass;
  const name = isoName(vm, { namespace: owner.namespace, machine: owner.name });
  const size = boot.size ?? liveSizeOf(live, name) ?? (await askedSize(pass, boot.source));
  return isoTemplate(name, boot.source, size, await stored.plan(), owner);
}

function liveSizeOf(vm: RemoteVirtualMachine | undefined, name: string): string | undefined {
  if (vm === undefined) return undefined;
  const template = vm.spec?.dataVolumeTemplates?.find(({ metadata }) => metadata?.name === name) as DataVolume | undefined;
  return (template?.spec?.storage as { resources?: { requests?: { storage?: string } } } | undefined)?.resources?.requests?.storage;
}

/** The answer is kept on the Machine, so that a medium never changes its size. */
async function askedSize(pass: MachinePass, source: ImageSource): Promise<string> {
  const { settings, images, owner, findings } = pass;
  const url = settings.bootImageProbe ? probeUrl(source) : undefined;
  if (url === undefined) return DEFAULT_ISO_SIZE;
  const size = images.take(owner.uid, `${owner.namespace}/${owner.name}`, url);
  if (size === 'asking') {
    const text = 'the server of the boot image is being asked for its size';
    return findings.wait('StorageReady', 'WaitingForImport', text, { requeueAfterMs: ASK_AGAIN_MS });
  }
  await annotateMachine(pass, BOOT_IMAGE_SIZE, size);
  return size;
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
