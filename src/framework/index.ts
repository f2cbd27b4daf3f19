/** The only door to the framework. */

export { Registry as MetricsRegistry } from 'prom-client';
export type { ApiRequest, ApiResponse, ApiTransport, ConditionInput, StatusChange } from './client';
export { conditionOf, type EventInput, EventRecorder, KubeClient, loadOwnKubeConfig, type OwnKubeConfig } from './client';
export { Cluster, LOCAL_CLUSTER } from './cluster/cluster';
export * from './decorators';
export * from './errors/api-error';
export { ConfigError, type ConfigProblem } from './errors/config-error';
export * from './errors/handler-errors';
export { ListenError } from './errors/listen-error';
export { isOperatorError, OperatorError } from './errors/operator-error';
export * from './errors/refusal-errors';
export * from './kinds/core-kinds';
export * from './kinds/kind';
export * from './kinds/object';
export { defineVirtualKind, type KeySink, type KeySource, type VirtualKind } from './kinds/virtual-kind';
export { type LogFields, type Logger, type LogLevel, nullLogger } from './logging/logger';
export { WinstonLogger } from './logging/winston-logger';
export { type RbacObjectsOptions, rbacObjects, rbacYaml } from './registry/rbac-objects';
export { type RbacFeatures, type RbacRule, rbacRules } from './registry/rbac-rules';
export { buildRegistry } from './registry/registry';
export type {
  DaemonContext,
  EventStage,
  HandlerContext,
  PassReason,
  ProcessContext,
  ReconcileContext,
  ReconcileResult,
  StatusStage,
} from './runtime/context';
export { CLOCK, LOGGER } from './runtime/instances';
export type { MetricsOptions, OperatorOptions } from './runtime/operator-options';
export { createOperator, StewardOperator } from './runtime/steward-operator';
export { Triggers } from './runtime/triggers';
export { type ListenAddress, parseListenAddress } from './serving/address';
export { parseDurationMs } from './settings/duration';
export { type Environment, type FlagDefinition, type FlagValues, Settings } from './settings/settings';
export { UsageError } from './settings/usage-error';
export { type Clock, SystemClock, type Timer } from './time/clock';
export { sleep } from './time/sleep';
export { microTimestampOf, timestampMs, timestampOf } from './time/timestamp';
export type { Selection } from './watch/informer-contract';
export type { ResourceEvent, ResourceEventType } from './watch/resource-event';
export type { StoreReader } from './watch/store-reader';
