/**
 * Repeats calls that may safely be made again.
 *
 * Expected flow: call -> passing failure -> short wait -> call, at most three times within 15 s.
 * Guarantees: a call that may have changed something is repeated only where a repeat cannot change it twice.
 * Assumptions: the guard of the request is asked again at every sending.
 * Caveats: a repeat of a write that did happen answers 404, 409 or 422; callers re-read then, as for any conflict.
 * Errors: those of the last try.
 */
import { ApiError, TransportError } from '../errors/api-error';
import type { Clock } from '../time/clock';
import { sleep } from '../time/sleep';
import type { ApiRequest, ApiResponse, ApiTransport } from './transport';

export const APPLY_PATCH = 'application/apply-patch+yaml';
export const JSON_PATCH = 'application/json-patch+json';
export const MERGE_PATCH = 'application/merge-patch+json';

/** Waits before the second and the third try, times 0.5 to 1.5. */
const WAITS_MS = [250, 1_000] as const;
/** No try begins later than this after the first. */
const WINDOW_MS = 15_000;
/** A longer Retry-After is the caller's business. */
const MAX_RETRY_AFTER_MS = 10_000;
const TOTAL_TIMEOUT_MS = 60_000;
const PASSING_STATUS: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Whether making a call twice has the effect of making it once. */
export function isRepeatable({ method, contentType, body }: ApiRequest): boolean {
  const fields = (body ?? {}) as { metadata?: { resourceVersion?: unknown }; preconditions?: { uid?: unknown } };
  switch (method) {
    case 'GET':
    case 'HEAD':
      return true;
    case 'PATCH':
      return contentType === APPLY_PATCH || (contentType === JSON_PATCH && hasTest(body));
    case 'DELETE':
      return fields.preconditions?.uid !== undefined;
    case 'PUT':
      return fields.metadata?.resourceVersion !== undefined;
    default:
      return false;
  }
}

/** Wraps a transport; `stream` is passed through, since who streams has a backoff of its own. */
export class RetryingTransport implements ApiTransport {
  constructor(
    private readonly inner: ApiTransport,
    private readonly clock: Clock,
    private readonly random: () => number = Math.random,
  ) {}

  async request(request: ApiRequest): Promise<ApiResponse> {
    const startMs = this.clock.monotonicMs();
    const totalMs = request.totalTimeoutMs ?? TOTAL_TIMEOUT_MS;
    for (let attempt = 0; ; attempt++) {
      const elapsedMs = this.clock.monotonicMs() - startMs;
      try {
        const leftMs = totalMs === 0 ? 0 : Math.max(1, totalMs - elapsedMs);
        return await this.inner.request({ ...request, totalTimeoutMs: leftMs });
      } catch (error) {
        const waitMs = this.waitBefore(attempt, error, request);
        const sinceMs = this.clock.monotonicMs() - startMs;
        if (waitMs === undefined || sinceMs + waitMs > Math.min(WINDOW_MS, totalMs === 0 ? WINDOW_MS : totalMs)) throw error;
        await sleep(this.clock, waitMs, request.signal);
      }
    }
  }

  stream(request: ApiRequest): ReturnType<ApiTransport['stream']> {
    return this.inner.stream(request);
  }

  /** @returns how long to wait before trying again, `undefined` for not at all. */
  private waitBefore(attempt: number, error: unknown, request: ApiRequest): number | undefined {
    const baseMs = WAITS_MS[attempt];
    if (baseMs === undefined) return undefined;
    const backoffMs = baseMs * (0.5 + this.random());
    if (error instanceof TransportError) {
      return error.outcome === 'not-sent' || isRepeatable(request) ? backoffMs : undefined;
    }
    if (!(error instanceof ApiError) || !PASSING_STATUS.has(error.status)) return undefined;
    const { retryAfterMs } = error;
    if (retryAfterMs === undefined) return isRepeatable(request) ? backoffMs : undefined;
    return retryAfterMs > MAX_RETRY_AFTER_MS ? undefined : Math.max(backoffMs, retryAfterMs);
  }
}

function hasTest(body: unknown): boolean {
  return Array.isArray(body) && body.some((operation: { op?: unknown }) => operation?.op === 'test');
}
