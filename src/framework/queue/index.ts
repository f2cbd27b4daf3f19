export { backoffMs, type CompiledRetryOptions, compileRetryOptions, type RetryOptions } from './backoff';
export { KeyedQueue, type KeyedQueueOptions, type Lane, type QueueHooks, type RunSlot } from './keyed-queue';
