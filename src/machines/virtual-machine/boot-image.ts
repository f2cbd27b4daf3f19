/**
 * What a Machine boots from besides its own disk.
 *
 * Owns: reading the wish from spec and annotations, the DataVolumes that fulfil it, sizes of images. Never: asks a server.
 */
import type { KubernetesObject } from '../../framework';
import type { Machine } from '../kinds';
import type { RemoteClaim, StoragePlan } from './claims';
import { claimSpec } from './claims';
import type { DiskPlan } from './disks';
import {
  BOOT_IMAGE_SIZE,
  BOOT_SOURCE,
  BOOT_SOURCE_TYPE,
  CDROM_EJECTED,
  DISK,
  DISK_TYPE,
  ISO_CLEANED_UP,
  OS_INSTALLED,
  ROOT_DISK_SOURCE,
} from './marks';
import { marksOf, type OwnerIdentity } from './ownership';
import { nanosOf } from './quantity';

export interface ImageSource {
  readonly http?: { readonly url: string };
  readonly registry?: { readonly url: string };
}

export type BootWish =
  | { readonly kind: 'network' }
  | { readonly kind: 'iso'; readonly source: ImageSource /** Annotated size, where one is given. */; readonly size: string | undefined }
  | { readonly kind: 'imported-root'; readonly source: ImageSource }
  | { readonly kind: 'disk' };

export interface DataVolume extends KubernetesObject {
  spec?: { source?: ImageSource; pvc?: object; storage?: object };
  status?: { phase?: string; progress?: string };
}

export const DEFAULT_ISO_SIZE = '8Gi';
const GIB = 1024 ** 3;
/** What a file system and CDI need beside the image itself. */
const IMAGE_OVERHEAD = 1.1;

/** What to boot from; the installation medium is gone once it was ejected or the system is installed. */
export function bootWish({ metadata = {}, spec = {} }: Machine): BootWish {
  const { annotations = {} } = metadata;
  const { imageID = '', isoUri = '' } = spec.os ?? {};
  const iso = isoUri !== '' ? isoUri : annotations[BOOT_SOURCE] === 'datavolume' ? imageID : '';
  if (iso !== '') {
    if (isInstalled({ metadata })) return { kind: 'disk' };
    const size = annotations[BOOT_IMAGE_SIZE];
    return { kind: 'iso', source: sourceOf(iso, annotations), size: nanosOf(size) === undefined ? undefined : size };
  }
  if (imageID === '') return { kind: 'network' };
  if (annotations[ROOT_DISK_SOURCE] === 'image') return { kind: 'imported-root', source: sourceOf(imageID, annotations) };
  return { kind: 'disk' };
}

/** The installation medium is not wanted any more. */
export function isInstalled({ metadata = {} }: KubernetesObject): boolean {
  return [CDROM_EJECTED, OS_INSTALLED].some((key) => metadata.annotations?.[key] === 'true');
}

/** A medium that is not wanted any more may still be there. */
export function owesIsoCleanUp({ metadata = {}, spec = {} }: Machine): boolean {
  const had = (spec.os?.isoUri ?? '') !== '' || metadata.annotations?.[BOOT_SOURCE] === 'datavolume';
  return had && isInstalled({ metadata }) && metadata.annotations?.[ISO_CLEANED_UP] !== 'true';
}

function sourceOf(url: string, annotations: Record<string, string>): ImageSource {
  if (annotations[BOOT_SOURCE_TYPE] !== 'registry') return { http: { url } };
  return { registry: { url: /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `docker://${url}` } };
}

/** The address to ask for the size of an image; `undefined` when it cannot be asked. */
export function probeUrl({ http }: ImageSource): string | undefined {
  return http !== undefined && /^https?:\/\//i.test(http.url) ? http.url : undefined;
}

/** Size of the volume for an image of so many bytes. */
export function isoSizeFor(contentLength: number): string {
  return `${Math.max(1, Math.ceil((contentLength * IMAGE_OVERHEAD) / GIB))}Gi`;
}

/** Template of the ISO's DataVolume, owned by its VirtualMachine. */
export function isoTemplate(name: string, source: ImageSource, size: string, plan: StoragePlan, owner: OwnerIdentity): DataVolume {
  const { labels, annotations } = marksOf(owner);
  return {
    metadata: { name, labels, annotations },
    spec: {
      source,
      storage: {
        storageClassName: plan.storageClassName,
        volumeMode: 'Filesystem',
        accessModes: [plan.accessModes[0] ?? 'ReadWriteOnce'],
        resources: { requests: { storage: size } },
      },
    },
  };
}

/** The boot disk as an import, standing for itself so that a lost VirtualMachine takes no disk along. */
export function importedDisk(disk: DiskPlan, name: string, owner: OwnerIdentity, plan: StoragePlan, source: ImageSource): DataVolume {
  const { labels, annotations } = marksOf(owner);
  return {
    apiVersion: 'cdi.kubevirt.io/v1beta1',
    kind: 'DataVolume',
    metadata: {
      name,
      namespace: owner.namespace,
      labels: { ...labels, [DISK_TYPE]: 'boot' },
      annotations: { ...annotations, [DISK]: disk.name },
    },
    spec: { source, pvc: claimSpec(disk, plan) as NonNullable<RemoteClaim['spec']> },
  };
}
