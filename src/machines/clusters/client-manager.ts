/** The contract of cluster connections, for handlers and for tests that stand in for them. */
import type { KubeConfig } from '@kubernetes/client-node';
import type { KubeClient } from '../../framework';
import type { KubevirtConfig, Machine } from '../kinds';
import type { PlacementRule } from '../placement/placement-rules';

/** A client of one cluster. */
export type KubernetesClient = KubeClient;

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

/** Connection settings that passed the policy. */
export interface RestConfig {
  /** URL without user info. */
  readonly server: string;
  readonly kubeConfig: KubeConfig;
}

export interface MachineClient {
  readonly client: KubernetesClient;
  /** Cluster key. */
  readonly configName: string;
  /** The placement is not written on the Machine yet. */
  readonly needsAnnotationUpdate: boolean;
  readonly rule: PlacementRule;
}

/** Connections to the KubeVirt clusters named by KubevirtConfigs: the only way to obtain a remote client. */
export interface ClientManager {
  /** Cached client of one cluster; concurrent misses share one build. @throws {KubevirtConfigError} */
  getClientForConfig(name: string, options?: CallOptions): Promise<KubernetesClient>;
  /** The rules of placement. Reads and decides, never writes. @throws {PlacementError} {KubevirtConfigError} */
  getOrCreateClientFromMachine(machine: Machine, options?: CallOptions): Promise<MachineClient>;
  /** All candidates by cluster key; those being deleted are included (deletionTimestamp tells). */
  listKubevirtConfigs(options?: CallOptions): Promise<readonly KubevirtConfig[]>;
  /** GET namespace kube-system: reachability, authentication, authorisation and identity in one call. */
  validateConnection(name: string, options?: CallOptions): Promise<void>;
  /** validateConnection of every cached client, in parallel, each with its own deadline; empty = all healthy or none cached. */
  healthCheck(options?: CallOptions): Promise<ReadonlyMap<string, Error>>;
  invalidateClient(name: string): void;
  invalidateAll(): void;
  /** Connection settings, read anew from KubevirtConfig and Secret on every call. */
  getRestConfigForConfig(name: string, options?: CallOptions): Promise<RestConfig>;
  getSupervisorClient(): KubernetesClient;
  /** First namespace of KUBEVIRT_CONFIGS_NAMESPACE; empty in the second profile. */
  getConfigNamespace(): string;
}
