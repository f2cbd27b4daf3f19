/**
 * The user interface of the module: labels and annotations, on managed objects and on the anchor.
 *
 * Owns: their names. Never: reads one. Which of them an asset reads as an option follows from the catalog, not from here.
 */
export const DOMAIN = 'platform.kubevirt.io/';

/** Says who manages an object. */
export const MANAGED_BY_LABEL = `${DOMAIN}managed-by`;
export const MANAGED_BY = 'virt-steward';
/** What the older operators wrote there; also their field managers. */
export const OLDER_MANAGERS: readonly string[] = ['virt-platform-autopilot', 'virt-platform-operator'];
/** Label values of objects that are ours, or are taken over. */
export const ADOPTED_LABEL_VALUES: readonly string[] = [MANAGED_BY, ...OLDER_MANAGERS];
/** Field manager of the annotation that pauses, so that no apply of ours ever takes it away. */
export const PAUSE_MANAGER = `${MANAGED_BY}-pause`;
/** Label selector of everything that is managed, by whichever of them. */
export const MANAGED_SELECTOR = `${MANAGED_BY_LABEL} in (${ADOPTED_LABEL_VALUES.join(',')})`;

/** On managed objects. */
export const PATCH_ANNOTATION = `${DOMAIN}patch`;
export const IGNORE_FIELDS_ANNOTATION = `${DOMAIN}ignore-fields`;
export const MODE_ANNOTATION = `${DOMAIN}mode`;
export const PAUSED_ANNOTATION = `${DOMAIN}reconcile-paused`;

/** On the anchor. */
export const ACTIVATION_ANNOTATION = `${DOMAIN}autopilot`;
export const EXCLUSIONS_ANNOTATION = `${DOMAIN}disabled-resources`;
export const ROLLOUT_ANNOTATION = `${DOMAIN}rollout`;
export const ON_REMOVAL_ANNOTATION = `${DOMAIN}on-removal`;
export const GOLDEN_CONFIG_ANNOTATION = `${DOMAIN}golden-config`;
export const PCI_CLASSES_ANNOTATION = `${DOMAIN}pci-classes`;
/** Followed by the name of a switch. */
export const ENABLE_PREFIX = `${DOMAIN}enable-`;

/** On the HyperConverged, written by us. */
export const VERSION_ANNOTATION = `${DOMAIN}version`;

/** On the status of the module: keys that wrote to an object of somebody else, joined by commas. */
export const EDITED_ANNOTATION = `${DOMAIN}edited`;

/** Read by the older operators only; they are no typing errors. */
export const RETIRED_ANNOTATIONS: readonly string[] = ['openshift', 'feature-gates', 'managed-by'].map((name) => `${DOMAIN}${name}`);
