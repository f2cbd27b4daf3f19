/** What an operator is made of, as its author writes it, and the same with every default filled in. */
import { hostname } from 'node:os';
import type { KubeConfig } from '@kubernetes/client-node';
import type { DependencyContainer, InjectionToken } from '../decorators/container';
import type { HandlerClass } from '../decorators/handler';
import { ConfigError } from '../errors/config-error';
import { type CompiledLeaderElectionOptions, compileLeaderElectionOptions, type LeaderElectionOptions } from '../leader';
import { type Logger, nullLogger } from '../logging/logger';
import { type ListenAddress, parseListenAddress } from '../serving/address';
import type { ServedCertificate } from '../serving/tls/certificate-source';
import { type Clock, SystemClock } from '../time/clock';
import { operatorOptionProblems } from './operator-option-check';
import type { HandlerRun } from './pass-ports';

export interface MetricsOptions {
  /** `[host]:port` of /metrics, `0` = off. @default '0' */
  address?: string;
  /**
   * TLS, and only for callers whose bearer token may `get` the path /metrics, by word of the API server. The operator then needs to
   * create TokenReviews and SubjectAccessReviews. @default false: plain HTTP, for everybody
   */
  secure?: boolean;
  /** PEM file of the certificate chain; goes with `keyFile`. @default a self-signed certificate, made at start */
  certFile?: string;
  /** PEM file of the private key. */
  keyFile?: string;
  /**
   * Token under which the container has a certificate that the operator serves elsewhere, to be served here as well; without files, and
   * self-signed as long as there is none. @default none
   */
  certificateOf?: InjectionToken<ServedCertificate>;
}

export interface OperatorOptions {
  /** Reporting controller of Events and first part of names, for example `virt-steward`. */
  name: string;
  /** Where the operator runs: Lease and Roles live there. @default the operator's name */
  namespace?: string;
  /** Domain of finalizers and annotations that have no name of their own, for example `virt-steward.io`. */
  domain?: string;
  /** Of server-side apply. @default the operator's name */
  fieldManager?: string;
  /**
   * Values of the label app.kubernetes.io/managed-by that older operators set: `applyChild` takes their objects over instead of
   * refusing them. @default []
   */
  adoptedManagers?: readonly string[];
  /** Classes with `@Handler()`; a subclass takes the place of the class it extends. */
  handlers: readonly HandlerClass[];
  /**
   * Rights that handlers may claim although they let their holder get further rights or read Secrets without naming them, each as
   * the refusal writes it: `bind clusterroles.rbac.authorization.k8s.io named viewer`. @default []
   */
  exceptionalRights?: readonly string[];
  /** Let one of several replicas reconcile. @default undefined, the process leads at once */
  leaderElection?: LeaderElectionOptions | undefined;
  /** @default the kubeconfig of KUBECONFIG, else in-cluster */
  kubeConfig?: KubeConfig;
  /** `[host]:port` of /healthz and /readyz, `0` = off. @default '0' */
  healthAddress?: string;
  /** Where and how metrics are served. @default not at all */
  metrics?: MetricsOptions;
  /** @default no log */
  logger?: Logger;
  /** Version for the user agent and the build metric. @default '0.0.0' */
  version?: string;
  /** Names of what runs, for the build metric. @default [] */
  modules?: readonly string[];
  /**
   * Survive rejected promises that nobody waited for, and stop in order after an exception that nobody caught. Installs listeners of
   * the process for as long as the operator runs. @default true
   */
  handleProcessErrors?: boolean;
  /** @default the machine's clock */
  clock?: Clock;
  /** Uniform in [0, 1); spreads retries. @default Math.random */
  random?: () => number;
  /** Freeze cached objects so that a handler that mutates one fails at once. @default true unless NODE_ENV is production */
  freezeCache?: boolean;
  /** Drop kubectl's last-applied annotation from caches. @default true */
  stripLastApplied?: boolean;
  /** Parent container with registrations of one's own. @default the global container */
  container?: DependencyContainer;
  /** Time for running handlers to end at shutdown before they are aborted, in milliseconds. @default 15000 */
  shutdownTimeoutMs?: number;
  /**
   * From the begin of the shutdown on readiness is false, but work goes on for this long, in milliseconds: time for those who route to this
   * process to notice. Comes on top of the 25 s that a shutdown takes at most. @default 0
   */
  shutdownDelayMs?: number;
  /** Pod name: the reporting instance of Events, the first part of our identity in the Lease. @default the host name */
  instance?: string;
  /** Told of every handler run that ended, inline: for tests and for metrics of one's own. @default nobody is told */
  onRun?: (run: HandlerRun) => void;
  /**
   * Told once, inline, when everything that is read has been listed and no handler has run yet: a moment without work, for what would hold
   * it up later. @default nobody is told
   */
  onListed?: () => void;
}

