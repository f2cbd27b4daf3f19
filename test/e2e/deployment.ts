/** The manager on a cluster from plain objects, with the security context that every way of installing gives it. */
import type { TestObject } from '../harness/steward-cluster';

export const E2E_NAMESPACE = 'virt-steward-system';
export const MANAGER = 'virt-steward-manager';
export const AGENT_ACCOUNT = 'virt-steward-wol-agent';

const LABELS = { 'app.kubernetes.io/name': 'virt-steward', 'app.kubernetes.io/component': 'manager' };
const AGENT_LABELS = { 'app.kubernetes.io/name': 'wol-agent', 'app.kubernetes.io/component': 'agent' };
const GRPC_LABELS = { 'app.kubernetes.io/name': 'virt-steward', 'app.kubernetes.io/component': 'grpc' };

/** @param version tag of the images. */
export function managerObjects(version: string): TestObject[] {
  const namespace = E2E_NAMESPACE;
  const account = (name: string, labels = {}): TestObject => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace, labels },
  });
  return [
    account(MANAGER),
    account(AGENT_ACCOUNT, AGENT_LABELS),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'virt-steward-grpc', namespace, labels: GRPC_LABELS },
      spec: { selector: LABELS, ports: [{ name: 'grpc', port: 9090, targetPort: 'grpc' }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: MANAGER, namespace, labels: LABELS },
      spec: { replicas: 2, selector: { matchLabels: LABELS }, template: { metadata: { labels: LABELS }, spec: managerPod(version) } },
    },
  ];
}

function managerPod(version: string): object {
  const probe = (path: string) => ({ httpGet: { path, port: 'health' }, periodSeconds: 2, failureThreshold: 30 });
  return {
    serviceAccountName: MANAGER,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'manager',
        image: `localhost/virt-steward/manager:${version}`,
        imagePullPolicy: 'Never',
        args: ['manager', '--modules=wol', '--leader-elect=true'],
        env: [
          { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
          { name: 'AGENT_IMAGE', value: `localhost/virt-steward/agent:${version}` },
          { name: 'AGENT_IMAGE_PULL_POLICY', value: 'Never' },
          { name: 'NODE_OPTIONS', value: '--max-old-space-size-percentage=70' },
        ],
        ports: [
          { name: 'grpc', containerPort: 9090 },
          { name: 'metrics', containerPort: 8443 },
          { name: 'health', containerPort: 8081 },
        ],
        livenessProbe: probe('/healthz'),
        readinessProbe: probe('/readyz'),
        resources: { requests: { cpu: '100m', memory: '192Mi' }, limits: { memory: '512Mi' } },
        securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      },
    ],
  };
}
