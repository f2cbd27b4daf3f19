/**
 * Settings of an agent, checked.
 *
 * Owns: what each flag may be. Pure: reads no file and no environment but the one it is given.
 */
import type { LogLevel } from '../../framework';
import { parseDurationMs } from '../protocol/duration';
import { DEDUP_WINDOW_MS, MAX_PORTS, QUEUE_SIZE } from '../protocol/limits';
import { UsageError } from '../protocol/usage-error';
import { AGENT_FLAGS, type AgentFlagKey, type AgentFlagValues } from './agent-flags';
import type { BindAddress } from './health-endpoint';

export interface AgentOptions {
  readonly nodeName: string;
  /** `host:port`. */
  readonly operatorAddress: string;
  /** Unique, in the order given. */
  readonly ports: readonly number[];
  /** `undefined`: no health endpoint. */
  readonly healthAddress: BindAddress | undefined;
  readonly configName: string;
  readonly dedupWindowMs: number;
  readonly queueSize: number;
  readonly logLevel: LogLevel;
  readonly logFormat: 'json' | 'text';
}

const LOG_LEVELS: readonly string[] = ['error', 'warn', 'info', 'debug'] satisfies LogLevel[];
const DEFAULT_PORT = 9;
const MAX_PORT = 65_535;
const HOST_AND_PORT = /^(?:[^\s:[\]]+|\[[0-9a-fA-F:.%\w-]+\]):(\d{1,5})$/;
const HOST_OR_NOTHING_AND_PORT = /^(|[^\s:[\]]+|\[[0-9a-fA-F:.%\w-]+\]):(\d{1,5})$/;

/**
 * Puts flags, environment and defaults together; a flag wins over its variable, an empty variable counts as absent.
 *
 * @throws {UsageError} one line naming the flag, its value and what is allowed.
 */
export function compileAgentOptions(flags: AgentFlagValues, env: Readonly<Record<string, string | undefined>>): AgentOptions {
  const setting = (key: AgentFlagKey): Setting => settingOf(key, flags, env);
  requireInsecure(setting('grpcInsecure'));
  return {
    nodeName: name(setting('nodeName'), 1),
    operatorAddress: hostAndPort(setting('operatorAddress')),
    ports: ports(setting('ports')),
    healthAddress: bindAddress(setting('healthProbeBindAddress')),
    configName: name(setting('configName'), 0),
    dedupWindowMs: durationMs(setting('dedupWindow'), DEDUP_WINDOW_MS),
    queueSize: wholeNumber(setting('queueSize'), QUEUE_SIZE),
    logLevel: oneOf(setting('logLevel'), LOG_LEVELS) as LogLevel,
    logFormat: oneOf(setting('logFormat'), ['json', 'text']) as 'json' | 'text',
  };
}

/** A value and where it came from, for messages. */
interface Setting {
  readonly origin: string;
  readonly text: string;
}

function settingOf(key: AgentFlagKey, flags: AgentFlagValues, env: Readonly<Record<string, string | undefined>>): Setting {
  const { flag, env: variable, default: fallback } = AGENT_FLAGS.find((known) => known.key === key) as (typeof AGENT_FLAGS)[number];
  const given = flags[key];
  if (given !== undefined) return { origin: flag, text: String(given) };
  const inherited = env[variable];
  return inherited ? { origin: `${flag} (from ${variable})`, text: inherited } : { origin: flag, text: fallback };
}

function wrong({ origin, text }: Setting, allowed: string): UsageError {
  return new UsageError(`${origin} is ${JSON.stringify(text)}; allowed: ${allowed}`);
}

function requireInsecure(setting: Setting): void {
  if (!['true', 'false'].includes(setting.text)) throw wrong(setting, 'true or false');
  // Rather refuse than be silently open.
  if (setting.text === 'false') throw wrong(setting, 'true, plaintext without identity is the only mode of this version');
}

function name(setting: Setting, shortest: number): string {
  const text = setting.text.trim();
  if (text.length < shortest || text.length > 253) throw wrong(setting, `${shortest} to 253 characters`);
  return text;
}

function hostAndPort(setting: Setting): string {
  const port = HOST_AND_PORT.exec(setting.text)?.[1];
  if (port === undefined || !isPort(Number(port)))
    throw wrong(setting, `host:port with a port from 1 to ${MAX_PORT}, IPv6 hosts in brackets`);
  return setting.text;
}

function bindAddress(setting: Setting): BindAddress | undefined {
  if (setting.text === '0') return undefined;
  const [, host, port] = HOST_OR_NOTHING_AND_PORT.exec(setting.text) ?? [];
  if (host === undefined || !isPort(Number(port))) throw wrong(setting, `[host]:port with a port from 1 to ${MAX_PORT}, or 0 for none`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

function ports(setting: Setting): readonly number[] {
  const items = setting.text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  const numbers = items.map((item) => (/^\d{1,5}$/.test(item) ? Number(item) : Number.NaN));
  const unique = [...new Set(numbers)];
  if (!unique.every(isPort) || unique.length > MAX_PORTS)
    throw wrong(setting, `at most ${MAX_PORTS} ports from 1 to ${MAX_PORT}, joined by commas`);
  return unique.length === 0 ? [DEFAULT_PORT] : unique;
}

function isPort(number: number): boolean {
  return number >= 1 && number <= MAX_PORT;
}

function durationMs(setting: Setting, { min, max }: { min: number; max: number }): number {
  const ms = parseDurationMs(setting.text);
  if (ms === undefined || ms < min || ms > max)
    throw wrong(setting, `a duration from ${min / 1_000}s to ${max / 1_000}s, for example 2s or 500ms`);
  return ms;
}

function wholeNumber(setting: Setting, { min, max }: { min: number; max: number }): number {
  const number = /^\d{1,9}$/.test(setting.text) ? Number(setting.text) : Number.NaN;
  if (!(number >= min && number <= max)) throw wrong(setting, `a whole number from ${min} to ${max}`);
  return number;
}

function oneOf(setting: Setting, allowed: readonly string[]): string {
  if (!allowed.includes(setting.text)) throw wrong(setting, allowed.join(', '));
  return setting.text;
}
