/** `virt-steward manager`: runs the operator. */
import {
  createContainer,
  createOperator,
  ListenError,
  type Logger,
  type LogLevel,
  loadOwnKubeConfig,
  type MetricsOptions,
  type OwnKubeConfig,
  Settings,
  type StewardOperator,
  WinstonLogger,
} from '../framework';
import { provideWol, WOL_FLAGS, wolSettings } from '../wol';
import { addFlags, flagValues } from './flag-options';
import { MANAGER_FLAGS } from './manager-flags';
import { DOMAIN, handlersOf, parseModules } from './modules';
import type { RegisterCommand } from './program';
import { onTermination } from './signals';
import { VERSION } from './version';

const EXAMPLES = `
Examples:
  virt-steward manager --kubeconfig ~/.kube/config --grpc-insecure
  MODULES=wol GRPC_INSECURE=true METRICS_BIND_ADDRESS=0 virt-steward manager`;

const FLAGS = [...MANAGER_FLAGS, ...WOL_FLAGS];
const LOG_LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

export interface ManagerOptions {
  readonly modules: readonly string[];
  readonly namespace: string;
  /** Empty = in-cluster. */
  readonly kubeconfig: string;
  readonly healthAddress: string;
  readonly metrics: MetricsOptions;
  readonly logLevel: LogLevel;
  readonly logFormat: 'json' | 'text';
}

type ManagerSettings = Settings<(typeof FLAGS)[number]['key']>;

/** @throws {UsageError} one line naming the flag, its value and what is allowed. */
function managerOptions(settings: ManagerSettings): ManagerOptions {
  const modules = parseModules('--modules', settings.text('modules'));
  if (settings.boolean('leaderElect')) throw settings.refuse('leaderElect', 'false; leader election is not available yet, run one replica');
  return {
    modules,
    namespace: namespaceName(settings),
    kubeconfig: settings.text('kubeconfig'),
    healthAddress: settings.listenAddress('healthProbeBindAddress'),
    metrics: metricsOptions(settings),
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

export const managerCommand: RegisterCommand = (program, io, done) => {
  const command = addFlags(program.command('manager'), FLAGS)
    .description('run the operator')
    .addHelpText('after', EXAMPLES)
    .action(async () => {
      const settings: ManagerSettings = new Settings(FLAGS, flagValues(command), io.env);
      done(await runManager(managerOptions(settings), settings));
    });
};

async function runManager(options: ManagerOptions, settings: ManagerSettings): Promise<number> {
  const wol = wolSettings(settings, options.namespace);
  const logger = WinstonLogger.create({ level: options.logLevel, format: options.logFormat });
  const { kubeConfig, source } = ownKubeConfig(options.kubeconfig);
  const container = createContainer();
  provideWol(container, wol);
  const operator = await createOperator({
    name: 'virt-steward',
    namespace: options.namespace,
    domain: DOMAIN,
    version: VERSION,
    handlers: handlersOf(options.modules),
    healthAddress: options.healthAddress,
    metrics: options.metrics,
    modules: options.modules,
    container,
    kubeConfig,
    logger,
  });
  logger.info('starting', { version: VERSION, node: process.versions.node, ...options, ...wol, kubeconfig: source });
  return untilEnd(operator, logger);
}

/**
 * The base class of the operator reads KUBECONFIG by itself and throws raw errors, so what it will find is checked here first and
 * flag and variable are made to agree.
 */
function ownKubeConfig(path: string): OwnKubeConfig {
  const own = loadOwnKubeConfig({ path: path === '' ? undefined : path, environment: process.env });
  if (path !== '') process.env['KUBECONFIG'] = path;
  return own;
}

async function untilEnd(operator: StewardOperator, logger: Logger): Promise<number> {
  const termination = onTermination();
  termination.signal.addEventListener('abort', () => {
    logger.info('stopping');
    operator.stop().catch((error: unknown) => logger.error('shutdown failed', { error }));
  });
  try {
    await operator.start().catch((error: unknown) => {
      throw inFlags(error);
    });
    return await Promise.race([operator.finished, termination.forced]);
  } finally {
    termination.release();
  }
}

const FLAG_OF = { healthAddress: '--health-probe-bind-address', 'metrics.address': '--metrics-bind-address' } as const;

/** People know the flag, not the option of the framework. */
function inFlags(error: unknown): unknown {
  return error instanceof ListenError ? new ListenError(error.option, error.address, error.cause, FLAG_OF[error.option]) : error;
}
