/**
 * The flags of `virt-steward agent`.
 *
 * Owns: their names, environment variables and help texts, and the spellings that agents before us understood. Never: checks a
 * value, that is `compileAgentOptions`.
 */
import type { FlagDefinition, FlagValues } from '../../framework/basics';
import { CA_FILE, TOKEN_FILE } from '../protocol/identity';
import { DEDUP_WINDOW_MS, QUEUE_SIZE } from '../protocol/limits';

export const AGENT_FLAGS = [
  { key: 'nodeName', flag: '--node-name', env: 'NODE_NAME', value: 'name', default: '', description: 'node the agent runs on (required)' },
  {
    key: 'operatorAddress',
    flag: '--operator-address',
    env: 'OPERATOR_ADDRESS',
    value: 'host:port',
    default: 'virt-steward-grpc.virt-steward-system.svc:9090',
    description: 'gRPC address of the manager; IPv6 hosts in brackets',
  },
  {
    key: 'ports',
    flag: '--ports',
    env: 'PORTS',
    value: 'list',
    default: '9',
    description: 'UDP ports to listen on, joined by commas, at most 10',
  },
  {
    key: 'healthProbeBindAddress',
    flag: '--health-probe-bind-address',
    env: 'HEALTH_PROBE_BIND_ADDRESS',
    value: '[host]:port',
    default: ':8080',
    description: 'address of /healthz, /readyz and /metrics; 0 turns them off',
  },
  {
    key: 'configName',
    flag: '--config-name',
    env: 'WOLCONFIG_NAME',
    value: 'name',
    default: '',
    description: 'WolConfig the agent serves',
  },
  {
    key: 'grpcCaFile',
    flag: '--grpc-ca-file',
    env: 'GRPC_CA_FILE',
    value: 'file',
    default: CA_FILE,
    description: 'authorities (PEM) that the manager is verified against, read again on every connection',
  },
  {
    key: 'grpcTokenFile',
    flag: '--grpc-token-file',
    env: 'GRPC_TOKEN_FILE',
    value: 'file',
    default: TOKEN_FILE,
    description: 'service-account token for audience wol-manager, read again on every connection',
  },
  {
    key: 'grpcCertFile',
    flag: '--grpc-cert-file',
    env: 'GRPC_CERT_FILE',
    value: 'file',
    default: '',
    description: 'client certificate (PEM), for managers with --grpc-mtls',
  },
  {
    key: 'grpcKeyFile',
    flag: '--grpc-key-file',
    env: 'GRPC_KEY_FILE',
    value: 'file',
    default: '',
    description: 'private key (PEM) of --grpc-cert-file',
  },
  {
    key: 'grpcInsecure',
    flag: '--grpc-insecure',
    env: 'GRPC_INSECURE',
    value: 'true|false',
    isSwitch: true,
    default: 'false',
    description: 'talk to the manager in plaintext and without identity',
  },
  {
    key: 'rawEthernet',
    flag: '--raw-ethernet',
    env: 'RAW_ETHERNET',
    value: 'true|false',
    isSwitch: true,
    default: 'false',
    description: 'also listen for Ethernet frames of type 0x0842; needs CAP_NET_RAW',
  },
  {
    key: 'dedupWindow',
    flag: '--dedup-window',
    env: 'DEDUP_WINDOW',
    value: 'duration',
    default: `${DEDUP_WINDOW_MS.default / 1_000}s`,
    description: 'repeats of a packet within this time are dropped; 0s to 60s',
  },
  {
    key: 'queueSize',
    flag: '--queue-size',
    env: 'QUEUE_SIZE',
    value: 'number',
    default: String(QUEUE_SIZE.default),
    description: `events kept while no manager answers; ${QUEUE_SIZE.min} to ${QUEUE_SIZE.max}`,
  },
  {
    key: 'logLevel',
    flag: '--log-level',
    env: 'LOG_LEVEL',
    value: 'level',
    default: 'info',
    description: 'error, warn, info or debug (alias --zap-log-level)',
  },
  { key: 'logFormat', flag: '--log-format', env: 'LOG_FORMAT', value: 'format', default: 'json', description: 'json or text' },
] as const satisfies readonly FlagDefinition[];

export type AgentFlagKey = (typeof AGENT_FLAGS)[number]['key'];
export type AgentFlagValues = FlagValues<AgentFlagKey>;

/** Flags of older agents that have no meaning here. Those marked true take the next argument when they have no `=`. */
const IGNORED: Readonly<Record<string, boolean>> = {
  '--zap-devel': false,
  '--zap-encoder': true,
  '--zap-stacktrace-level': true,
  '--zap-time-encoding': true,
  '--kubeconfig': true,
};

/**
 * Brings the arguments of older agents into today's form: single-dash long flags, `--zap-log-level`, and flags that are
 * accepted without effect.
 *
 * @returns what is to be parsed, and the names of the flags left out, for a warning.
 */
export function modernizeAgentArguments(args: readonly string[]): { args: string[]; ignored: string[] } {
  const kept: string[] = [];
  const ignored: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const argument = withTwoDashes(args[i] as string);
    const [name = '', value] = splitAtEquals(argument);
    const takesNext = IGNORED[name];
    if (takesNext !== undefined) {
      ignored.push(name);
      if (takesNext && value === undefined) i++;
    } else {
      kept.push(name === '--zap-log-level' ? argument.replace(name, '--log-level') : argument);
    }
  }
  return { args: kept, ignored };
}

/** `-node-name` is a long flag with one dash; `-h` is not. */
function withTwoDashes(argument: string): string {
  return /^-[a-z][a-z-]+(=|$)/.test(argument) ? `-${argument}` : argument;
}

function splitAtEquals(argument: string): [string, string | undefined] {
  const equals = argument.indexOf('=');
  return equals < 0 ? [argument, undefined] : [argument.slice(0, equals), argument.slice(equals + 1)];
}
