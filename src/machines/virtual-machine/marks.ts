/**
 * The keys by which objects of this module are known: annotations, labels, finalizers.
 *
 * Owns: their spelling. Users and scripts rely on it.
 */
const DOMAIN = 'vitistack.io';

/** Labels; each has an older form without domain, and both are written. */
export const MANAGED_BY = `${DOMAIN}/managed-by`;
export const MANAGED_BY_SHORT = 'managed-by';
export const SOURCE_MACHINE = `${DOMAIN}/source-machine`;
export const SOURCE_MACHINE_SHORT = 'source-machine';
export const DISK_TYPE = 'disk-type';
export const VLAN_ID = `${DOMAIN}/vlan-id`;

/** Label and annotation of remote objects. */
export const SUPERVISOR_ID = `${DOMAIN}/supervisor-id`;

/** Annotations of remote objects. */
export const MACHINE_NAMESPACE = `${DOMAIN}/machine-namespace`;
export const MACHINE_NAME = `${DOMAIN}/machine-name`;
export const MACHINE_UID = `${DOMAIN}/machine-uid`;
export const DISK = `${DOMAIN}/disk`;
export const SPEC_HASH = `${DOMAIN}/spec-hash`;
export const ADOPTED = `${DOMAIN}/adopted`;

/** Annotations of a Machine. */
export const KUBEVIRT_CONFIG = `${DOMAIN}/kubevirt-config`;
export const ADOPT = `${DOMAIN}/adopt`;
export const DELETION_POLICY = `${DOMAIN}/deletion-policy`;
export const RECREATE_DISKS = `${DOMAIN}/recreate-disks`;
export const BOOT_SOURCE = 'kubevirt.io/boot-source';
export const BOOT_SOURCE_TYPE = 'kubevirt.io/boot-source-type';
export const CDROM_EJECTED = `${DOMAIN}/cdrom-ejected`;
export const OS_INSTALLED = `${DOMAIN}/os-installed`;
export const ROOT_DISK_SOURCE = `${DOMAIN}/root-disk-source`;
export const BOOT_IMAGE_SIZE = `${DOMAIN}/boot-image-size`;
export const ISO_CLEANED_UP = `${DOMAIN}/iso-cleaned-up`;
export const CLOUD_INIT_SECRETS = `${DOMAIN}/cloud-init-secrets`;

export const MACHINE_FINALIZER = `machine.${DOMAIN}/finalizer`;

/** Values of managed-by labels beside our own whose objects count as ours once they name the Machine. */
export const OLDER_MANAGERS: readonly string[] = ['virt-steward', 'kubevirt-operator'];
