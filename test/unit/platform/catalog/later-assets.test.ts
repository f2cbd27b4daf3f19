/** One asset of each later kind, so that the format is known to hold them: logging, the metrics exporter, in-flight operations. */
import { expect } from 'chai';
import { catalogRights, KindTable } from '../../../../src/platform/rights';
import { aClusterWith } from '../support/asset-context';
import { aCatalog, type InputParts, inDirectory, objectOf, problemsOf, renderingOf } from '../support/catalogs';

const LOKI_STACK = `
asset:
  name: logging-lokistack
  group: logging
  order: 2
  install: opt-in
  switch: logging
  adopt: never
  fill: [/spec/size, /spec/storageClassName]
  vars:
    usual: >-
      topology.isAWS ? "gp3-csi" : topology.isAzure ? "managed-csi" : topology.isGCP ? "standard-csi"
      : topology.isBareMetal ? "lvms-vg1" : topology.isVSphere ? "thin-csi" : ""
    class: option("logging-storage-class", vars.usual, "[a-z0-9][a-z0-9.-]{0,252}")
    isThere: cluster.get("storage.k8s.io/v1", "StorageClass", "", vars.class).hasValue()
---
apiVersion: loki.grafana.com/v1
kind: LokiStack
metadata:
  name: logging-loki
  namespace: openshift-logging
spec:
  managementState: Managed
  size: '\${ topology.isHCP ? "1x.extra-small" : topology.totalNodeCount <= 3 ? "1x.pico" : topology.totalNodeCount <= 10 ? "1x.extra-small" : "1x.medium" }'
  storage:
    schemas:
      - version: v13
        effectiveDate: "2024-10-01"
    secret:
      name: logging-loki-storage
      type: '\${ topology.isAzure ? "azure" : topology.isGCP ? "gcs" : "s3" }'
  storageClassName: '\${ vars.isThere || option("logging-storage-class", "", "[a-z0-9][a-z0-9.-]{0,252}") != "" ? optional.of(vars.class) : optional.none() }'
  tenants:
    mode: openshift-logging
  limits:
    global:
      retention:
        days: 7
`;

const FORWARDER = `
asset:
  name: logging-collector
  group: logging
  order: 3
  install: opt-in
  switch: logging
  adopt: never
  vars:
    audit: enabled("audit-logging")
---
apiVersion: observability.openshift.io/v1
kind: ClusterLogForwarder
metadata:
  name: instance
  namespace: openshift-logging
spec:
  serviceAccount:
    name: collector
  filters:
    - name: drop-health-probes
      type: drop
      drop:
        - test:
            - field: .message
              matches: 'GET /(healthz|readyz|livez)[^"]*" 2\\d\\d'
    - '\${ vars.audit ? optional.of({"name": "audit-drop-noisy-verbs", "type": "drop", "drop": [{"test": [{"field": ".verb", "matches": "^(watch|deletecollection|proxy)$"}]}]}) : optional.none() }'
  pipelines:
    - name: app-logs
      inputRefs: [application]
      filterRefs: [drop-health-probes]
      outputRefs: [default-lokistack]
    - '\${ vars.audit ? optional.of({"name": "audit-logs", "inputRefs": ["audit"], "filterRefs": ["audit-drop-noisy-verbs"], "outputRefs": ["default-lokistack"]}) : optional.none() }'
`;

const EXPORTER = `
asset:
  name: kubevirt-metrics-exporter
  group: kubevirt-metrics-exporter
  order: 3
  install: opt-in
  switch: kubevirt-metrics-exporter
  when:
    - '"kubevirt-metrics-exporter" in images'
  vars:
    defaults: '{"ENABLE_QMP": "true", "EBPF_SCAN_INTERVAL": "30", "LOG_LEVEL": "info"}'
    text: option("kubevirt-metrics-exporter-env", "{}", "[{][ -~]{0,8192}[}]")
    given: 'isJson(vars.text) ? fromJson(vars.text) : {"": ""}'
    isValid: >-
      keys(vars.given).all(name, name in vars.defaults && (type(vars.given[name]) == bool || (type(vars.given[name]) == string &&
      vars.given[name].matches("^[A-Za-z0-9._-]+$"))))
    env: >-
      vars.isValid ? merge(vars.defaults, vars.given) : refuseOption("kubevirt-metrics-exporter-env",
      "allowed: a JSON map of known names and plain values")
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: kubevirt-metrics-exporter
  namespace: kubevirt-metrics-exporter
  labels: { app: kubevirt-metrics-exporter }
spec:
  selector:
    matchLabels: { app: kubevirt-metrics-exporter }
  template:
    metadata:
      labels: { app: kubevirt-metrics-exporter }
    spec:
      hostPID: true
      containers:
        - name: exporter
          image: \${ images["kubevirt-metrics-exporter"] }
          env: '\${ [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}] + keys(vars.env).map(name, {"name": name, "value": string(vars.env[name])}) }'
`;

