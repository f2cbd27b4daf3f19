/** B34-B37: what else is in the bundle, and how versions follow each other. */
import { spec } from '../bundle';
import { problem, type Rule } from '../rule';
import { at, listOf, textOf } from '../values';

const ALLOWED = new Set([
  'ClusterServiceVersion',
  'CustomResourceDefinition',
  'Service',
  'Role',
  'RoleBinding',
  'ClusterRole',
  'PodDisruptionBudget',
]);
/** Kinds that people might think belong here. */
const REASONS: Readonly<Record<string, string>> = {
  SecurityContextConstraints: 'catalogs refuse it; agents use one of OpenShift',
  NetworkPolicy: 'catalogs refuse it',
  ServiceMonitor: 'the installation would fail on clusters without its CRD',
  PodMonitor: 'the installation would fail on clusters without its CRD',
  PrometheusRule: 'the installation would fail on clusters without its CRD',
  DaemonSet: 'the manager makes it',
  Deployment: 'it belongs into the ClusterServiceVersion',
  Namespace: 'OLM makes it, from the suggested one',
};
const CHANNELS = /^(candidate|fast|stable)(-v\d+(\.\d+)?)?$/;
const PREFIX = 'operators.operatorframework.io.bundle';

export const KIND_RULES: readonly Rule[] = [
  {
    id: 'B34',
    title: 'manifests are of kinds that OLM installs and catalogs accept',
    *check({ manifests }) {
      for (const { path, object } of manifests) {
        const kind = textOf(object['kind']);
        if (!ALLOWED.has(kind))
          yield problem(path, 'kind', `${kind} is not allowed: ${REASONS[kind] ?? `only ${[...ALLOWED].join(', ')} are`}`);
      }
    },
  },
  {
    id: 'B35',
    title: 'the operator is installed for all namespaces, and in no other way',
    *check(bundle) {
      const modes = listOf(spec(bundle, 'installModes'));
      for (const type of ['OwnNamespace', 'SingleNamespace', 'MultiNamespace', 'AllNamespaces']) {
        const supported = at(
          modes.find((mode) => at(mode, 'type') === type),
          'supported',
        );
        const wanted = type === 'AllNamespaces';
        if (supported !== wanted)
          yield problem(bundle.csv.path, `spec.installModes ${type}`, `it is ${String(supported)}; needed: ${wanted}`);
      }
    },
  },
  {
    id: 'B36',
    title: 'the operator depends on no other one and brings no webhook',
    *check(bundle) {
      if (bundle.files.has('metadata/dependencies.yaml'))
        yield problem('metadata/dependencies.yaml', '', 'it must not be there: KubeVirt is optional');
      if (listOf(spec(bundle, 'customresourcedefinitions', 'required')).length > 0)
        yield problem(bundle.csv.path, 'spec.customresourcedefinitions.required', 'allowed: nothing');
      if (listOf(spec(bundle, 'webhookdefinitions')).length > 0)
        yield problem(bundle.csv.path, 'spec.webhookdefinitions', 'allowed: nothing');
    },
  },
  {
    id: 'B37',
    title: 'the channels have names that people know, and the default one is among them',
    *check({ annotations }) {
      const path = 'metadata/annotations.yaml';
      const channels = textOf(annotations[`${PREFIX}.channels.v1`]).split(',');
      for (const channel of channels)
        if (!CHANNELS.test(channel)) yield problem(path, 'channels', `${JSON.stringify(channel)} is not candidate, fast or stable`);
      const byDefault = textOf(annotations[`${PREFIX}.channel.default.v1`]);
      if (byDefault !== channels[0])
        yield problem(path, 'channel.default', `it is ${byDefault}; needed: the first channel, ${channels[0]}`);
    },
  },
];
