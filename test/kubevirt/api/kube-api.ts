/**
 * The stand-in's own way to the Kubernetes API.
 *
 * Owns: credentials from a kubeconfig, single requests, line streams for watches. Never: retries, caches, or shares code with the
 * framework under test: a bug there must not be hidden by the same bug here.
 * Invariant: any HTTP status is an answer (`exchange`) or an ApiError (`ask`); other errors mean that no answer came.
 */
import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path with query string. */
  readonly path: string;
  readonly body?: unknown;
  /** @default `application/json` */
  readonly contentType?: string;
  /** @default 60000 */
  readonly timeoutMs?: number;
}

export interface ApiResponse {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export const JSON_PATCH = 'application/json-patch+json';
export const APPLY_PATCH = 'application/apply-patch+yaml';

/** An answer other than 2xx. `message` and `reason` are the API server's. */
export class ApiError extends Error {
  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

export class KubeApi {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 64 });

  private constructor(
    private readonly server: string,
    private readonly credentials: RequestOptions,
  ) {}

  /** @throws {Error} when the kubeconfig has no current cluster. */
  static async fromKubeconfig(kubeconfig: string): Promise<KubeApi> {
    const config = new KubeConfig();
    config.loadFromString(kubeconfig);
    const server = config.getCurrentCluster()?.server;
    if (server === undefined) throw new Error('the kubeconfig names no current cluster');
    const credentials: RequestOptions = {};
    await config.applyToHTTPSOptions(credentials);
    return new KubeApi(server, credentials);
  }

  /** Sends one request. @throws {Error} when no answer comes. */
  exchange({ method = 'GET', path, body, contentType = 'application/json', timeoutMs = 60_000 }: ApiRequest): Promise<ApiResponse> {
    const payload = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const options = this.optionsFor(path, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      ...(payload === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(payload) }),
    });
    return new Promise((resolve, reject) => {
      const outgoing = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          resolve({ code: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') });
        });
      });
      outgoing.once('error', reject);
      outgoing.end(payload);
    });
  }

  /** Sends one request and parses the JSON answer. @throws {ApiError} for anything but 2xx. */
  async ask<T>(input: ApiRequest): Promise<T> {
    const { code, text } = await this.exchange(input);
    if (code < 200 || code > 299) throw apiErrorOf(code, text);
    return JSON.parse(text) as T;
  }

  /** As `ask`; `undefined` for 404. */
  async find<T>(path: string): Promise<T | undefined> {
    try {
      return await this.ask<T>({ path });
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return undefined;
      throw error;
    }
  }

  /** Creates or changes an object by server-side apply. */
  apply<T>(path: string, object: T): Promise<T> {
    const query = '?fieldManager=kubevirt-stand-in&force=true';
    return this.ask<T>({ method: 'PATCH', path: `${path}${query}`, body: object, contentType: APPLY_PATCH });
  }

  /** Yields the JSON lines of a watch until the server or the signal ends it. @throws {ApiError} when the watch is refused. */
  async *stream(path: string, signal: AbortSignal): AsyncGenerator<unknown> {
    const outgoing = request(this.optionsFor(path, { method: 'GET', signal }));
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve);
      outgoing.once('error', reject);
      outgoing.end();
    });
    outgoing.on('error', (error) => response.destroy(error));
    response.setEncoding('utf8');
    let rest = '';
    for await (const chunk of response) {
      rest += chunk as string;
      if (response.statusCode !== 200) continue;
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line);
    }
    if (response.statusCode !== 200) throw apiErrorOf(response.statusCode ?? 0, rest);
  }

  /** Ends idle connections; requests under way finish. */
  close(): void {
    this.agent.destroy();
  }

  private optionsFor(
    path: string,
    { method, signal, ...headers }: { method: string; signal: AbortSignal; [header: string]: unknown },
  ): RequestOptions {
    const url = new URL(path, this.server);
    return {
      ...this.credentials,
      agent: this.agent,
      method,
      signal,
      protocol: url.protocol,
      hostname: url.hostname,
      port: url.port,
      path: `${url.pathname}${url.search}`,
      headers: {
        ...(this.credentials.headers as Record<string, string> | undefined),
        accept: 'application/json',
        ...(headers as Record<string, string>),
      },
    };
  }
}

function apiErrorOf(code: number, text: string): ApiError {
  let status: { message?: unknown; reason?: unknown } = {};
  try {
    status = JSON.parse(text) as typeof status;
  } catch {
    // Not every error comes from a handler that speaks JSON.
  }
  const message = typeof status.message === 'string' ? status.message : text.slice(0, 256);
  return new ApiError(code, typeof status.reason === 'string' ? status.reason : '', message);
}