const DATASOURCE = `
asset:
  name: kubevirt-metrics-exporter-datasource
  group: kubevirt-metrics-exporter
  order: 3
  install: opt-in
  switch: kubevirt-metrics-exporter
---
apiVersion: perses.dev/v1alpha2
kind: PersesDatasource
metadata:
  name: thanos-querier
  namespace: kubevirt-metrics-exporter
spec:
  config:
    default: true
    plugin:
      kind: PrometheusDatasource
      spec:
        proxy:
          kind: HTTPProxy
          spec: { url: "https://thanos-querier.openshift-monitoring.svc.cluster.local:9091", secret: thanos-querier-secret }
  client:
    tls:
      enable: true
      caCert: { type: file, certPath: /ca/service-ca.crt }
`;

const ALERTS = `
asset:
  name: kubevirt-metrics-exporter-prometheusrule
  group: kubevirt-metrics-exporter
  order: 3
  install: opt-in
  switch: kubevirt-metrics-exporter
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: kubevirt-metrics-exporter-alerts
  namespace: kubevirt-metrics-exporter
spec:
  groups:
    - name: exporter
      rules:
        - alert: VMIStorageWriteLatencyHigh
          expr: 'histogram_quantile(0.99, sum by (namespace, name, le) (rate(kubevirt_vmi_storage_io_latency_seconds_bucket{operation="write"}[5m]))) > 0.1'
          for: 10m
          annotations:
            summary: 'Disk of {{ $labels.namespace }}/{{ $labels.name }} is slow: {{ $value | humanizeDuration }}'
            runbook_url: \${ operator.runbookUrl }VMIStorageWriteLatencyHigh.md
`;

const SCC_ROLE = `
asset:
  name: kubevirt-metrics-exporter-scc-clusterrole
  group: kubevirt-metrics-exporter
  order: 2
  install: opt-in
  switch: kubevirt-metrics-exporter
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: kubevirt-metrics-exporter-scc
rules:
  - apiGroups: [security.openshift.io]
    resources: [securitycontextconstraints]
    resourceNames: [kubevirt-metrics-exporter]
    verbs: [use]
`;

const BINDING = `
asset:
  name: logging-collector-crb-application
  group: logging
  order: 2
  install: opt-in
  switch: logging
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: logging-collector-application
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: collect-application-logs }
subjects:
  - { kind: ServiceAccount, name: collector, namespace: openshift-logging }
`;

const RULE_SET = `
asset:
  name: ifo-vmim-rules
  group: inflightoperations
  order: 20
  install: opt-in
  switch: in-flight-operations
  params:
    phases: Pending,Running
---
apiVersion: ifo.kubevirt.io/v1alpha1
kind: OperationRuleSet
metadata:
  name: vmim-rules
spec:
  component: kubevirt
  target: { group: kubevirt.io, version: v1, resource: virtualmachineinstancemigrations }
  rules: '\${ parseList(params.phases).map(p, {"operation": p, "expression": "has(object.status) && has(object.status.phase) && object.status.phase == ''" + p + "''"}) }'
`;

const FILES = {
  'logging/lokistack.yaml': LOKI_STACK,
  'logging/clusterlogforwarder.yaml': FORWARDER,
  'logging/collector-crb-application.yaml': BINDING,
  'metrics-exporter/daemonset.yaml': EXPORTER,
  'metrics-exporter/datasource.yaml': DATASOURCE,
  'metrics-exporter/alerts.yaml': ALERTS,
  'metrics-exporter/scc-clusterrole.yaml': SCC_ROLE,
  'inflightoperations/kubevirt/vmim.yaml': RULE_SET,
};
const specOf = async (key: string, parts: InputParts = {}) =>
  (await objectOf(aCatalog(FILES), key, parts))['spec'] as Record<string, unknown>;
const storageClass = (name: string) => ({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name, namespace: '' } });

