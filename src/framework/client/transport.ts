/**
 * One HTTP exchange with one API server: what the client and the informers are built on.
 *
 * Implementations own connections, credentials and time limits. Callers own paths, verbs and meaning.
 */
export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface ApiRequest {
  method: HttpMethod;
  /** Absolute path without query, for example `/api/v1/pods`. */
  path: string;
  /** `undefined` values are left out. */
  query?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON; `undefined` sends no body at all. */
  body?: unknown;
  /** @default application/json */
  contentType?: string;
  /** @default application/json */
  accept?: string;
  /** Aborting rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Longest wait for response headers, in milliseconds. @default 30000 */
  headersTimeoutMs?: number;
  /** Longest silence within the body, in milliseconds; 0 = none (watches). @default 30000 */
  bodyIdleTimeoutMs?: number;
  /** Longest duration of the whole call, waiting for its turn included, in milliseconds; 0 = none (watches). @default 60000 */
  totalTimeoutMs?: number;
  /**
   * Called when the connection stands, right before the first byte of the request is written, and again before a repeat.
   * A throw refuses the call: nothing has been sent.
   */
  beforeSend?: (() => void) | undefined;
}

export interface ApiResponse {
  status: number;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | undefined>>;
  /** Parsed JSON when the content type says JSON and the body is not empty; else the text, `undefined` when empty. */
  body: unknown;
}

export interface ApiStream {
  status: number;
  headers: Readonly<Record<string, string | undefined>>;
  /** Raw chunks as they arrive. Iteration ends at a clean end and throws `TransportError` (phase body) at any other. */
  body: AsyncIterable<Uint8Array>;
  /** Closes the connection at once; safe to call at any time, any number of times. */
  close(): void;
}

export interface ApiTransport {
  /** @throws {ApiError} for a status of 300 or more, {TransportError} when no answer came. */
  request(request: ApiRequest): Promise<ApiResponse>;
  /** Resolves when headers are there. @throws as `request`; an error body is read and turned into the ApiError. */
  stream(request: ApiRequest): Promise<ApiStream>;
}
