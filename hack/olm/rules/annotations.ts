/** B29-B33: what catalogs and consoles read from annotations of the ClusterServiceVersion. */
import { annotation, type Bundle } from '../bundle';
import { type Problem, problem, type Rule } from '../rule';
import { schemaOf, schemaProblems } from '../schema';
import { at, type Json, listOf, mapOf, parsedJson, textOf } from '../values';

const CAPABILITIES = /^(Basic Install|Seamless Upgrades|Full Lifecycle|Deep Insights|Auto Pilot)$/;
/** As operatorhub.io lists them. */
const CATEGORIES = new Set([
  'AI/Machine Learning',
  'Application Runtime',
  'Big Data',
  'Cloud Provider',
  'Database',
  'Developer Tools',
  'Development Tools',
  'Drivers and plugins',
  'Integration & Delivery',
  'Logging & Tracing',
  'Modernization & Migration',
  'Monitoring',
  'Networking',
  'OpenShift Optional',
  'Observability',
  'Security',
  'Storage',
  'Streaming & Messaging',
  'Other',
]);
const FEATURE_GROUP = 'features.operators.openshift.io/';
const FEATURES = [
  'disconnected',
  'fips-compliant',
  'proxy-aware',
  'tls-profiles',
  'token-auth-aws',
  'token-auth-azure',
  'token-auth-gcp',
  'cnf',
  'cni',
  'csi',
];
const TEXTS: Readonly<Record<string, RegExp>> = {
  capabilities: CAPABILITIES,
  containerImage: /./,
  createdAt: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
  description: /^.{10,135}$/,
  repository: /^https:\/\//,
  support: /./,
  'operatorframework.io/suggested-namespace': /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
  'operatorframework.io/cluster-monitoring': /^true$/,
};
const field = (name: string): string => `metadata.annotations["${name}"]`;

export const ANNOTATION_RULES: readonly Rule[] = [
  {
    id: 'B29',
    title: 'the annotations that catalogs show are there and of their kind',
    *check(bundle) {
      const { path } = bundle.csv;
      for (const [name, pattern] of Object.entries(TEXTS)) {
        if (!pattern.test(annotation(bundle, name)))
          yield problem(path, field(name), `it is ${JSON.stringify(annotation(bundle, name))}; allowed: ${pattern.source}`);
      }
      const categories = annotation(bundle, 'categories')
        .split(',')
        .map((name) => name.trim());
      for (const name of categories)
        if (!CATEGORIES.has(name))
          yield problem(path, field('categories'), `${JSON.stringify(name)} is none; allowed: ${[...CATEGORIES].join(', ')}`);
    },
  },
  {
    id: 'B30',
    title: 'there is one example of each owned kind, without unknown fields or wrong values',
    *check(bundle) {
      const name = 'alm-examples';
      const examples = parsedJson(annotation(bundle, name));
      if (!Array.isArray(examples)) return yield problem(bundle.csv.path, field(name), 'it is no list in JSON');
      for (const { object } of bundle.crds) {
        const kind = textOf(at(object, 'spec', 'names', 'kind'));
        const count = listOf(examples).filter((example) => at(example, 'kind') === kind).length;
        if (count !== 1) yield problem(bundle.csv.path, field(name), `it has ${count} of ${kind}; allowed: one`);
      }
      for (const example of examples) yield* exampleProblems(bundle, name, mapOf(example));
    },
  },
  {
    id: 'B31',
    title: 'the object that is offered first is one of our kinds, and valid',
    *check(bundle) {
      const name = 'operatorframework.io/initialization-resource';
      const object = parsedJson(annotation(bundle, name));
      if (object === undefined) return yield problem(bundle.csv.path, field(name), 'it is missing, or no JSON');
      yield* exampleProblems(bundle, name, mapOf(object));
    },
  },
  {
    id: 'B32',
    title: 'the suggested namespace lets agents use the host network, and has the suggested name',
    *check(bundle) {
      const name = 'operatorframework.io/suggested-namespace-template';
      const { path } = bundle.csv;
      const namespace = parsedJson(annotation(bundle, name));
      if (at(namespace, 'kind') !== 'Namespace') return yield problem(path, field(name), 'it is no Namespace in JSON');
      if (at(namespace, 'metadata', 'name') !== annotation(bundle, 'operatorframework.io/suggested-namespace'))
        yield problem(path, field(name), 'its name is not the suggested one');
      for (const mode of ['enforce', 'audit', 'warn']) {
        const label = `pod-security.kubernetes.io/${mode}`;
        if (at(namespace, 'metadata', 'labels', label) !== 'privileged')
          yield problem(path, field(name), `its label ${label} is not "privileged"`);
      }
    },
  },
  {
    id: 'B33',
    title: 'every feature of OpenShift is claimed or denied, as text',
    *check(bundle) {
      for (const name of FEATURES) {
        const value = annotation(bundle, `${FEATURE_GROUP}${name}`);
        if (value !== 'true' && value !== 'false')
          yield problem(bundle.csv.path, field(`${FEATURE_GROUP}${name}`), `it is ${JSON.stringify(value)}; allowed: "true" or "false"`);
      }
    },
  },
];

function* exampleProblems(bundle: Bundle, name: string, example: Json): Iterable<Problem> {
  const schema = schemaOf(bundle, example);
  if (schema === undefined)
    return yield problem(bundle.csv.path, field(name), `${textOf(example['apiVersion'])} ${textOf(example['kind'])} is no owned kind`);
  for (const text of schemaProblems(example, schema)) yield problem(bundle.csv.path, field(name), `${textOf(example['kind'])}: ${text}`);
}
