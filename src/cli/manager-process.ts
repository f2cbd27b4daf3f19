/** The manager, from checked flags to exit code, whatever modules it is made of. Never: loads one that it is not given. */
import {
  ConfigError,
  createContainer,
  createOperator,
  type DependencyContainer,
  type HandlerClass,
  ListenError,
  type LogLevel,
  loadOwnKubeConfig,
  type MetricsOptions,
  type OwnKubeConfig,
  runOperator,
  type Settings,
  type StewardOperator,
  WinstonLogger,
} from '../framework';
import { type CertificateLifetimes, GrpcCertificate } from '../wol';
import { MANAGER_LEASE } from './lease-name';
import type { MANAGER_FLAGS } from './manager-flags';
import { type ModuleName, parseModules } from './module-names';
import { DOMAIN, type ModuleSettingKey, type ModuleSettings, moduleSettings } from './module-settings';
import { giveMemoryOfStartBack, keepHeapSmall } from './small-heap';
import { VERSION } from './version';

/** Flags of what the framework knows as options. */
const ADDRESS_FLAGS: Readonly<Record<string, string>> = {
  healthAddress: '--health-probe-bind-address',
  'metrics.address': '--metrics-bind-address',
};
const LOG_LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

interface ManagerOptions {
  readonly modules: readonly ModuleName[];
  readonly namespace: string;
  /** Empty = in-cluster. */
  readonly kubeconfig: string;
  readonly healthAddress: string;
  readonly metrics: MetricsOptions;
  readonly leaderElect: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: 'json' | 'text';
}

/** Every flag of the command, and what is read from the environment only. */
export type ManagerSettings = Settings<(typeof MANAGER_FLAGS)[number]['key'] | ModuleSettingKey>;

/** What no flag changes; for tests. */
export interface ManagerOverrides {
  /** @default a year, three months, an hour */
  readonly lifetimes?: CertificateLifetimes;
}

/** The modules that a manager can be made of. */
export interface ManagerParts {
  handlersOf(modules: readonly ModuleName[], settings: ModuleSettings): HandlerClass[];
  /** Rights that need a decision, see modules.ts. */
  exceptionalRights(settings: ModuleSettings): readonly string[];
  /** Registers what handlers of these modules inject. */
  provide(container: DependencyContainer, modules: readonly ModuleName[], settings: ModuleSettings, lifetimes?: CertificateLifetimes): void;
}

/** @throws {UsageError} one line naming the flag, its value and what is allowed. */
function managerOptions(settings: ManagerSettings): ManagerOptions {
  const modules = parseModules('--modules', settings.text('modules'));
  return {
    modules,
    namespace: namespaceName(settings),
    kubeconfig: settings.text('kubeconfig'),
    healthAddress: settings.listenAddress('healthProbeBindAddress'),
    metrics: metricsOptions(settings),
    leaderElect: settings.boolean('leaderElect'),
    logLevel: settings.oneOf('logLevel', LOG_LEVELS),
    logFormat: settings.oneOf('logFormat', ['json', 'text']),
  };
}

function metricsOptions(settings: ManagerSettings): MetricsOptions {
  const address = settings.listenAddress('metricsBindAddress');
  const secure = settings.boolean('metricsSecure');
  const [certFile, keyFile] = [settings.text('metricsCertFile'), settings.text('metricsKeyFile')];
  if (certFile === '' && keyFile === '') return { address, secure };
  if (certFile === '') throw settings.refuse('metricsCertFile', 'a file, because --metrics-key-file is given');
  if (keyFile === '') throw settings.refuse('metricsKeyFile', 'a file, because --metrics-cert-file is given');
  if (!secure) throw settings.refuse('metricsSecure', 'true, because --metrics-cert-file is given');
  return { address, secure, certFile, keyFile };
}

/** RFC 1123 label, as the API server demands of namespaces. */
function namespaceName(settings: ManagerSettings): string {
  const name = settings.text('namespace');
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) throw settings.refuse('namespace', 'a namespace name of at most 63 characters');
  return name;
}

/** @returns the exit code. @throws {UsageError} {ConfigError} one line naming what is wrong. */
export async function runManagerWith(
  parts: ManagerParts,
  settings: ManagerSettings,
  { lifetimes }: ManagerOverrides = {},
): Promise<number> {
  keepHeapSmall();
  const options = managerOptions(settings);
  // Flags first: whoever mistypes one need not have a cluster to be told.
  const checked = moduleSettings(settings, options.namespace, { ...metricsFacts(options.metrics), inCluster: false });
  const { kubeConfig, source } = ownKubeConfig(settings);
  const modules = { ...checked, platform: { ...checked.platform, inCluster: source === 'in-cluster' } };
  const { wol, platform, machines } = modules;
  const logger = WinstonLogger.create({ level: options.logLevel, format: options.logFormat });
  const container = createContainer();
  // One pair for both, so that a scraper can verify it by the published authority.
  const hasCertificate = options.modules.includes('wol') && !wol.grpc.insecure;
  parts.provide(container, options.modules, modules, lifetimes);
  const operator = await createOperator({
    name: 'virt-steward',
    namespace: options.namespace,
    domain: DOMAIN,
    version: VERSION,
    handlers: parts.handlersOf(options.modules, modules),
    exceptionalRights: parts.exceptionalRights(modules),
    healthAddress: options.healthAddress,
    metrics: hasCertificate ? { ...options.metrics, certificateOf: GrpcCertificate } : options.metrics,
    modules: options.modules,
    leaderElection: options.leaderElect ? { lease: MANAGER_LEASE } : undefined,
    container,
    kubeConfig,
    logger,
    // Lists leave several times their size of garbage behind, which V8 would keep until more memory is asked for.
    onListed: giveMemoryOfStartBack,
  });
  const { kubeconfig: _path, ...shown } = options;
  logger.info('starting', { version: VERSION, node: process.versions.node, ...shown, ...wol, platform, machines, clusterFrom: source });
  return untilEnd(operator);
}

/** What expressions of the catalog may know of the metrics of this process. */
function metricsFacts({ address = '0', secure = false }: MetricsOptions): {
  readonly metricsPort: number;
  readonly metricsSecure: boolean;
} {
  return { metricsPort: Number(address.slice(address.lastIndexOf(':') + 1)), metricsSecure: secure };
}

/**
 * The base class of the operator reads KUBECONFIG by itself and throws raw errors, so what it will find is checked here first and
 * flag and variable are made to agree.
 */
function ownKubeConfig(settings: ManagerSettings): OwnKubeConfig {
  const path = settings.text('kubeconfig');
  if (path !== '') process.env['KUBECONFIG'] = path;
  try {
    return loadOwnKubeConfig({ environment: process.env });
  } catch (error) {
    if (path === '' || !(error instanceof ConfigError)) throw error;
    const problems = error.problems.map(({ text }) => text).join('; ');
    throw settings.refuse('kubeconfig', `a kubeconfig file that can be used, but ${problems}`);
  }
}

/** Addresses that cannot be bound are named by their flags. */
async function untilEnd(operator: StewardOperator): Promise<number> {
  try {
    return await runOperator(operator);
  } catch (error) {
    const flag = error instanceof ListenError ? ADDRESS_FLAGS[error.setting] : undefined;
    throw flag === undefined ? error : (error as ListenError).renamed(flag);
  }
}
