/**
 * The DaemonSet that runs the agents of one WolConfig. Pure.
 *
 * Owns: every field of it. Never: reads the cluster. Invariant: the argument list stays what an agent of kubevirt-wol understands;
 * what is new travels by environment.
 */
import type { WolConfigAgentResources } from '../../api/wol/v1beta1';
import type { DaemonSet } from '../../framework';
import { effectivePorts } from '../manager/effective-config';
import {
  AGENT_SECRET,
  BUNDLE_CONFIG_MAP,
  CA_FILE,
  CERT_FILE,
  IDENTITY_DIRECTORY,
  KEY_FILE,
  TOKEN_AUDIENCE,
  TOKEN_FILE,
} from '../protocol/identity';
import { WolConfig } from '../wol-config';
import { agentAnnotations, agentLabels, daemonSetName, nameOf } from './agent-names';
import { quantityOf } from './quantity';

/** What does not follow from the config alone. */
export interface AgentSurroundings {
  /** Of the operator. */
  readonly namespace: string;
  readonly image: string;
  /** For configs that name none. */
  readonly imagePullPolicy: string;
  readonly serviceAccount: string;
  /** `host:port` of the manager. */
  readonly operatorAddress: string;
  readonly healthPort: number;
  /** How agents talk to the manager: over TLS with a token, over TLS with a client certificate as well, or in plaintext. */
  readonly transport: 'tls' | 'mtls' | 'insecure';
}

export const CONTAINER = 'agent';
const IDENTITY_VOLUME = 'grpc-identity';
const TOKEN_SECONDS = 3_600;
const DEFAULT_TOLERATIONS = [
  { operator: 'Exists', effect: 'NoSchedule' },
  { operator: 'Exists', effect: 'NoExecute' },
];
const DEFAULT_RESOURCES = { requests: { cpu: '50m', memory: '64Mi' }, limits: { cpu: '100m', memory: '128Mi' } };
const DEFAULT_UPDATE_STRATEGY = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } };
const BYTES_PER_MIB = 2 ** 20;
/** Below this Node does not start. */
const MIN_HEAP_MIB = 32;

interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: object;
}

