/** How a remote cluster is connected, as the caller writes it, and the same checked and with every default filled in. */
import type { DataOnlyOptions, KubeconfigPolicy } from '../client';
import type { HealthNumbers } from './cluster-health';

export interface ClusterHealthOptions {
  /** Between two probes (`GET /version`) of a cluster that answers, in milliseconds; one is skipped when other calls succeeded. @default 30000 */
  probeIntervalMs?: number;
  /** Failed probes in a row after which calls are refused at once. @default 3 */
  failures?: number;
  /** Calls without an answer in a row, within 60 s, after which calls are refused at once. @default 5 */
  transportFailures?: number;
  /** First pause between probes of a cluster that does not answer, in milliseconds; doubles. @default 5000 */
  retryMs?: number;
  /** Longest such pause, in milliseconds. @default 60000 */
  maxRetryMs?: number;
}

export interface EngageOptions extends Omit<DataOnlyOptions, 'name'> {
  /** `data-only`: the kubeconfig comes from somebody else and must not run or read anything here. @default 'data-only' */
  policy?: KubeconfigPolicy;
  /** Calls a second, 0 = no limit. @default 0 */
  qps?: number;
  /** Calls that may be made at once when the rate is limited. @default qps, at least 1 */
  burst?: number;
  /** Calls at a time. @default 32 */
  maxInFlight?: number;
  /** Longest duration of one call, in milliseconds; watches and what a caller limits itself are not concerned. @default 60000 */
  requestTimeoutMs?: number;
  /** Watch namespaced kinds in these namespaces only, where a handler names none. @default all */
  namespaces?: readonly string[];
  /** Label selector added to every watch but those that select `labels: ''`. @default none */
  labels?: string;
  /**
   * Follow the definitions of the cluster, to notice at once when an optional kind comes or goes; else it is asked for at intervals, which
   * takes no right. @default true
   */
  watchDefinitions?: boolean;
  /** Ask for compressed answers; watches are never compressed. @default true */
  compress?: boolean;
  /**
   * The caller's name for this content, the same for the same content: `Cluster.revision` is it while the connection in use is made with it.
   * Nothing secret.
   */
  revision?: string;
  /** When the cluster counts as lost, and how it is looked for then. */
  health?: ClusterHealthOptions;
}

export interface CompiledEngageOptions extends Omit<EngageOptions, 'policy' | 'compress' | 'health'> {
  readonly policy: KubeconfigPolicy;
  readonly compress: boolean;
  readonly health: HealthNumbers;
}

const TRANSPORT_WINDOW_MS = 60_000;
const PROBE_TIMEOUT_MS = 5_000;

/** Fills in defaults and checks ranges. @throws {RangeError} naming the option, its value and what is allowed. */
export function compileEngageOptions(options: EngageOptions = {}): CompiledEngageOptions {
  const { probeIntervalMs = 30_000, failures = 3, transportFailures = 5, retryMs = 5_000, maxRetryMs = 60_000 } = options.health ?? {};
  for (const [name, value] of Object.entries({ probeIntervalMs, failures, transportFailures, retryMs })) {
    if (!(Number.isFinite(value) && value >= 1)) throw new RangeError(`health.${name} is ${value}; allowed: numbers from 1`);
  }
  if (!(maxRetryMs >= retryMs)) throw new RangeError(`health.maxRetryMs is ${maxRetryMs}; allowed: at least retryMs (${retryMs})`);
  const { qps, burst, maxInFlight, namespaces } = options;
  if (qps !== undefined && !(qps >= 0)) throw new RangeError(`qps is ${qps}; allowed: 0 (off) or more`);
  for (const [name, value] of Object.entries({ burst, maxInFlight, requestTimeoutMs: options.requestTimeoutMs })) {
    if (value !== undefined && !(value >= 1)) throw new RangeError(`${name} is ${value}; allowed: 1 or more`);
  }
  if (namespaces?.length === 0) throw new RangeError('namespaces is empty; leave it out for all');
  return Object.freeze({
    ...options,
    policy: options.policy ?? 'data-only',
    compress: options.compress ?? true,
    health: {
      ...{ probeIntervalMs, failures, transportFailures, retryMs, maxRetryMs },
      transportWindowMs: TRANSPORT_WINDOW_MS,
      probeTimeoutMs: PROBE_TIMEOUT_MS,
    },
  });
}
