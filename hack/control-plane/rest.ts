/**
 * Single requests to an API server, for set-up and assertions.
 *
 * Owns: one HTTPS exchange with JSON on both sides. Never: watches, retries or keeps connections, and so never sees a stale one.
 * Invariant: any HTTP status is an answer; only a failed connection rejects.
 */
import { request } from 'node:https';

export interface RestEndpoint {
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly token?: string;
}

export interface RestRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With query string, for example `/api/v1/namespaces?limit=1`. */
  readonly path: string;
  readonly body?: unknown;
  /** @default `application/json` */
  readonly contentType?: string;
  /** Media type of the answer, for example for a table. @default `application/json` */
  readonly accept?: string;
  /** @default 30000 */
  readonly timeoutMs?: number;
}

export interface RestResponse {
  readonly status: number;
  /** The parsed JSON, or the text when it is none. */
  readonly body: unknown;
  /** What admission has to say although it lets the request pass. */
  readonly warnings: readonly string[];
}

/** @throws {Error} when no answer comes: refused, reset, an untrusted certificate, or over the time. */
export function rest({ server, ca, token }: RestEndpoint, wanted: RestRequest) {
  const { method = 'GET', path, body, contentType, accept = 'application/json', timeoutMs = 30_000 } = wanted;
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    accept,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(payload === undefined ? {} : { 'content-type': contentType ?? 'application/json', 'content-length': Buffer.byteLength(payload) }),
  };
  return new Promise<RestResponse>((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const exchange = request(new URL(path, server), { method, ca, headers, agent: false, signal }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const { statusCode = 0, headersDistinct } = response;
        resolve({
          status: statusCode,
          body: parsed(Buffer.concat(chunks).toString('utf8')),
          warnings: warningsIn(headersDistinct['warning']),
        });
      });
    });
    exchange.once('error', reject);
    exchange.end(payload);
  });
}

/** Texts of `Warning: 299 - "text"` (RFC 7234, 5.5), of which a header that was sent several times holds more than one. */
export function warningsIn(headers: readonly string[] = []): string[] {
  return headers.flatMap((header) =>
    [...header.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text.replace(/\\(.)/g, '$1')),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
