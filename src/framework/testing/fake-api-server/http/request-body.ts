/** Reading the body of a request, whatever becomes of the connection. */
import type { IncomingMessage } from 'node:http';

/** Largest body accepted, in bytes. From k8s.io/apiserver: 3 MiB. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** What can become of a body instead of its text. */
export const LOST: unique symbol = Symbol('the connection ended');
export const TOO_LARGE: unique symbol = Symbol('more than the limit');

/** @throws when the connection ends before the body does. */
export async function bodyOf(request: IncomingMessage): Promise<string | typeof TOO_LARGE> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return size > MAX_BODY_BYTES ? TOO_LARGE : Buffer.concat(chunks).toString();
}

/** The JSON value, the text itself when it is none, `undefined` for no body. */
export function parsedOrText(body: string): unknown {
  if (body === '') return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
