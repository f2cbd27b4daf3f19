/** The testing kit: the only door to `framework/testing`, for our own tests and for everybody who writes handlers. */
export type { FakeUser } from './fake-api-server/auth/authenticator';
export type { PolicyRule } from './fake-api-server/auth/rbac';
export { FakeApiServer, type FakeApiServerOptions } from './fake-api-server/fake-api-server';
export type { FaultHandle, FaultMatch, FaultRule, FaultTarget } from './fake-api-server/faults/fault-plan';
export {
  closeAtOnce,
  delayMs,
  dropBookmarks,
  duplicateEvents,
  expireContinue,
  type Fault,
  garbageLine,
  gone,
  loseResponse,
  reset,
  slowBytes,
  stall,
  status,
  truncateLine,
} from './fake-api-server/faults/faults';
export type { Verb } from './fake-api-server/http/request-info';
export type { SubresourceAnswer, SubresourceCall, SubresourceRoute } from './fake-api-server/http/subresources';
export type { Journal, JournalEntry, JournalFilter } from './fake-api-server/journal';
export { kubeconfigText } from './fake-api-server/kubeconfig';
export type { ObjectAccess } from './fake-api-server/object-access';
export { StatusError } from './fake-api-server/status-error';
export type { Backup } from './fake-api-server/storage/object-store';
export { FakeClock } from './fake-clock';
export { HttpFaultProxy, type HttpFaultProxyOptions, type Rewrite } from './fault-proxy/http-fault-proxy';
export { TcpFaultProxy, type TcpFaultProxyOptions } from './fault-proxy/tcp-fault-proxy';
export { type LogLine, RecordingLogger } from './recording-logger';
export { type HandlerEvent, type HandlerOutcome, type RunHandlerOptions, runHandler } from './run-handler';
export { type CertificatePair, TestCertificateAuthority } from './test-certificates';
export { type KeyHistory, TestOperator, type TestOperatorOptions } from './test-operator';
