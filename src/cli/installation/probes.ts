/**
 * Calls to managers as their users make them: HTTP with and without TLS, and one gRPC call without a token.
 *
 * Owns: time limits and caps. Never: throws; an answer that cannot be had is told as text.
 */

import { request as plainRequest } from 'node:http';
import { connect as connectHttp2, constants } from 'node:http2';
import { request as tlsRequest } from 'node:https';

/** For one answer. */
const LIMIT_MS = 5_000;
const MAX_BODY_CHARS = 256 * 1_024;
/** An empty message: no compression, no bytes. */
const EMPTY_MESSAGE = Buffer.alloc(5);

export type Answer =
  | { readonly kind: 'answer'; readonly status: number; readonly text: string }
  | { readonly kind: 'none'; readonly why: string };

export interface TlsCheck {
  /** Authorities in PEM; `undefined` = whatever certificate there is. */
  readonly ca: string | undefined;
  readonly serverName: string;
}

export interface Probes {
  /** @param tls `undefined` = plain HTTP. */
  get(url: URL, options?: { tls?: TlsCheck | undefined; token?: string | undefined }): Promise<Answer>;
  /** Calls a method without credentials. @returns the status that gRPC gives it. */
  grpc(address: string, path: string, tls: TlsCheck): Promise<Answer>;
}

export const networkProbes: Probes = { get, grpc };

function get(url: URL, { tls, token }: { tls?: TlsCheck | undefined; token?: string | undefined } = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const signal = AbortSignal.timeout(LIMIT_MS);
    const options = tls === undefined ? { headers, signal } : { headers, signal, agent: false, ...tlsOptions(tls) };
    const request = (tls === undefined ? plainRequest : tlsRequest)(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (text.length < MAX_BODY_CHARS) text += chunk;
      });
      response.on('end', () => resolve({ kind: 'answer', status: response.statusCode ?? 0, text }));
      response.on('error', (error) => resolve(none(error)));
    });
    request.on('error', (error) => resolve(none(error)));
    request.end();
  });
}

function grpc(address: string, path: string, tls: TlsCheck): Promise<Answer> {
  return new Promise((resolve) => {
    const session = connectHttp2(`https://${address}`, tlsOptions(tls));
    const timer = setTimeout(() => end({ kind: 'none', why: `no answer within ${LIMIT_MS} ms` }), LIMIT_MS);
    const end = (answer: Answer): void => {
      clearTimeout(timer);
      session.destroy();
      resolve(answer);
    };
    session.on('error', (error) => end(none(error)));
    const call = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
    });
    const judge = (headers: Readonly<Record<string, unknown>>): void => {
      const status = headers['grpc-status'];
      if (status !== undefined) end({ kind: 'answer', status: Number(status), text: String(headers['grpc-message'] ?? '') });
    };
    call.on('response', judge);
    call.on('trailers', judge);
    call.on('error', (error) => end(none(error)));
    call.on('close', () => end({ kind: 'none', why: 'the call ended without a status' }));
    call.resume();
    call.end(EMPTY_MESSAGE);
  });
}

function tlsOptions({ ca, serverName }: TlsCheck) {
  return { servername: serverName, rejectUnauthorized: ca !== undefined, ...(ca === undefined ? {} : { ca }) };
}

function none(error: Error): Answer {
  const { code } = error as { code?: string };
  return { kind: 'none', why: error.name === 'TimeoutError' ? `no answer within ${LIMIT_MS} ms` : error.message || (code ?? error.name) };
}
