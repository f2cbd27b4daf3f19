/**
 * Settings of `virt-steward wake MAC`, checked.
 *
 * Owns: what each option may be. Pure. Never: shows a password in an error.
 */
import { isIP, isIPv6 } from 'node:net';
import { type Environment, parseDurationMs, UsageError } from '../../framework/basics';
import { isUsableMac } from '../../kubevirt/mac-address';
import { PASSWORD_FORMS, parseSecureOnPassword } from '../protocol/secure-on';

/** Options as given on the command line. */
export interface WakeFlagValues {
  to?: readonly string[];
  port?: readonly string[];
  interface?: string;
  password?: string;
  count?: string;
  interval?: string;
  dryRun?: boolean;
}

/** How to send, whatever the address. */
export interface SendingOptions {
  /** Hosts; empty means the broadcast addresses of this machine. */
  readonly to: readonly string[];
  readonly ports: readonly number[];
  /** Only what reaches everybody on this interface. */
  readonly interfaceName: string | undefined;
  readonly password: Uint8Array | undefined;
  /** Packets for each target. */
  readonly count: number;
  readonly intervalMs: number;
  readonly dryRun: boolean;
}

export interface WakeOptions extends SendingOptions {
  /** Normal form. */
  readonly mac: string;
}

const DEFAULT_PORT = 9;
const DEFAULT_COUNT = '3';
const DEFAULT_INTERVAL = '100ms';
const MAX_COUNT = 1_000;
const MAX_INTERVAL_MS = 60_000;
/** fe80::/10, and multicast of link-local (and interface-local) scope. */
const LINK_LOCAL = /^(?:fe[89ab][0-9a-f]|ff[0-9a-f][12]):/i;
const HOST_NAME = /^[a-z0-9_](?:[a-z0-9_.-]{0,252})$/i;

/**
 * Puts options and environment (WAKE_PASSWORD) together.
 *
 * @param normalizeMac gives six lower-case hex pairs joined by colons, or `undefined` for what is no address.
 * @throws {UsageError} one line naming the option, its value and what is allowed.
 */
export function compileWakeOptions(
  macText: string,
  flags: WakeFlagValues,
  env: Environment,
  normalizeMac: (text: string) => string | undefined,
): WakeOptions {
  const mac = normalizeMac(macText);
  if (mac === undefined) throw wrong('MAC', macText, 'aa:bb:cc:dd:ee:ff, aa-bb-cc-dd-ee-ff or aabb.ccdd.eeff');
  if (!isUsableMac(mac)) throw wrong('MAC', macText, 'the address of one machine, so neither all zeros nor broadcast or multicast');
  return { mac, ...compileSendingOptions(flags, env) };
}

/** @throws {UsageError} one line naming the option, its value and what is allowed. */
export function compileSendingOptions(flags: WakeFlagValues, env: Environment): SendingOptions {
  if (flags.to !== undefined && flags.interface !== undefined)
    throw new UsageError('--to and --interface exclude each other; give one of them');
  return {
    to: (flags.to ?? []).map(host),
    ports: flags.port === undefined ? [DEFAULT_PORT] : [...new Set(flags.port.map(port))],
    interfaceName: flags.interface,
    password: password(flags.password ?? env['WAKE_PASSWORD']),
    count: count(flags.count ?? DEFAULT_COUNT),
    intervalMs: interval(flags.interval ?? DEFAULT_INTERVAL),
    dryRun: flags.dryRun ?? false,
  };
}

/** An option that does not fit. */
export function wrong(flag: string, value: string, allowed: string): UsageError {
  return new UsageError(`${flag} is ${JSON.stringify(value)}; allowed: ${allowed}`);
}

/** IPv6 addresses may be in brackets and may carry a zone; those that are only valid on one link must. */
function host(text: string): string {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  if (isIPv6(bare) && LINK_LOCAL.test(bare) && !bare.includes('%'))
    throw wrong('--to', text, `an address of one link only together with its interface, for example ${bare}%eth0`);
  if (isIP(bare) !== 0 || HOST_NAME.test(bare)) return bare;
  throw wrong('--to', text, 'an IPv4 or IPv6 address or a host name');
}

/** A UDP port. @throws {UsageError} */
export function port(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= 1 && number <= 65_535)) throw wrong('--port', text, '1 to 65535');
  return number;
}

function password(text: string | undefined): Uint8Array | undefined {
  if (text === undefined || text === '') return undefined;
  const bytes = parseSecureOnPassword(text);
  if (bytes === undefined)
    throw new UsageError(`--password (or WAKE_PASSWORD) has ${text.length} characters in no known form; allowed: ${PASSWORD_FORMS}`);
  return bytes;
}

function count(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= 1 && number <= MAX_COUNT)) throw wrong('--count', text, `1 to ${MAX_COUNT}`);
  return number;
}

function interval(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms > MAX_INTERVAL_MS) throw wrong('--interval', text, 'a duration up to 60s, for example 100ms');
  return ms;
}
