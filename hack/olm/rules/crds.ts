/** B13-B18: the kinds that the operator owns. */
import { type Bundle, type Manifest, owned } from '../bundle';
import { type Problem, problem, type Rule } from '../rule';
import { at, type Json, listOf, mapOf, textOf } from '../values';

/** Versions that a supported Kubernetes no longer serves. */
const REMOVED_APIS =
  /^(?:extensions\/v1beta1|apps\/v1beta[12]|policy\/v1beta1|rbac\.authorization\.k8s\.io\/v1(?:alpha|beta)1|apiextensions\.k8s\.io\/v1beta1|networking\.k8s\.io\/v1beta1|batch\/v1beta1|autoscaling\/v2beta[12])$/;

const versionsOf = (crd: Manifest): readonly Json[] => listOf(at(crd.object, 'spec', 'versions')).map(mapOf);
const nameOf = ({ object }: Manifest): string => textOf(at(object, 'metadata', 'name'));

/** `name version kind`, one a served version. */
function* identities(crds: readonly Manifest[]): Iterable<[string, string]> {
  for (const crd of crds) {
    for (const version of versionsOf(crd))
      yield [`${nameOf(crd)} ${textOf(version['name'])} ${textOf(at(crd.object, 'spec', 'names', 'kind'))}`, crd.path];
  }
}

export const CRD_RULES: readonly Rule[] = [
  {
    id: 'B13',
    title: 'the owned kinds are those of the CRDs, version by version',
    *check(bundle) {
      const found = new Map(identities(bundle.crds));
      const claimed = owned(bundle).map(({ name, version, kind }) => `${textOf(name)} ${textOf(version)} ${textOf(kind)}`);
      for (const [identity, path] of found)
        if (!claimed.includes(identity)) yield problem(path, '', `${identity} is not in spec.customresourcedefinitions.owned`);
      for (const identity of claimed)
        if (!found.has(identity))
          yield problem(bundle.csv.path, 'spec.customresourcedefinitions.owned', `${identity} has no CRD in manifests/`);
      if (new Set(claimed).size !== claimed.length)
        yield problem(bundle.csv.path, 'spec.customresourcedefinitions.owned', 'a kind is there twice');
    },
  },
  {
    id: 'B14',
    title: 'every owned kind has a display name and a description, and so has each of its descriptors',
    *check(bundle) {
      for (const [index, entry] of owned(bundle).entries()) {
        const field = `spec.customresourcedefinitions.owned[${index}]`;
        for (const key of ['displayName', 'description'])
          if (textOf(entry[key]) === '') yield problem(bundle.csv.path, `${field}.${key}`, 'it is missing');
        for (const key of ['specDescriptors', 'statusDescriptors'])
          yield* descriptorProblems(bundle, `${field}.${key}`, listOf(entry[key]));
      }
    },
  },
  {
    id: 'B15',
    title: 'every CRD is of the version v1, stores one version, serves it, and has the subresource status',
    *check({ crds }) {
      for (const crd of crds) {
        if (crd.object['apiVersion'] !== 'apiextensions.k8s.io/v1')
          yield problem(crd.path, 'apiVersion', 'allowed: apiextensions.k8s.io/v1');
        const stored = versionsOf(crd).filter(({ storage }) => storage === true);
        if (stored.length !== 1) yield problem(crd.path, 'spec.versions', `${stored.length} versions are stored; allowed: one`);
        for (const version of versionsOf(crd)) {
          if (version['served'] !== true) yield problem(crd.path, `spec.versions ${textOf(version['name'])}`, 'it is not served');
          if (at(version, 'subresources', 'status') === undefined)
            yield problem(crd.path, `spec.versions ${textOf(version['name'])}`, 'it has no subresource status');
        }
      }
    },
  },
  {
    id: 'B16',
    title: 'every schema is structural: each field has a type, and unknown fields are dropped',
    *check({ crds }) {
      for (const crd of crds) {
        if (at(crd.object, 'spec', 'preserveUnknownFields') === true)
          yield problem(crd.path, 'spec.preserveUnknownFields', 'allowed: false');
        for (const version of versionsOf(crd))
          yield* structureProblems(crd.path, textOf(version['name']), mapOf(at(version, 'schema', 'openAPIV3Schema')));
      }
    },
  },
  {
    id: 'B17',
    title: 'every CRD is the one in crds/ of the repository',
    *check({ crds, files, sources }) {
      if (sources === undefined) return;
      const body = (text: string): string => text.replace(/^(?:#.*\n)*/, '');
      for (const { path } of crds) {
        const source = sources.get(path.replace('manifests/', ''));
        if (source === undefined || body(files.get(path) ?? '') !== body(source))
          yield problem(path, '', 'it differs from the file of the same name in crds/: run npm run generate');
      }
    },
  },
  {
    id: 'B18',
    title: 'nothing is of an API version that a supported Kubernetes no longer serves',
    *check({ manifests }) {
      for (const { path, object } of manifests) {
        if (REMOVED_APIS.test(textOf(object['apiVersion'])))
          yield problem(path, 'apiVersion', `${textOf(object['apiVersion'])} was removed`);
      }
    },
  },
];

function* descriptorProblems({ csv }: Bundle, field: string, descriptors: readonly unknown[]): Iterable<Problem> {
  for (const descriptor of descriptors) {
    const { path, displayName, description } = mapOf(descriptor);
    if (textOf(path) === '' || textOf(displayName) === '' || textOf(description) === '')
      yield problem(csv.path, `${field} ${textOf(path)}`, 'it needs a path, a display name and a description');
  }
}

function* structureProblems(path: string, field: string, schema: Json): Iterable<Problem> {
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true || schema['x-kubernetes-int-or-string'] === true;
  if (textOf(schema['type']) === '' && !isOpen) yield problem(path, field, 'it has no type');
  for (const [key, child] of Object.entries(mapOf(schema['properties']))) yield* structureProblems(path, `${field}.${key}`, mapOf(child));
  if (schema['items'] !== undefined) yield* structureProblems(path, `${field}[]`, mapOf(schema['items']));
  if (typeof schema['additionalProperties'] === 'object')
    yield* structureProblems(path, `${field}.*`, mapOf(schema['additionalProperties']));
}
