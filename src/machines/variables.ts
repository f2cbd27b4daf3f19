/**
 * What the machines module reads from the environment only: settings of a release that few people change.
 *
 * Owns: names and defaults, which are those of the older operator where it had them. Never: checks a value.
 */
import type { FlagDefinition } from '../framework';

const variable = <K extends string>(key: K, env: string, value: string, fallback: string, description: string) =>
  ({ key, flag: env, env, value, default: fallback, description }) as const satisfies FlagDefinition;

export const MACHINES_VARIABLES = [
  variable(
    'machinesApiProfile',
    'MACHINES_API_PROFILE',
    'profile',
    'auto',
    'auto, first or second: which generation of the API is installed',
  ),
  variable(
    'vmNamePrefix',
    'VM_NAME_PREFIX',
    'text',
    '',
    'begin of the names of virtual machines; not set: vm-, in the second profile none',
  ),
  variable('managedBy', 'MANAGED_BY', 'text', 'virt-steward', 'value of the managed-by labels on what is created'),
  variable(
    'supervisorId',
    'SUPERVISOR_ID',
    'text',
    '',
    'identity on remote clusters, never to be changed; not set: UID of the namespace kube-system',
  ),
  variable(
    'kubeconfigAllowedServers',
    'KUBECONFIG_ALLOWED_SERVERS',
    'list',
    '127.0.0.0/8,::1/128,localhost',
    'loopback and link-local servers that kubeconfigs may name',
  ),
  variable('cpuModel', 'CPU_MODEL', 'text', '', 'CPU model; not set: host-model, for arm64 host-passthrough'),
  variable('machineType', 'MACHINE_TYPE', 'text', '', 'machine type for Machines that name none'),
  variable(
    'disableCpuHtFeature',
    'DISABLE_CPU_HT_FEATURE',
    'auto|true|false',
    'auto',
    'turn the CPU feature ht off; auto: where KubeVirt is 1.8 or newer',
  ),
  variable('macSet', 'MAC_SET', 'hex', '12', 'second byte of the MAC addresses that are given'),
  variable(
    'storageClassName',
    'STORAGE_CLASS_NAME',
    'name',
    '',
    'storage class where a KubevirtConfig names none; not set: the default of the cluster',
  ),
  variable('pvcVolumeMode', 'PVC_VOLUME_MODE', 'mode', '', 'Block or Filesystem'),
  variable('pvcAccessMode', 'PVC_ACCESS_MODE', 'mode', '', 'ReadWriteMany, ReadWriteOnce or ReadWriteOncePod'),
  variable(
    'nadCniVersion',
    'NETWORK_ATTACHMENT_DEFINITION_CNI_VERSION',
    'version',
    '1.0.0',
    'CNI version of NetworkAttachmentDefinitions that are created',
  ),
  variable('ipSource', 'IP_SOURCE', 'source', 'vmi', 'where addresses come from: vmi or networkconfiguration'),
  variable('podNetworkBinding', 'POD_NETWORK_BINDING', 'binding', 'bridge', 'bridge or masquerade'),
  variable('cloudInitDelivery', 'CLOUD_INIT_DELIVERY', 'way', 'secret', 'how cloud-init data gets to the cluster: secret or inline'),
  variable('bootImageProbe', 'BOOT_IMAGE_PROBE', 'true|false', 'true', 'ask servers for the size of boot images'),
  variable(
    'bootImageProbeAllowCidrs',
    'BOOT_IMAGE_PROBE_ALLOW_CIDRS',
    'list',
    '',
    'internal networks in which servers of boot images may be asked',
  ),
  variable('kubevirtSupportCdi', 'KUBEVIRT_SUPPORT_CONTAINERIZED_DATA_IMPORTER', 'true|false', 'false', 'report clusters without CDI'),
  variable(
    'deniedNamespaces',
    'DENIED_NAMESPACES',
    'list',
    'kube-system,kube-public,kube-node-lease,kubevirt,cdi,openshift-*',
    'namespaces in which no Machine is served, since their name is reserved on remote clusters',
  ),
  variable('remoteConcurrency', 'REMOTE_CONCURRENCY', 'number', '4', 'Machines worked on at a time, per cluster'),
  variable('remoteQps', 'REMOTE_QPS', 'number', '0', 'calls a second to one cluster; 0 = no limit'),
  variable('remoteBurst', 'REMOTE_BURST', 'number', '0', 'calls at once when their rate is limited'),
  variable('remoteRequestTimeout', 'REMOTE_REQUEST_TIMEOUT', 'duration', '10s', 'longest call to a cluster'),
  variable('placementSearchTimeout', 'PLACEMENT_SEARCH_TIMEOUT', 'duration', '5s', 'longest search for a virtual machine on one cluster'),
  variable('machineResyncPeriod', 'MACHINE_RESYNC_PERIOD', 'duration', '10m', 'how often a Machine is looked at without a cause'),
  variable('clusterCheckInterval', 'CLUSTER_CHECK_INTERVAL', 'duration', '5m', 'how often clusters are checked'),
  variable('namespaceIgnored', 'NAMESPACE', 'text', '', 'of the older operator; has no effect'),
  variable('nameMachineProvider', 'NAME_MACHINE_PROVIDER', 'text', '', 'of the older operator; has no effect'),
  variable('vitistackName', 'VITISTACK_NAME', 'text', '', 'of the older operator; has no effect'),
] as const;
