/** Listening addresses as flags give them: `host:port`, `:port`, `[v6]:port`, `0` = off. */

import { isIPv6 } from 'node:net';

export interface ListenAddress {
  /** `undefined` = all interfaces. */
  readonly host: string | undefined;
  /** 0 picks a free port (tests). */
  readonly port: number;
}

/**
 * @returns `undefined` when the text is `0`, which turns the endpoint off.
 * @throws {RangeError} naming the value and what is allowed.
 */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const trimmed = text.trim();
  if (trimmed === '0') return undefined;
  const match = /^(?:\[([^[\]]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(trimmed);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535 || (match[1] !== undefined && !isIPv6(match[1]))) {
    throw new RangeError(`${JSON.stringify(text)} is not a listening address; allowed: [host]:port, or 0 for off`);
  }
  const host = match[1] ?? match[2];
  return { host: host === '' ? undefined : host, port };
}
