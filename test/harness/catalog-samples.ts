/** Clusters on which, taken together, every asset of the catalog is rendered in every branch of its conditions. */
import type { KubernetesObject } from '../../src/framework';
import { CURRENT_CRDS, withGeneration } from './catalog-crds';
import { aKubeVirt, anHco, COMPACT, OPENSHIFT, type Sample } from './catalog-sample';

const HCO_V1BETA1 = 'hco.kubevirt.io/v1beta1';
const ON_V1BETA1 = withGeneration(CURRENT_CRDS, 'hyperconvergeds.hco.kubevirt.io@v1beta1');

export const SELF_NODE_REMEDIATION = object(
  'self-node-remediation.medik8s.io/v1alpha1',
  'SelfNodeRemediationTemplate',
  { namespace: 'openshift-workload-availability', name: 'self-node-remediation-automatic-strategy-template' },
  { template: { spec: {} } },
);

/** Everything that waits to be asked for. */
export const EVERYTHING: Readonly<Record<string, string>> = {
  ...switchedOn(
    'aaq',
    'cpu-manager',
    'fence-agents',
    'incident-detection',
    'korrel8r',
    'ksm-zero-only',
    'loadaware',
    'logging',
    'node-maintenance',
    'numa',
    'swap-file',
    'thp-tuning',
    'usb-node-rules',
    'usb-passthrough',
    'vfio-assign',
    'vm-drain-shutdown-inhibitor',
  ),
  'vfio-pci-ids': '10DE:1EB8=nvidia.com/TU104GL_Tesla_T4, 8086:1572',
  'usb-devices': '0951:1666=example.com/stick,046d:C52B=example.com/receiver,0951:1667=example.com/stick',
  'numa-hugepages-1g': '16',
  'numa-management-cpuset': '0-1,32-33',
  'swap-file-size': '64Gi',
  'cpu-manager-reserved-cpus': '0-3',
  'cpu-manager-reserved-memory': '1124Mi',
  'topology-manager-policy': 'single-numa-node',
  'max-pods': '250',
  'aaq-calculation': 'VmiPodUsage',
  'aaq-cluster-quota': 'true',
  'fence-node-parameters': '{"--ip": {"worker-0": "192.0.2.10", "worker-1": "192.0.2.11"}}',
  'fence-shared-parameters': '{"--lanplus": "", "--username": "admin"}',
};

const ALL_DEVICES = { pciDevicesPresent: true, numaNodesPresent: true, usbDevicesPresent: true };

/** By name; also the name of the file with what is expected. */
export const SAMPLES: Readonly<Record<string, Sample>> = {
  'nothing-asked-for': { objects: [SELF_NODE_REMEDIATION] },
  'nothing-asked-for-v1beta1': { anchor: anHco({}, {}, HCO_V1BETA1), served: ON_V1BETA1 },
  'everything-compact': {
    anchor: anHco(EVERYTHING, {
      virtualization: { liveMigrationConfig: { parallelMigrationsPerCluster: 12, parallelOutboundMigrationsPerNode: 4 } },
    }),
    topology: COMPACT,
    hardware: ALL_DEVICES,
    objects: [...deschedulerRules('descheduler:node:linear_amplified_ideal_point_positive_distance:k3:avg1m'), clusterMonitoring()],
  },
  'everything-v1beta1': {
    anchor: anHco(EVERYTHING, { liveMigrationConfig: { parallelMigrationsPerCluster: 7 } }, HCO_V1BETA1),
    served: withGeneration(ON_V1BETA1, 'kubedeschedulers.operator.openshift.io@dev'),
    hardware: ALL_DEVICES,
    objects: deschedulerRules('descheduler:node:another'),
  },
  'defaults-of-what-is-asked-for': {
    anchor: anHco(
      { ...switchedOn('aaq', 'cpu-manager', 'loadaware', 'numa', 'swap-file', 'node-maintenance', 'ksm-zero-only') },
      { virtualization: { higherWorkloadDensity: { memoryOvercommitPercentage: 150 } } },
    ),
    hardware: { numaNodesPresent: true },
    served: withGeneration(CURRENT_CRDS, 'kubedeschedulers.operator.openshift.io@long-lifecycle'),
  },
  'kubevirt-alone': {
    anchor: aKubeVirt(switchedOn('aaq', 'node-maintenance'), {
      configuration: { developerConfiguration: { featureGates: ['CPUManager'] } },
    }),
    topology: { ...OPENSHIFT, isOpenShift: false, isBareMetal: false, cloudProvider: '', openshiftVersion: '', hostPrefix: 28 },
    served: CURRENT_CRDS.filter((name) => !/^hyperconvergeds\.|\.config\.openshift\.io$|^nodemaintenances\./.test(name)),
  },
};

export function switchedOn(...names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [`enable-${name}`, 'true']));
}

export function deschedulerRules(record: string): readonly KubernetesObject[] {
  const metadata = { namespace: 'openshift-kube-descheduler-operator', name: 'descheduler-rules' };
  return [
    object('monitoring.coreos.com/v1', 'PrometheusRule', metadata, { groups: [{ name: 'a', rules: [{ record, expr: 'vector(1)' }] }] }),
  ];
}

function clusterMonitoring(): KubernetesObject {
  const metadata = { namespace: 'openshift-monitoring', name: 'cluster-monitoring-config' };
  const text = '# kept by the platform team\nprometheusK8s:\n  retention: 30d # a month\n';
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'config.yaml': text } } as KubernetesObject;
}

export function object(
  apiVersion: string,
  kind: string,
  metadata: Readonly<Record<string, unknown>>,
  spec: unknown = {},
): KubernetesObject {
  return { apiVersion, kind, metadata, spec } as KubernetesObject;
}
