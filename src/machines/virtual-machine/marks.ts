/**
 * Keys that objects of a Machine carry on its remote cluster, and those of a Machine that decide on what is built.
 *
 * Owns: their spelling, which users and scripts rely on. What placement and ownership share is in keys.ts.
 */
const DOMAIN = 'vitistack.io';

/** Label of the disk that is booted from: `boot`. */
export const DISK_TYPE = 'disk-type';
/** Label of a NetworkAttachmentDefinition: its VLAN. */
export const VLAN_ID = `${DOMAIN}/vlan-id`;

/** Annotations of remote objects: name of the disk, hash of what was applied last, taken over instead of built. */
export const DISK = `${DOMAIN}/disk`;
export const SPEC_HASH = `${DOMAIN}/spec-hash`;
export const ADOPTED = `${DOMAIN}/adopted`;

/** Annotations of a Machine, read. */
export const BOOT_SOURCE = 'kubevirt.io/boot-source';
export const BOOT_SOURCE_TYPE = 'kubevirt.io/boot-source-type';
export const CDROM_EJECTED = `${DOMAIN}/cdrom-ejected`;
export const OS_INSTALLED = `${DOMAIN}/os-installed`;
export const ROOT_DISK_SOURCE = `${DOMAIN}/root-disk-source`;
/** Read, and written with what was found out. */
export const BOOT_IMAGE_SIZE = `${DOMAIN}/boot-image-size`;
/** Annotations of a Machine, written. */
export const ISO_CLEANED_UP = `${DOMAIN}/iso-cleaned-up`;
export const CLOUD_INIT_SECRETS = `${DOMAIN}/cloud-init-secrets`;

/** Value of managed-by labels of the operator that this module replaces. */
export const OLDER_OPERATOR = 'kubevirt-operator';
/** Values of managed-by labels beside our own whose objects count as ours once they name the Machine. */
export const OLDER_MANAGERS: readonly string[] = ['virt-steward', OLDER_OPERATOR];
