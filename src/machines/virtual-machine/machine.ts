/**
 * What the pure parts of this module read of a Machine.
 *
 * Owns: the fields of spec and status, and the keys of labels, annotations and finalizers. Never: the kind, which others list and watch.
 */
import type { KubernetesObject } from '../../framework';

export interface MachineDisk {
  name?: string;
  sizeGB?: number;
  type?: string;
  boot?: boolean;
}

export interface SourceReference {
  name: string;
  key?: string;
}

export interface MachineCloudInit {
  type?: 'noCloud' | 'configDrive';
  userData?: string;
  userDataBase64?: string;
  networkData?: string;
  networkDataBase64?: string;
  userDataSecretRef?: SourceReference;
  networkDataSecretRef?: SourceReference;
  userDataConfigMapRef?: SourceReference;
  networkDataConfigMapRef?: SourceReference;
}

export interface MachineSpec {
  kubevirtConfigRef?: { name: string; namespace?: string };
  instanceType?: string;
  machineClass?: string;
  machineType?: string;
  cpu?: { cores?: number; threadsPerCore?: number; sockets?: number };
  /** Bytes; 0 = unset. */
  memory?: number;
  disks?: MachineDisk[];
  network?: { networkNamespaceName?: string };
  os?: { imageID?: string; isoUri?: string; architecture?: string };
  provider?: string;
  providerConfig?: { name?: string };
  cloudInit?: MachineCloudInit;
  userData?: string;
  sshKeys?: string[];
}

export interface Machine extends KubernetesObject {
  spec?: MachineSpec;
  status?: object;
}
