/**
 * Asks the server of a boot image how large it is.
 *
 * Owns: one HEAD request and those that redirects lead to. Never: sends a credential, uses a proxy, reads a body, or connects to an address
 * that was not judged: what a name is resolved to is looked at first, and exactly that is connected to.
 * Errors: an Error with a text that names the host and no more of the address.
 */
import { lookup } from 'node:dns/promises';
import { type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http';
import { request as secureRequest } from 'node:https';
import { isIP } from 'node:net';
import type { ImageAddresses } from './image-address';

const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const SERVICE_NAME = /(^|\.)svc(\.|$)|\.cluster\.local\.?$/i;

export interface AskOptions {
  readonly addresses: ImageAddresses;
  readonly signal: AbortSignal;
  /** @default that of the machine */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  /** Certificates of authorities, PEM, beside those that everybody knows. */
  readonly ca?: string;
}

/** @returns bytes. @throws {Error} when it is not told, or must not be asked for. */
export async function askImageSize(url: string, options: AskOptions): Promise<number> {
  let next = new URL(url);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const { statusCode = 0, headers } = await head(next, options);
    if (!REDIRECTS.has(statusCode)) return sizeIn(next, statusCode, headers['content-length']);
    if (headers.location === undefined) throw new Error(`${next.hostname} answered ${statusCode} without saying where to`);
    next = new URL(headers.location, next);
  }
  throw new Error(`${next.hostname} was reached after more than ${MAX_REDIRECTS} redirects`);
}

function sizeIn({ hostname }: URL, status: number, length: string | undefined): number {
  if (status < 200 || status > 299) throw new Error(`${hostname} answered ${status}`);
  const bytes = /^\d{1,15}$/.test(length ?? '') ? Number(length) : 0;
  if (bytes === 0) throw new Error(`${hostname} tells no size`);
  return bytes;
}

async function head(url: URL, options: AskOptions): Promise<Pick<IncomingMessage, 'statusCode' | 'headers'>> {
  const { signal, ca } = options;
  const isSecure = url.protocol === 'https:';
  if (!isSecure && url.protocol !== 'http:') throw new Error(`${url.protocol}// is no http address`);
  const address = await addressOf(url, options);
  const request: RequestOptions & { ca?: string } = {
    method: 'HEAD',
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    headers: { 'user-agent': 'virt-steward', accept: '*/*' },
    // Nothing is left open, and no proxy of the environment is used.
    agent: false,
    lookup: (_host, { all }, done) => {
      const family = isIP(address);
      if (all === true) done(null, [{ address, family }]);
      else done(null, address, family);
    },
    signal,
    ...(isSecure && ca !== undefined ? { ca } : {}),
  };
  return new Promise((resolve, reject) => {
    const sent = (isSecure ? secureRequest : plainRequest)(request, (response) => {
      resolve({ statusCode: response.statusCode ?? 0, headers: response.headers });
      response.destroy();
    });
    sent.once('error', (error: NodeJS.ErrnoException) => reject(new Error(`${url.hostname} did not answer: ${error.code ?? error.name}`)));
    sent.end();
  });
}

/** All that a name stands for must be allowed, or the next answer could be another one. */
async function addressOf(url: URL, { addresses, signal, resolve = resolved }: AskOptions): Promise<string> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (SERVICE_NAME.test(host)) throw new Error(`${host} is the name of a Service`);
  const found = isIP(host) === 0 ? await unlessAborted(resolve(host), signal, host) : [host];
  const [first] = found;
  if (first === undefined) throw new Error(`${host} has no address`);
  if (!found.every((address) => addresses.isAllowed(address))) {
    throw new Error(`${host} has an internal address; BOOT_IMAGE_PROBE_ALLOW_CIDRS can allow it`);
  }
  return first;
}

async function resolved(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw new Error(`${host} could not be resolved: ${(error as NodeJS.ErrnoException).code ?? 'no answer'}`);
  }
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, host: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(new Error(`${host} could not be resolved in time`));
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}
