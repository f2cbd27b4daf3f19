/**
 * Settings of an agent, checked.
 *
 * Owns: what each flag may be. Pure: reads no file and no environment but the one it is given.
 */
import { type Environment, type ListenAddress, type LogLevel, parseListenAddress, Settings } from '../../framework/basics';
import { DEDUP_WINDOW_MS, MAX_PORTS, QUEUE_SIZE } from '../protocol/limits';
import { AGENT_FLAGS, type AgentFlagKey, type AgentFlagValues } from './agent-flags';
import type { CredentialPaths } from './credential-files';

export interface AgentOptions {
  readonly nodeName: string;
  /** `host:port`. */
  readonly operatorAddress: string;
  /** Unique, in the order given. */
  readonly ports: readonly number[];
  /** `undefined`: no health endpoint. */
  readonly healthAddress: ListenAddress | undefined;
  readonly configName: string;
  /** `undefined`: plaintext without token. */
  readonly credentials: CredentialPaths | undefined;
  /** Listen for Ethernet frames as well. */
  readonly rawEthernet: boolean;
  readonly dedupWindowMs: number;
  readonly queueSize: number;
  readonly logLevel: LogLevel;
  readonly logFormat: 'json' | 'text';
}

type AgentSettings = Settings<AgentFlagKey>;

const DEFAULT_PORT = 9;
const MAX_PORT = 65_535;
const LONGEST_NAME = 253;
const HOST_AND_PORT = /^(?:[^\s:[\]]+|\[[0-9a-f:.%\w-]+\]):(\d{1,5})$/i;

/**
 * Puts flags, environment and defaults together; a flag wins over its variable, an empty variable counts as absent.
 *
 * @throws {UsageError} one line naming the flag, its value and what is allowed.
 */
export function compileAgentOptions(flags: AgentFlagValues, env: Environment): AgentOptions {
  const settings: AgentSettings = new Settings(AGENT_FLAGS, flags, env);
  const nodeName = name(settings, 'nodeName', 1);
  return {
    nodeName,
    operatorAddress: hostAndPort(settings, 'operatorAddress'),
    ports: ports(settings),
    healthAddress: parseListenAddress(settings.listenAddress('healthProbeBindAddress')),
    configName: name(settings, 'configName', 0),
    credentials: settings.boolean('grpcInsecure') ? undefined : credentialPaths(settings),
    rawEthernet: settings.boolean('rawEthernet'),
    dedupWindowMs: settings.durationMs('dedupWindow', { minMs: DEDUP_WINDOW_MS.min, maxMs: DEDUP_WINDOW_MS.max }),
    queueSize: settings.wholeNumber('queueSize', QUEUE_SIZE),
    logLevel: settings.oneOf<LogLevel>('logLevel', ['error', 'warn', 'info', 'debug']),
    logFormat: settings.oneOf('logFormat', ['json', 'text']),
  };
}

/** Whether the files are there is seen at every connection: a volume may be filled later. */
function credentialPaths(settings: AgentSettings): CredentialPaths {
  const [certFile, keyFile] = [settings.text('grpcCertFile'), settings.text('grpcKeyFile')];
  if (certFile === '' && keyFile !== '') throw settings.refuse('grpcCertFile', 'a file, because --grpc-key-file is given');
  if (certFile !== '' && keyFile === '') throw settings.refuse('grpcKeyFile', 'a file, because --grpc-cert-file is given');
  const pair = certFile === '' ? undefined : { certFile, keyFile };
  return { caFile: settings.text('grpcCaFile'), tokenFile: settings.text('grpcTokenFile'), pair };
}

function name(settings: AgentSettings, key: AgentFlagKey, shortest: number): string {
  const text = settings.text(key).trim();
  if (text.length < shortest || text.length > LONGEST_NAME) throw settings.refuse(key, `${shortest} to ${LONGEST_NAME} characters`);
  return text;
}

function hostAndPort(settings: AgentSettings, key: AgentFlagKey): string {
  const text = settings.text(key);
  const port = HOST_AND_PORT.exec(text)?.[1];
  if (!isPort(Number(port))) throw settings.refuse(key, `host:port with a port from 1 to ${MAX_PORT}, IPv6 hosts in brackets`);
  return text;
}

function ports(settings: AgentSettings): readonly number[] {
  const numbers = settings.list('ports').map((item) => (/^\d{1,5}$/.test(item) ? Number(item) : Number.NaN));
  const unique = [...new Set(numbers)];
  if (!unique.every(isPort) || unique.length > MAX_PORTS) {
    throw settings.refuse('ports', `at most ${MAX_PORTS} ports from 1 to ${MAX_PORT}, joined by commas`);
  }
  return unique.length === 0 ? [DEFAULT_PORT] : unique;
}

function isPort(number: number): boolean {
  return number >= 1 && number <= MAX_PORT;
}
