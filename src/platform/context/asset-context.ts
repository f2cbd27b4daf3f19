/**
 * What expressions of the catalog may know of the cluster.
 *
 * Owns: the shape of each variable. Never: reads anything; the values come from caches (see the other files of this folder).
 * Invariant: immutable during a run. A part that did not change stays the same value, so that who depends on it can tell by identity.
 */
import type { KubernetesObject, Scope } from '../../framework';
import type { Json, JsonMap } from '../json';

export interface AssetContext {
  /** The HyperConverged; without one a map that holds the metadata of the anchor and an empty spec. */
  readonly hco: JsonMap;
  /** The object that carries the user's switches: a HyperConverged or a KubeVirt. */
  readonly anchor: JsonMap;
  readonly settings: AnchorSettings;
  readonly hardware: Hardware;
  readonly topology: Topology;
  /** Images by name, such as `kubevirt-metrics-exporter`, from the variables `RELATED_IMAGE_*`. */
  readonly images: Readonly<Record<string, string>>;
  readonly operator: OperatorFacts;
  readonly cluster: LookUps;
}

/** The anchor as every version of its API says it. */
export interface AnchorSettings {
  /** Of the anchor. */
  readonly namespace: string;
  /** Of the anchor. */
  readonly apiVersion: string;
  readonly hcoPresent: boolean;
  /** Feature gates that the user put on the anchor. */
  readonly gates: Readonly<Record<string, boolean>>;
  readonly migrationsPerCluster: number;
  readonly migrationsPerNode: number;
  readonly ksmConfigured: boolean;
  /** In percent; 100 = no more memory is promised than there is. */
  readonly memoryOvercommit: number;
}

export interface Hardware {
  readonly pciDevicesPresent: boolean;
  readonly gpuPresent: boolean;
  readonly vfioCapable: boolean;
  readonly numaNodesPresent: boolean;
  readonly usbDevicesPresent: boolean;
  /** Number of nodes by the name of an extended resource they have. */
  readonly resources: Readonly<Record<string, number>>;
}

export interface Topology {
  readonly isOpenShift: boolean;
  readonly openshiftVersion: string;
  readonly controlPlaneTopology: string;
  /** The control plane runs outside of the cluster. */
  readonly isHCP: boolean;
  readonly cloudProvider: string;
  readonly isAWS: boolean;
  readonly isAzure: boolean;
  readonly isGCP: boolean;
  readonly isBareMetal: boolean;
  readonly isVSphere: boolean;
  readonly isOpenStack: boolean;
  readonly hasSchedulableMasters: boolean;
  readonly isCompact: boolean;
  readonly masterCount: number;
  /** Workers that are not masters. */
  readonly workerCount: number;
  readonly totalNodeCount: number;
  readonly architectures: readonly string[];
  /** `worker`, and `master` where workloads may run there. */
  readonly roles: readonly string[];
  /** Prefix length of the pod addresses of a node, IPv4; absent when unknown. */
  readonly hostPrefix?: number;
}

export interface OperatorFacts {
  readonly namespace: string;
  readonly version: string;
  readonly catalogVersion: string;
  readonly metricsPort: number;
  readonly metricsSecure: boolean;
  readonly inCluster: boolean;
  readonly runbookUrl: string;
}

/**
 * What expressions and requirements may ask of the cluster.
 *
 * Errors: a look-up rejects with what the read failed with, so that nothing renders as if the object were not there. "Not found" and
 * "not served" are answers, not errors.
 */
export interface LookUps {
  get(apiVersion: string, kind: string, namespace: string, name: string): Promise<KubernetesObject | undefined>;
  /** Sorted by namespace and name. @param namespace empty = all. */
  list(apiVersion: string, kind: string, namespace: string): Promise<readonly KubernetesObject[]>;
  /** Whether discovery knows the kind in this version. */
  has(apiVersion: string, kind: string): boolean;
  /** Whether discovery knows the resource in any version. @param resource `<plural>.<group>`. */
  hasResource(resource: string): boolean;
  /** By discovery; `undefined` = not served. */
  scopeOf(apiVersion: string, kind: string): Scope | undefined;
  /** The schema (OpenAPI v3) of the kind as the API server serves it; `undefined` = not served, or without a schema. */
  schemaOf(apiVersion: string, kind: string): Promise<Json | undefined>;
}