describe('assets that come later', () => {
  it('fit the format, all of them', () => {
    expect(problemsOf(FILES)).to.deep.equal([]);
  });

  for (const [topology, size] of [
    [{ totalNodeCount: 3 }, '1x.pico'],
    [{ totalNodeCount: 10 }, '1x.extra-small'],
    [{ totalNodeCount: 11 }, '1x.medium'],
    [{ totalNodeCount: 50, isHCP: true }, '1x.extra-small'],
  ] as const) {
    it(`size the store ${size} with ${JSON.stringify(topology)}`, async () => {
      expect(await specOf('logging-lokistack', { topology })).to.include({ size });
    });
  }

  it('name a storage class only where it is there, or where the user names one', async () => {
    const cluster = aClusterWith([storageClass('gp3-csi')]);

    expect(await specOf('logging-lokistack', { topology: { isAWS: true }, cluster })).to.include({ storageClassName: 'gp3-csi' });
    expect(await specOf('logging-lokistack', { topology: { isAzure: true }, cluster })).to.not.have.key('storageClassName');
    expect(await specOf('logging-lokistack', { options: { 'logging-storage-class': 'mine' }, cluster })).to.include({
      storageClassName: 'mine',
    });
  });

  it('have elements of lists that come and go with an option', async () => {
    const names = async (parts: InputParts): Promise<unknown[]> => {
      const { filters, pipelines } = (await specOf('logging-collector', parts)) as Record<'filters' | 'pipelines', { name: string }[]>;
      return [...filters, ...pipelines].map(({ name }) => name);
    };

    expect(await names({})).to.deep.equal(['drop-health-probes', 'app-logs']);
    expect(await names({ options: { 'enable-audit-logging': 'true' } })).to.deep.equal([
      'drop-health-probes',
      'audit-drop-noisy-verbs',
      'app-logs',
      'audit-logs',
    ]);
  });

  describe('with an environment that the user may change', () => {
    const envOf = async (value?: string) => {
      const options = value === undefined ? {} : { 'kubevirt-metrics-exporter-env': value };
      const rendering = await renderingOf(aCatalog(FILES), 'kubevirt-metrics-exporter', {
        images: { 'kubevirt-metrics-exporter': 'example.com/exporter@sha256:0' },
        options,
      });
      if (rendering.kind !== 'object') return rendering;
      const { template } = (
        rendering.object as unknown as {
          spec: { template: { spec: { containers: { image: string; env: { name: string; value?: string }[] }[] } } };
        }
      ).spec;
      return template.spec.containers[0]!;
    };

    it('have the defaults, in an order that depends on no map', async () => {
      expect(await envOf()).to.deep.include({ image: 'example.com/exporter@sha256:0' });
      expect(((await envOf()) as { env: { name: string }[] }).env.map(({ name }) => name)).to.deep.equal([
        'NODE_NAME',
        'EBPF_SCAN_INTERVAL',
        'ENABLE_QMP',
        'LOG_LEVEL',
      ]);
    });

    it('take true and "true" alike', async () => {
      for (const value of ['{"ENABLE_QMP": false}', '{"ENABLE_QMP": "false"}']) {
        expect(((await envOf(value)) as { env: object[] }).env).to.deep.include({ name: 'ENABLE_QMP', value: 'false' });
      }
    });

    for (const value of [
      '{',
      'x',
      '{"PATH": "x"}',
      '{"LOG_LEVEL": "a b"}',
      '{"LOG_LEVEL": "$(reboot)"}',
      '{"LOG_LEVEL": 5}',
      '{"LOG_LEVEL": null, "X": 1}',
      '[]',
    ]) {
      it(`refuse ${value}`, async () => {
        expect(await envOf(value)).to.include({ kind: 'failed', reason: 'InvalidOption' });
      });
    }
  });

  it('have templates of others in their text, which stay as they are', async () => {
    const { groups } = (await specOf('kubevirt-metrics-exporter-prometheusrule', { operator: { runbookUrl: 'https://example.com/' } })) as {
      groups: { rules: { expr: string; annotations: Record<string, string> }[] }[];
    };
    const { annotations, expr } = groups[0]!.rules[0]!;

    expect(annotations['summary']).to.equal('Disk of {{ $labels.namespace }}/{{ $labels.name }} is slow: {{ $value | humanizeDuration }}');
    expect(annotations['runbook_url']).to.equal('https://example.com/VMIStorageWriteLatencyHigh.md');
    expect(expr).to.contain('{operation="write"}[5m]');
  });

  it('hold expressions for others, which are text to us', async () => {
    const { rules } = (await specOf('ifo-vmim-rules')) as { rules: object[] };

    expect(rules).to.deep.equal([
      { operation: 'Pending', expression: "has(object.status) && has(object.status.phase) && object.status.phase == 'Pending'" },
      { operation: 'Running', expression: "has(object.status) && has(object.status.phase) && object.status.phase == 'Running'" },
    ]);
  });

  it('are wanted only with the image that they need', () => {
    const asset = aCatalog(FILES).assetByName('kubevirt-metrics-exporter')!;

    expect([...asset.reads]).to.deep.equal(['images']);
  });

  it('have rights that follow from them: use of a policy, binding of a role', () => {
    const kinds = aCatalog(FILES)
      .assets.map(
        ({ identity }) =>
          `- { apiVersion: ${identity.apiVersions[0]}, kind: ${identity.kind}, plural: ${identity.kind.toLowerCase()}s, namespaced: true }\n`,
      )
      .join('');
    const table = inDirectory(
      { 'kinds.yaml': `${kinds}- { apiVersion: storage.k8s.io/v1, kind: StorageClass, plural: storageclasses, namespaced: false }\n` },
      (directory) => KindTable.in(directory),
    );
    const rights = catalogRights(aCatalog(FILES), table, { withRemoval: true });

    expect(rights.filter(({ verbs }) => verbs.includes('use'))).to.have.length(1);
    expect(rights.find(({ verbs }) => verbs.includes('bind'))).to.deep.include({
      resource: 'clusterroles',
      names: ['collect-application-logs'],
    });
    expect(rights.filter(({ resource }) => resource === 'storageclasses').map(({ names }) => names)).to.deep.equal([[]]);
  });
});
