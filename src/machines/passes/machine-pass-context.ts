/** What the steps of a pass over a placed Machine work with. */
import type { Clock, Cluster, ClusterRegistry, KubeClient, Logger } from '../../framework';
import type { BootImages } from '../boot-images/boot-images';
import type { ClusterMetrics } from '../clusters/cluster-metrics';
import type { KubevirtConfig, Machine } from '../kinds';
import type { MacReservations } from '../network/mac-reservations';
import type { ApiProfile } from '../profile';
import type { MachinesSettings } from '../settings';
import type { OwnerIdentity } from '../virtual-machine/ownership';
import type { CloudInitMemory } from './cloud-init-step';
import type { PassFindings } from './pass-findings';
import type { StatusContests } from './status-contests';

export interface MachinePass {
  /** As it was when the pass began, plus what the pass wrote. */
  machine: Machine;
  readonly owner: OwnerIdentity;
  readonly profile: ApiProfile;
  readonly settings: MachinesSettings;
  /** Cluster key. */
  readonly key: string;
  /** The remote one, and its client on behalf of this pass. */
  readonly cluster: Cluster;
  readonly remote: KubeClient;
  /** The supervisor, and its client on behalf of this pass. */
  readonly supervisor: Cluster;
  readonly local: KubeClient;
  readonly clusters: ClusterRegistry;
  readonly config: KubevirtConfig;
  readonly kubeVirtVersion: string | undefined;
  readonly hasImporter: boolean | undefined;
  readonly macs: MacReservations;
  readonly cloudInit: CloudInitMemory;
  readonly images: BootImages;
  readonly metrics: ClusterMetrics;
  readonly contests: StatusContests;
  readonly findings: PassFindings;
  readonly log: Logger;
  readonly clock: Clock;
  /** What came from the cluster before the pass is shown. */
  readonly shown: () => void;
  /** On the Machine. */
  readonly event: TellEvent;
  /** The same for what goes on to be true: told once for each text. */
  readonly eventOnce: TellEvent;
  /** It would be news again. */
  readonly eventOver: (reason: string) => void;
}

export type TellEvent = (type: 'normal' | 'warning', reason: string, note: string) => void;

/** Events of remote clusters by what they are about, and the index that files them by the UID of that. They carry no label of ours. */
export const EVENTS_OF_VM = { select: { fields: 'involvedObject.kind=VirtualMachine', labels: '' }, index: 'of-vm' } as const;
export const EVENTS_OF_VMI = { select: { fields: 'involvedObject.kind=VirtualMachineInstance', labels: '' }, index: 'of-vmi' } as const;

/** Name of the index that files remote objects under the UID of their Machine. */
export const BY_MACHINE = 'machine-uid';