export function agentDaemonSet(config: WolConfig, around: AgentSurroundings): DaemonSet {
  const name = nameOf(config);
  const labels = agentLabels(name);
  return {
    metadata: {
      name: daemonSetName(name),
      namespace: around.namespace,
      labels,
      annotations: agentAnnotations(name, around.healthPort),
      ownerReferences: [
        {
          apiVersion: WolConfig.apiVersion,
          kind: WolConfig.kind,
          name,
          uid: config.metadata?.uid ?? '',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      selector: { matchLabels: labels },
      updateStrategy: config.spec?.agent?.updateStrategy ?? DEFAULT_UPDATE_STRATEGY,
      template: { metadata: { labels }, spec: podSpec(config, around) },
    },
  };
}

function podSpec(config: WolConfig, around: AgentSurroundings): object {
  const { nodeSelector, priorityClassName, tolerations, rawEthernet = false } = config.spec?.agent ?? {};
  return {
    hostNetwork: true,
    dnsPolicy: 'ClusterFirstWithHostNet',
    serviceAccountName: around.serviceAccount,
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 10,
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
    ...(priorityClassName === undefined || priorityClassName === '' ? {} : { priorityClassName }),
    tolerations: tolerations ?? DEFAULT_TOLERATIONS,
    securityContext: { ...userOf(rawEthernet), seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container(config, around)],
    ...(around.transport === 'insecure' ? {} : { volumes: [identityVolume(around)] }),
  };
}

/** One executable cannot carry a file capability that is optional, so raw sockets cost root. Else it is the image's user. */
function userOf(rawEthernet: boolean): object {
  return rawEthernet ? { runAsNonRoot: false, runAsUser: 0 } : { runAsNonRoot: true };
}

function identityVolume({ transport }: AgentSurroundings): object {
  const items = (...paths: string[]): object[] => paths.map((path) => ({ key: path, path }));
  const sources = [
    { serviceAccountToken: { audience: TOKEN_AUDIENCE, expirationSeconds: TOKEN_SECONDS, path: 'token' } },
    { configMap: { name: BUNDLE_CONFIG_MAP, items: items('ca.crt') } },
    ...(transport === 'mtls' ? [{ secret: { name: AGENT_SECRET, items: items('tls.crt', 'tls.key') } }] : []),
  ];
  return { name: IDENTITY_VOLUME, projected: { sources } };
}

function container(config: WolConfig, around: AgentSurroundings): object {
  const { imagePullPolicy, rawEthernet = false, resources = DEFAULT_RESOURCES } = config.spec?.agent ?? {};
  return {
    name: CONTAINER,
    image: around.image,
    imagePullPolicy: imagePullPolicy === undefined || imagePullPolicy === '' ? around.imagePullPolicy : imagePullPolicy,
    args: [
      '--node-name=$(NODE_NAME)',
      `--operator-address=${around.operatorAddress}`,
      `--ports=${effectivePorts(config.spec).join(',')}`,
      '--zap-log-level=info',
    ],
    env: environment(config, around, resources),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      ...userOf(rawEthernet),
      capabilities: { drop: ['ALL'], add: rawEthernet ? ['NET_BIND_SERVICE', 'NET_RAW'] : ['NET_BIND_SERVICE'] },
    },
    ...(around.transport === 'insecure'
      ? {}
      : { volumeMounts: [{ name: IDENTITY_VOLUME, mountPath: IDENTITY_DIRECTORY, readOnly: true }] }),
    resources,
    livenessProbe: probe('/healthz', around.healthPort, { initialDelaySeconds: 15, periodSeconds: 30, timeoutSeconds: 5 }),
    readinessProbe: probe('/readyz', around.healthPort, { initialDelaySeconds: 5, periodSeconds: 10, timeoutSeconds: 3 }),
  };
}

function environment(config: WolConfig, around: AgentSurroundings, resources: WolConfigAgentResources): EnvironmentVariable[] {
  const heapMib = heapLimitMib(resources.limits?.['memory']);
  return [
    { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
    { name: 'WOLCONFIG_NAME', value: nameOf(config) },
    { name: 'HEALTH_PROBE_BIND_ADDRESS', value: `:${around.healthPort}` },
    ...identityVariables(around.transport),
    ...(config.spec?.agent?.rawEthernet === true ? [{ name: 'RAW_ETHERNET', value: 'true' }] : []),
    ...(heapMib === undefined ? [] : [{ name: 'NODE_OPTIONS', value: `--max-old-space-size=${heapMib}` }]),
  ];
}

function identityVariables(transport: AgentSurroundings['transport']): EnvironmentVariable[] {
  if (transport === 'insecure') return [{ name: 'GRPC_INSECURE', value: 'true' }];
  const token = [
    { name: 'GRPC_CA_FILE', value: CA_FILE },
    { name: 'GRPC_TOKEN_FILE', value: TOKEN_FILE },
  ];
  const pair = [
    { name: 'GRPC_CERT_FILE', value: CERT_FILE },
    { name: 'GRPC_KEY_FILE', value: KEY_FILE },
  ];
  return transport === 'tls' ? token : [...token, ...pair];
}

/** Half of the memory limit: the rest is for sockets, code and what the collector has not freed yet. */
function heapLimitMib(memoryLimit: string | number | undefined): number | undefined {
  const bytes = memoryLimit === undefined ? undefined : quantityOf(memoryLimit);
  return bytes === undefined ? undefined : Math.max(MIN_HEAP_MIB, Math.floor(bytes / 2 / BYTES_PER_MIB));
}

function probe(path: string, port: number, times: object): object {
  return { httpGet: { path, port }, ...times, failureThreshold: 3 };
}
