/** The door to this folder for the rest of the framework. */
export type { IndexFunction } from './indexes';
export { createInformer, ResourceInformer } from './informer';
export type { Informer, InformerState, InformerStatus, ResolvedSelection, Selection } from './informer-contract';
export type { InformerHooks, InformerLabels, RelistReason } from './informer-hooks';
export type { InformerOptions } from './informer-options';
export type { KindDiscovery, ServedKind } from './kind-discovery-contract';
export type { ResourceEvent, ResourceEventType } from './resource-event';
export { compareResourceVersions } from './resource-version';
export { matchesSelection, selectionKey } from './selection';
export type { StoreReader } from './store-reader';
export { StormLimiter, type StormLimiterOptions } from './storm-limiter';
export { type CompiledWatchOptions, compileWatchOptions, DEFAULT_WATCH_OPTIONS, type WatchOptions } from './watch-options';
