export type { AppliedObject, ApplyChildOptions, ApplyIfChangedOptions } from './apply-if-changed';
export { APPLY_PATCH, isRepeatable, JSON_PATCH, MERGE_PATCH, RetryingTransport } from './call-retry';
export type { ClientMetrics, RequestSample, WriteResult, WriteSample } from './client-metrics';
export type {
  ApplyOptions,
  CallOptions,
  DeleteOptions,
  DeleteResult,
  KubeClientOptions,
  PatchOptions,
  SubresourceOptions,
  WriteOptions,
} from './client-options';
export { CONDITION_MESSAGE_CHARS, type ConditionInput, conditionOf, isConditionReason, mergeConditions } from './conditions';
export { type CredentialSource, Credentials, type ResolvedCredentials } from './credentials';
export { type ApiResource, Discovery, type ServerVersion } from './discovery';
export { type EventInput, EventRecorder, type EventRecorderOptions } from './event-recorder';
export { HttpTransport, type HttpTransportOptions, userAgentOf } from './http-transport';
export { type JsonPatchOperation, pathSegment } from './json-patch';
export { KubeClient } from './kube-client';
export { type DataOnlyOptions, dataOnlyKubeConfig, type KubeconfigPolicy } from './kubeconfig-policy';
export { type OpenClientOptions, type OpenedClient, openClient } from './open-client';
export { loadOwnKubeConfig, type OwnKubeConfig, type OwnKubeConfigOptions } from './own-kubeconfig';
export { type ListOptions, type Page, PagedList } from './paged-list';
export { MANAGED_BY_LABEL } from './provenance';
export { type RequestInfo, type RequestJournal, requestInfo, resourceId } from './request-info';
export type { StatusChange } from './status-writer';
export type { ApiRequest, ApiResponse, ApiStream, ApiTransport, HttpMethod } from './transport';
