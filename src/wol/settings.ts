/** Flags of the manager that belong to Wake-on-LAN, and what they say once checked. */
import type { FlagDefinition, InjectionToken, Settings } from '../framework';
import { DEPLOYMENT_FLAGS, DEPLOYMENT_VARIABLES, type DeploymentSettings, deploymentSettings } from './deployment-settings';
import { GRPC_SECURITY_FLAGS, type GrpcSecurity, grpcSecurity } from './grpc-settings';

export const GRPC_ADDRESS_FLAG = '--grpc-bind-address';

export const WOL_FLAGS = [
  {
    key: 'grpcBindAddress',
    flag: GRPC_ADDRESS_FLAG,
    env: 'GRPC_BIND_ADDRESS',
    value: '[host]:port',
    default: ':9090',
    description: 'address on which agents report packets',
  },
  ...GRPC_SECURITY_FLAGS,
  {
    key: 'wolStartTimeout',
    flag: '--wol-start-timeout',
    env: 'WOL_START_TIMEOUT',
    value: 'duration',
    default: '60s',
    description: 'how long a start is tried; 1s to 10m',
  },
  {
    key: 'wolDedupWindow',
    flag: '--wol-dedup-window',
    env: 'WOL_DEDUP_WINDOW',
    value: 'duration',
    default: '10s',
    description: 'repeats of a successful wake within this time are duplicates; 0s to 10m',
  },
  {
    key: 'wolMaxStartsPerMinute',
    flag: '--wol-max-starts-per-minute',
    env: 'WOL_MAX_STARTS_PER_MINUTE',
    value: 'number',
    default: '600',
    description: 'start and unpause calls over all configs; 0 = no limit',
  },
  {
    key: 'wolMaxConcurrentStarts',
    flag: '--wol-max-concurrent-starts',
    env: 'WOL_MAX_CONCURRENT_STARTS',
    value: 'number',
    default: '32',
    description: 'start and unpause calls at the same time',
  },
  {
    key: 'watchNamespaces',
    flag: '--watch-namespaces',
    env: 'WATCH_NAMESPACES',
    value: 'list',
    default: '',
    description: 'namespaces outside this list do not exist for Wake-on-LAN; empty = all',
  },
  ...DEPLOYMENT_FLAGS,
] as const satisfies readonly FlagDefinition[];

/** What is read from the environment only. */
export const WOL_VARIABLES = DEPLOYMENT_VARIABLES;

export type WolSettingKey = (typeof WOL_FLAGS | typeof WOL_VARIABLES)[number]['key'];

export interface WolSettings {
  /** Namespace the operator runs in. */
  readonly namespace: string;
  /** `[host]:port`. */
  readonly grpcBindAddress: string;
  readonly grpc: GrpcSecurity;
  readonly startTimeoutMs: number;
  readonly dedupWindowMs: number;
  /** 0 = no limit. */
  readonly maxStartsPerMinute: number;
  readonly maxConcurrentStarts: number;
  /** Empty = all. */
  readonly watchNamespaces: readonly string[];
  /** How agents are deployed. */
  readonly agents: DeploymentSettings;
}

/** Inject with `@inject(WOL_SETTINGS)`. */
export const WOL_SETTINGS: InjectionToken<WolSettings> = Symbol('WolSettings');

const MINUTE_MS = 60_000;

/**
 * @param version of this build: agents run the same one unless told otherwise.
 * @throws {UsageError} one line naming the flag, its value and what is allowed.
 */
export function wolSettings(settings: Settings<WolSettingKey>, namespace: string, version: string): WolSettings {
  return {
    namespace,
    grpcBindAddress: settings.listenAddress('grpcBindAddress'),
    grpc: grpcSecurity(settings),
    startTimeoutMs: settings.durationMs('wolStartTimeout', { minMs: 1_000, maxMs: 10 * MINUTE_MS }),
    dedupWindowMs: settings.durationMs('wolDedupWindow', { minMs: 0, maxMs: 10 * MINUTE_MS }),
    maxStartsPerMinute: settings.wholeNumber('wolMaxStartsPerMinute', { min: 0, max: 1_000_000 }),
    maxConcurrentStarts: settings.wholeNumber('wolMaxConcurrentStarts', { min: 1, max: 10_000 }),
    watchNamespaces: namespaces(settings),
    agents: deploymentSettings(settings, version),
  };
}

/** Names as the API server allows them (RFC 1123 label); one that can never exist would silently watch nothing. */
function namespaces(settings: Settings<'watchNamespaces'>): readonly string[] {
  const names = settings.list('watchNamespaces');
  if (names.some((name) => !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))) {
    throw settings.refuse('watchNamespaces', 'namespace names of at most 63 characters, joined by commas');
  }
  return names;
}
