/**
 * S1 and S3-S6: what the tests of the upstream scorecard ask for, of the examples instead of objects in a cluster. S2,
 * `olm-bundle-validation`, is the rules B01 to B18, B30 and B34 to B37 together.
 */
import { annotation, type Bundle, owned } from '../bundle';
import { type Problem, problem, type Rule } from '../rule';
import { schemaOf } from '../schema';
import { at, type Json, listOf, mapOf, parsedJson, textOf } from '../values';

const examples = (bundle: Bundle): Json[] => listOf(parsedJson(annotation(bundle, 'alm-examples'))).map(mapOf);
const ownedKind = (bundle: Bundle, kind: unknown): Json => owned(bundle).find((entry) => entry['kind'] === kind) ?? {};
const FIELD = 'spec.customresourcedefinitions.owned';

export const SCORECARD_RULES: readonly Rule[] = [
  {
    id: 'S1',
    title: 'basic-check-spec: every example has a spec',
    *check(bundle) {
      for (const example of examples(bundle)) {
        if (Object.keys(mapOf(example['spec'])).length === 0)
          yield problem(bundle.csv.path, 'alm-examples', `${textOf(example['kind'])} has no spec`);
      }
    },
  },
  {
    id: 'S3',
    title: 'olm-crds-have-validation: every field of an example is in the schema of its version',
    *check(bundle) {
      for (const example of examples(bundle)) {
        for (const part of ['spec', 'status']) {
          const known = mapOf(at(schemaOf(bundle, example), 'properties', part, 'properties'));
          for (const key of Object.keys(mapOf(example[part]))) {
            if (!(key in known))
              yield problem(bundle.csv.path, 'alm-examples', `${part}.${key} of ${textOf(example['kind'])} has no validation`);
          }
        }
      }
    },
  },
  {
    id: 'S4',
    title: 'olm-crds-have-resources: every owned kind tells what is made for it',
    *check(bundle) {
      for (const [index, { kind, resources }] of owned(bundle).entries()) {
        if (listOf(resources).length === 0) yield problem(bundle.csv.path, `${FIELD}[${index}].resources`, `${textOf(kind)} has none`);
        for (const resource of listOf(resources)) {
          if (textOf(at(resource, 'kind')) === '' || textOf(at(resource, 'version')) === '')
            yield problem(bundle.csv.path, `${FIELD}[${index}].resources`, `${JSON.stringify(resource)} needs a kind and a version`);
        }
      }
    },
  },
  {
    id: 'S5',
    title: 'olm-spec-descriptors: every field of the spec of an example is described',
    check: (bundle) => undescribed(bundle, 'spec', 'specDescriptors'),
  },
  {
    id: 'S6',
    title: 'olm-status-descriptors: every field of the status of a kind is described',
    *check(bundle) {
      yield* undescribed(bundle, 'status', 'statusDescriptors');
      for (const entry of owned(bundle)) {
        const example = examples(bundle).find(({ kind }) => kind === entry['kind']) ?? {};
        const fields = Object.keys(mapOf(at(schemaOf(bundle, example), 'properties', 'status', 'properties')));
        yield* missing(bundle, entry, fields, 'statusDescriptors');
      }
    },
  },
];

function* undescribed(bundle: Bundle, part: 'spec' | 'status', key: 'specDescriptors' | 'statusDescriptors'): Iterable<Problem> {
  for (const example of examples(bundle))
    yield* missing(bundle, ownedKind(bundle, example['kind']), Object.keys(mapOf(example[part])), key);
}

function* missing({ csv }: Bundle, entry: Json, fields: readonly string[], key: string): Iterable<Problem> {
  const described = listOf(entry[key]).map((descriptor) => textOf(at(descriptor, 'path')).split('.')[0]);
  for (const name of fields)
    if (!described.includes(name)) yield problem(csv.path, `${FIELD} ${textOf(entry['kind'])}.${key}`, `${name} is not described`);
}
