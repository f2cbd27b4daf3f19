/** Flags of `virt-steward manager` that belong to no single module. */
import type { FlagDefinition } from '../framework/basics';

export const MANAGER_FLAGS = [
  { key: 'modules', flag: '--modules', env: 'MODULES', value: 'list', default: 'wol', description: 'modules to run, joined by commas' },
  {
    key: 'namespace',
    flag: '--namespace',
    env: 'POD_NAMESPACE',
    value: 'name',
    default: 'virt-steward-system',
    description: 'namespace the operator runs in',
  },
  {
    key: 'kubeconfig',
    flag: '--kubeconfig',
    env: 'KUBECONFIG',
    value: 'file',
    default: '',
    description: 'kubeconfig file; without one the service account of the pod is used',
  },
  {
    key: 'healthProbeBindAddress',
    flag: '--health-probe-bind-address',
    env: 'HEALTH_PROBE_BIND_ADDRESS',
    value: '[host]:port',
    default: ':8081',
    description: 'address of /healthz and /readyz; 0 turns them off',
  },
  {
    key: 'metricsBindAddress',
    flag: '--metrics-bind-address',
    env: 'METRICS_BIND_ADDRESS',
    value: '[host]:port',
    default: ':8443',
    description: 'address of /metrics; 0 turns it off',
  },
  {
    key: 'metricsSecure',
    flag: '--metrics-secure',
    env: 'METRICS_SECURE',
    value: 'true|false',
    isSwitch: true,
    default: 'true',
    description: 'serve metrics over TLS to authorized callers only; false = plain HTTP for everybody',
  },
  {
    key: 'leaderElect',
    flag: '--leader-elect',
    env: 'LEADER_ELECT',
    value: 'true|false',
    isSwitch: true,
    default: 'false',
    description: 'let one of several replicas reconcile',
  },
  { key: 'logLevel', flag: '--log-level', env: 'LOG_LEVEL', value: 'level', default: 'info', description: 'error, warn, info or debug' },
  { key: 'logFormat', flag: '--log-format', env: 'LOG_FORMAT', value: 'format', default: 'json', description: 'json or text' },
] as const satisfies readonly FlagDefinition[];
