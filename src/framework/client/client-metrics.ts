/** Where the client reports what it did; the serving part turns it into metrics. Every method must be cheap and must not throw. */

/** How a write ended: `unchanged` = the object was already as asked. */
export type WriteResult = 'changed' | 'unchanged' | 'conflict' | 'error';

export interface RequestSample {
  readonly cluster: string;
  readonly method: string;
  /** As the authorizer names it: get, list, watch, create, update, patch, delete. */
  readonly verb: string;
  /** HTTP status as text, or `<error>` when none came. */
  readonly code: string;
  /** Until the answer was read; for streams until its headers were. */
  readonly durationSeconds: number;
}

export interface WriteSample {
  readonly cluster: string;
  /** `<plural>.<group>`. */
  readonly kind: string;
  /** apply, create, patch, replace, delete, status, finalizer or the name of a subresource. */
  readonly verb: string;
  readonly result: WriteResult;
}

export interface ClientMetrics {
  request?(sample: RequestSample): void;
  /** Calls that wait for one of the places in flight. */
  waiting?(cluster: string, calls: number): void;
  write?(sample: WriteSample): void;
  eventsDropped?(cluster: string, events: number): void;
}
