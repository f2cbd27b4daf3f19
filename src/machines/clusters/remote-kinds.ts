/** What the checks look at on a remote cluster. */
import { type Condition, defineKind, type KubernetesObject } from '../../framework';

export interface KubeVirt extends KubernetesObject {
  status?: { phase?: string; observedKubeVirtVersion?: string; conditions?: Pick<Condition, 'type' | 'status'>[] };
}
export const KubeVirt = defineKind<KubeVirt>('kubevirt.io/v1', 'KubeVirt', 'kubevirts', { scope: 'Namespaced', optional: true });

export const DataVolume = defineKind<KubernetesObject>('cdi.kubevirt.io/v1beta1', 'DataVolume', 'datavolumes', {
  scope: 'Namespaced',
  optional: true,
});

/** Components of KubeVirt, each a Deployment or a DaemonSet. */
export const COMPONENTS = ['virt-api', 'virt-controller', 'virt-handler', 'virt-operator'] as const;
/** CRDs that should be alike on all clusters. */
export const COMPARED_CRDS = ['virtualmachines.kubevirt.io', 'virtualmachineinstances.kubevirt.io'] as const;