export interface CompiledOperatorOptions {
  readonly name: string;
  readonly namespace: string;
  readonly domain: string | undefined;
  readonly fieldManager: string;
  readonly adoptedManagers: readonly string[];
  readonly handlers: readonly HandlerClass[];
  readonly exceptionalRights: readonly string[];
  readonly leaderElection: CompiledLeaderElectionOptions | undefined;
  readonly kubeConfig: KubeConfig | undefined;
  readonly healthAddress: ListenAddress | undefined;
  readonly metricsAddress: ListenAddress | undefined;
  readonly metricsSecure: boolean;
  readonly metricsFiles: { readonly certificate: string; readonly key: string } | undefined;
  readonly metricsCertificateOf: InjectionToken<ServedCertificate> | undefined;
  readonly logger: Logger;
  readonly version: string;
  readonly modules: readonly string[];
  readonly handleProcessErrors: boolean;
  readonly clock: Clock;
  readonly random: () => number;
  readonly freezeCache: boolean;
  readonly stripLastApplied: boolean;
  readonly container: DependencyContainer | undefined;
  readonly shutdownTimeoutMs: number;
  readonly shutdownDelayMs: number;
  readonly instance: string;
  readonly onRun: ((run: HandlerRun) => void) | undefined;
  readonly onListed: (() => void) | undefined;
}

/** Fills in defaults. @throws {ConfigError} with everything that is wrong with the options; handlers are not looked at. */
export function compileOperatorOptions(options: OperatorOptions): CompiledOperatorOptions {
  const problems = operatorOptionProblems(options);
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze({
    name: options.name,
    namespace: options.namespace ?? options.name,
    domain: options.domain,
    fieldManager: options.fieldManager ?? options.name,
    adoptedManagers: options.adoptedManagers ?? [],
    handlers: options.handlers,
    exceptionalRights: options.exceptionalRights ?? [],
    leaderElection: options.leaderElection === undefined ? undefined : compileLeaderElectionOptions(options.leaderElection),
    kubeConfig: options.kubeConfig,
    healthAddress: parseListenAddress(options.healthAddress ?? '0'),
    metricsAddress: parseListenAddress(options.metrics?.address ?? '0'),
    metricsSecure: options.metrics?.secure ?? false,
    metricsFiles: metricsFiles(options.metrics ?? {}),
    metricsCertificateOf: options.metrics?.certificateOf,
    logger: options.logger ?? nullLogger,
    version: options.version ?? '0.0.0',
    modules: options.modules ?? [],
    handleProcessErrors: options.handleProcessErrors ?? true,
    clock: options.clock ?? new SystemClock(),
    random: options.random ?? Math.random,
    freezeCache: options.freezeCache ?? process.env['NODE_ENV'] !== 'production',
    stripLastApplied: options.stripLastApplied ?? true,
    container: options.container,
    shutdownTimeoutMs: options.shutdownTimeoutMs ?? 15_000,
    shutdownDelayMs: options.shutdownDelayMs ?? 0,
    instance: options.instance ?? hostname(),
    onRun: options.onRun,
    onListed: options.onListed,
  });
}

function metricsFiles({ certFile, keyFile }: MetricsOptions): CompiledOperatorOptions['metricsFiles'] {
  return certFile === undefined || keyFile === undefined ? undefined : { certificate: certFile, key: keyFile };
}
