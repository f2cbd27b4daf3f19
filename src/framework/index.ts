/** The door to the framework. What needs no API server comes through `basics.ts`, a door of its own. */

export {
  type OperatorLogger,
  type ResourceEvent as OperatorEvent,
  ResourceEventType as OperatorEventType,
  type ResourceMeta,
} from '@dot-i/k8s-operator';
export { Registry as MetricsRegistry } from 'prom-client';
export * from './basics';
export type { ApiRequest, ApiResource, ApiResponse, ApiTransport, ConditionInput, StatusChange } from './client';
export {
  CONDITION_MESSAGE_CHARS,
  conditionOf,
  type DataOnlyOptions,
  dataOnlyKubeConfig,
  type EventInput,
  EventRecorder,
  KubeClient,
  loadOwnKubeConfig,
  type OpenedClient,
  type OwnKubeConfig,
  openClient,
  userAgentOf,
} from './client';
export { Cluster, type ClusterHealth, LOCAL_CLUSTER } from './cluster/cluster';
export type { KubeconfigSource } from './cluster/cluster-config';
export type { ClusterState } from './cluster/cluster-health';
export { type ClusterChange, type ClusterListener, ClusterRegistry } from './cluster/cluster-registry';
export type { ClusterHealthOptions, EngageOptions } from './cluster/engage-options';
export { type OpenClusterOptions, type OpenedCluster, openCluster } from './cluster/open-cluster';
export * from './decorators';
export * from './errors/api-error';
export { ConfigError, type ConfigProblem } from './errors/config-error';
export * from './errors/handler-errors';
export { ListenError } from './errors/listen-error';
export * from './errors/refusal-errors';
export * from './kinds/core-kinds';
export * from './kinds/kind';
export * from './kinds/object';
export { defineVirtualKind, type KeySink, type KeySource, type VirtualKind } from './kinds/virtual-kind';
export type { LeaderElectionOptions } from './leader';
export { maskMessage } from './logging/mask';
export { mergeRules, type RbacReason, type RbacRule, reasonText, resourceText, rightText } from './registry/rbac-merge';
export { indented, policyRulesYaml, type RbacObjectsOptions, rbacObjects, rbacYaml } from './registry/rbac-objects';
export { type RbacFeatures, type RbacSources, rbacRules, rbacSources } from './registry/rbac-rules';
export { buildRegistry } from './registry/registry';
export type {
  DaemonContext,
  EventStage,
  HandlerContext,
  PassReason,
  ProcessContext,
  ReconcileContext,
  ReconcileResult,
  StatusFields,
  StatusStage,
} from './runtime/context';
export { CLOCK, LOGGER } from './runtime/instances';
export type { MetricsOptions, OperatorOptions } from './runtime/operator-options';
export type { HandlerRun } from './runtime/pass-ports';
export { type RunnableOperator, runOperator } from './runtime/run-operator';
export { createOperator, StewardOperator } from './runtime/steward-operator';
export { Triggers } from './runtime/triggers';
export type { CheckResult, HealthCheck, HealthReport } from './serving/checks';
export { CertificateMetrics } from './serving/metrics/certificate-metrics';
export type { CertificateSource, PemPair, ServedCertificate } from './serving/tls/certificate-source';
export { ServingCertificate } from './serving/tls/serving-certificate';
export type { Informer, InformerStatus, Selection } from './watch/informer-contract';
export { type FollowedObject, type FollowObjectOptions, ObjectFollower } from './watch/object-follower';
export type { ResourceEvent, ResourceEventType } from './watch/resource-event';
export type { StoreReader } from './watch/store-reader';
