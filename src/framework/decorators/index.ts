export { OPERATOR_NAMESPACE } from '../kinds/operator-namespace';
export { createContainer, type DependencyContainer, type InjectionToken, inject, injectAll, injectable, singleton } from './container';
export { Daemon, type DaemonOptions } from './daemon';
export { type ApiVerb, Handler, type HandlerClass, type HandlerOptions, type RbacClaim } from './handler';
export { Index, type IndexOptions } from './indexed';
export { type HookOptions, OnShutdown, OnStartup, Probe, type ProbeOptions } from './lifecycle';
export { OnCreate, type OnCreateOptions } from './on-create';
export { OnDelete, type OnDeleteOptions } from './on-delete';
export { OnEvent, type OnEventOptions } from './on-event';
export { type FieldChange, OnField, type OnFieldOptions } from './on-field';
export { OnResume } from './on-resume';
export { OnTimer, type OnTimerOptions, type TimerOptions } from './on-timer';
export { OnUpdate, type Update } from './on-update';
export { ABSENT, type ClusterChoice, type FilterOptions, PRESENT, type QueuedOptions, type ValueFilter } from './options';
export { Reconcile, type ReconcileOptions, type VirtualReconcileOptions } from './reconcile';
export { Source } from './source';
export {
  ALL,
  type ClusterWatch,
  clusterChanges,
  type MappedWatch,
  mapped,
  type OwnedWatch,
  owned,
  type Watch,
  type WatchesFunction,
} from './watches';
