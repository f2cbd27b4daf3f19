import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import type { Schema } from '../../../hack/generators/crd-schema';

const FOLDER = join(__dirname, '..', '..', '..', '..', 'crds');

interface ListSchema extends Schema {
  readonly 'x-kubernetes-list-type'?: string;
}

interface Crd {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly names: { readonly plural: string };
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: Schema };
      readonly subresources?: { readonly status?: object };
      readonly additionalPrinterColumns?: readonly { readonly name: string; readonly jsonPath: string }[];
    }[];
  };
}

/** Every schema below this one with the path to it, metadata left out. */
function* schemasIn(schema: Schema, path: string): Generator<[string, Schema]> {
  yield [path, schema];
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    if (path !== '' || name !== 'metadata') yield* schemasIn(field, `${path}.${name}`);
  }
  if (schema.items !== undefined) yield* schemasIn(schema.items, `${path}[]`);
  if (typeof schema.additionalProperties === 'object') yield* schemasIn(schema.additionalProperties, `${path}{}`);
}

/** Whether a printer column's JSONPath leads to a field of the schema. Filters and indexes select from a list. */
function leadsToField(root: Schema, jsonPath: string): boolean {
  let schema: Schema | undefined = root;
  for (const step of jsonPath
    .replaceAll(/\[[^\]]*\]/g, '.[]')
    .split('.')
    .slice(1)) {
    if (step === 'creationTimestamp') return true;
    schema = step === '[]' ? schema?.items : schema?.properties?.[step];
    if (step === 'metadata') schema = root;
  }
  return schema !== undefined;
}

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'))) {
  describe(`crds/${file}`, () => {
    const crd = parse(readFileSync(join(FOLDER, file), 'utf8')) as Crd;

    it('is named after group and plural, in the file and in the object', () => {
      const { group, names } = crd.spec;

      expect(file).to.equal(`${group}_${names.plural}.yaml`);
      expect(crd.metadata.name).to.equal(`${names.plural}.${group}`);
    });

    for (const { name, schema, subresources, additionalPrinterColumns = [] } of crd.spec.versions) {
      const root = schema.openAPIV3Schema;
      const fields = [...schemasIn(root, '')];

      it(`${name} explains every field in a sentence`, () => {
        const unexplained = fields
          .filter(([path, field]) => !path.endsWith('}') && !isPlainItem(path, field))
          .filter(([, field]) => !isSentence(field));

        expect(unexplained.map(([path]) => path)).to.deep.equal([]);
      });

      it(`${name} says of every list how it is merged`, () => {
        const unsaid = fields.filter(
          ([, field]) => field.type === 'array' && (field as ListSchema)['x-kubernetes-list-type'] === undefined,
        );

        expect(unsaid.map(([path]) => path)).to.deep.equal([]);
      });

      it(`${name} has a status subresource, and printer columns that lead to fields`, () => {
        expect(subresources?.status).to.deep.equal({});
        expect(additionalPrinterColumns.filter(({ jsonPath }) => !leadsToField(root, jsonPath))).to.deep.equal([]);
      });
    }
  });
}

/** Items of lists of scalars are explained by their list. */
function isPlainItem(path: string, { type }: Schema): boolean {
  return path.endsWith('[]') && type !== 'object';
}

function isSentence({ description }: Schema): boolean {
  return description !== undefined && /^[A-Z].*\.$/s.test(description);
}
