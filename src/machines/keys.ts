/**
 * Every annotation, label and finalizer of this module, and who may write it.
 *
 * Invariant: the names are a contract with users, scripts and both generations of the older operator; none may change.
 */

/** On Machines. */
export const MACHINE_FINALIZER = 'machine.vitistack.io/finalizer';
/** On a KubevirtConfig while a Machine is placed there. */
export const CONFIG_FINALIZER = 'kubevirtconfig.vitistack.io/finalizer';

/** Machine: placement, `[<namespace>/]<name>`; read, and written when absent. */
export const CONFIG_ANNOTATION = 'vitistack.io/kubevirt-config';
/** Machine: `true` permits to adopt objects without marks, and those of an earlier Machine of the name. */
export const ADOPT_ANNOTATION = 'vitistack.io/adopt';
/** Machine, KubevirtConfig: `delete`, `orphan`, and for a Machine `retain-disks`. */
export const DELETION_POLICY_ANNOTATION = 'vitistack.io/deletion-policy';
/** Machine: `true` permits an empty replacement of a lost disk; removed when done. */
export const RECREATE_DISKS_ANNOTATION = 'vitistack.io/recreate-disks';

/** KubevirtConfig: `true` accepts a server that is not verified. */
export const ALLOW_INSECURE_ANNOTATION = 'vitistack.io/allow-insecure';
/** KubevirtConfig: `true` accepts proxy-url. */
export const ALLOW_PROXY_ANNOTATION = 'vitistack.io/allow-proxy-url';
/** KubevirtConfig, written: UID of the namespace kube-system of the cluster that Machines were placed on. */
export const CLUSTER_ID_ANNOTATION = 'vitistack.io/cluster-id';
/** KubevirtConfig: the UID of another cluster that shall be taken for the old one; removed when done. */
export const ACCEPT_CLUSTER_ID_ANNOTATION = 'vitistack.io/accept-cluster-id';

/** On everything that is created; both forms are written. */
export const MANAGED_BY_LABELS = ['vitistack.io/managed-by', 'managed-by'] as const;
/** On virtual machines, their templates, disks, Secrets and network records; both forms are written. */
export const SOURCE_MACHINE_LABELS = ['vitistack.io/source-machine', 'source-machine'] as const;
/** Label and annotation on remote objects of a Machine. */
export const SUPERVISOR_ID = 'vitistack.io/supervisor-id';
/** Annotations on remote objects of a Machine: its full identity. */
export const MACHINE_NAMESPACE_ANNOTATION = 'vitistack.io/machine-namespace';
export const MACHINE_NAME_ANNOTATION = 'vitistack.io/machine-name';
export const MACHINE_UID_ANNOTATION = 'vitistack.io/machine-uid';
