/** Kinds of others that the chart renders, as far as the chart uses them: an unknown field is refused, a known one has its type. */
import type { TestObject } from '../../harness/steward-cluster';

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const texts: Schema = { type: 'array', items: text };
const flag: Schema = { type: 'boolean' };
const map = (properties: Readonly<Record<string, Schema>>): Schema => ({ type: 'object', properties });
const list = (items: Schema): Schema => ({ type: 'array', items });
const stringMap: Schema = { type: 'object', additionalProperties: text };
const relabeling = map({ action: text, regex: text, sourceLabels: texts, targetLabel: text, replacement: text });
const secretKey = map({ name: text, key: text });
const strategy = map({ type: text });
const issuerRef = map({ name: text, kind: text, group: text });

/** Of cert-manager, OpenShift, the Prometheus Operator and the Grafana Operator. */
export const FOREIGN_CRDS: readonly TestObject[] = [
  crd('cert-manager.io', 'Issuer', 'issuers', 'Namespaced', {
    spec: map({ selfSigned: { type: 'object' }, ca: map({ secretName: text }) }),
  }),
  crd('cert-manager.io', 'Certificate', 'certificates', 'Namespaced', {
    spec: map({
      isCA: flag,
      commonName: text,
      secretName: text,
      duration: text,
      renewBefore: text,
      privateKey: map({ algorithm: text, size: { type: 'integer' }, rotationPolicy: text }),
      usages: texts,
      dnsNames: texts,
      ipAddresses: texts,
      issuerRef,
    }),
  }),
  crd('monitoring.coreos.com', 'ServiceMonitor', 'servicemonitors', 'Namespaced', {
    spec: map({
      selector: map({ matchLabels: stringMap }),
      endpoints: list(
        map({
          port: text,
          path: text,
          scheme: text,
          interval: text,
          scrapeTimeout: text,
          bearerTokenFile: text,
          authorization: map({ type: text, credentials: secretKey }),
          tlsConfig: map({ serverName: text, ca: map({ configMap: map({ name: text, key: text }) }) }),
          relabelings: list(relabeling),
          metricRelabelings: list(relabeling),
        }),
      ),
    }),
  }),
  crd('monitoring.coreos.com', 'PodMonitor', 'podmonitors', 'Namespaced', {
    spec: map({
      selector: map({ matchLabels: stringMap }),
      podMetricsEndpoints: list(map({ path: text, scheme: text, interval: text, relabelings: list(relabeling) })),
    }),
  }),
  crd(
    'grafana.integreatly.org',
    'GrafanaDashboard',
    'grafanadashboards',
    'Namespaced',
    { spec: map({ instanceSelector: map({ matchLabels: stringMap }), json: text }) },
    'v1beta1',
  ),
  crd('monitoring.coreos.com', 'PrometheusRule', 'prometheusrules', 'Namespaced', {
    spec: map({
      groups: list(
        map({
          name: text,
          rules: list(map({ alert: text, record: text, expr: text, for: text, labels: stringMap, annotations: stringMap })),
        }),
      ),
    }),
  }),
  crd('security.openshift.io', 'SecurityContextConstraints', 'securitycontextconstraints', 'Cluster', {
    allowHostDirVolumePlugin: flag,
    allowHostIPC: flag,
    allowHostNetwork: flag,
    allowHostPID: flag,
    allowHostPorts: flag,
    allowPrivilegeEscalation: flag,
    allowPrivilegedContainer: flag,
    allowedCapabilities: texts,
    defaultAddCapabilities: { ...texts, nullable: true },
    requiredDropCapabilities: texts,
    readOnlyRootFilesystem: flag,
    runAsUser: strategy,
    seLinuxContext: strategy,
    fsGroup: strategy,
    supplementalGroups: strategy,
    seccompProfiles: texts,
    priority: { type: 'integer', nullable: true },
    users: texts,
    groups: texts,
    volumes: texts,
  }),
];

function crd(
  group: string,
  kind: string,
  plural: string,
  scope: string,
  properties: Readonly<Record<string, Schema>>,
  version = 'v1',
): TestObject {
  const schema = { openAPIV3Schema: map(properties) };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    // The API server protects the group of OpenShift's kinds no further than this annotation.
    metadata: { name: `${plural}.${group}`, annotations: { 'api-approved.kubernetes.io': 'unapproved, a test' } },
    spec: {
      group,
      scope,
      names: { kind, plural, singular: kind.toLowerCase() },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  };
}
