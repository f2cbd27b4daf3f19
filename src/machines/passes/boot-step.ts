/**
 * The installation medium of a Machine: attached while it is wanted, gone afterwards.
 *
 * Owns: the template of its DataVolume and its size, and the clean-up once the system is installed. Never: waits for an import.
 */
import { objectKey } from '../../framework';
import type { ImageSize } from '../boot-images/boot-images';
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
import { ISO_CLEANED_UP } from '../virtual-machine/marks';
import { isoName } from '../virtual-machine/names';
import { isDeletable, ownershipOf } from '../virtual-machine/ownership';
import { RemoteClaimKind, RemoteDataVolume, type RemoteVirtualMachine } from '../virtual-machine/remote-objects';
import { annotateMachine } from './machine-annotations';
import type { MachinePass } from './machine-pass-context';
import type { StoredDisks } from './storage-step';

const ASK_AGAIN_MS = 500;

export interface InstallationMedium {
  /** `undefined` = none is wanted. */
  readonly template: DataVolume | undefined;
  /** Size that the server of the image has told in this pass, to be noted on the Machine. */
  readonly found: string | undefined;
}

/** @param live the virtual machine as it is, whose medium keeps its size. */
export async function isoOf(
  pass: MachinePass,
  boot: BootWish,
  vm: string,
  stored: StoredDisks,
  live: RemoteVirtualMachine | undefined,
): Promise<InstallationMedium> {
  if (boot.kind !== 'iso') return { template: undefined, found: undefined };
  if (pass.hasImporter === false)
    pass.findings.fail(storageFailure('CDIMissing', 'CDI is not installed on the cluster; an ISO image cannot be imported'));
  const { owner } = pass;
  const name = isoName(vm, { namespace: owner.namespace, machine: owner.name });
  const known = boot.size ?? liveSizeOf(live, name);
  const { size, isAssumed } = known === undefined ? askedSize(pass, boot.source) : { size: known, isAssumed: true };
  return { template: isoTemplate(name, boot.source, size, await stored.plan(), owner), found: isAssumed ? undefined : size };
}

function liveSizeOf(vm: RemoteVirtualMachine | undefined, name: string): string | undefined {
  if (vm === undefined) return undefined;
  const template = vm.spec?.dataVolumeTemplates?.find(({ metadata }) => metadata?.name === name) as DataVolume | undefined;
  return (template?.spec?.storage as { resources?: { requests?: { storage?: string } } } | undefined)?.resources?.requests?.storage;
}

function askedSize({ settings, images, owner, findings }: MachinePass, source: ImageSource): ImageSize {
  const url = settings.bootImageProbe ? probeUrl(source) : undefined;
  if (url === undefined) return { size: DEFAULT_ISO_SIZE, isAssumed: true };
  const answer = images.sizeOf(owner.uid, `${owner.namespace}/${owner.name}`, url);
  if (answer !== 'asking') return answer;
  const text = 'the server of the boot image is being asked for its size';
  return findings.wait('StorageReady', 'WaitingForImport', text, { requeueAfterMs: ASK_AGAIN_MS });
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
