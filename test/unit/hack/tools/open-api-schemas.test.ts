import { expect } from 'chai';
import { schemasOf } from '../../../../hack/tools/open-api-schemas';

const kind = (group: string, name: string): object => ({ 'x-kubernetes-group-version-kind': [{ group, version: 'v1', kind: name }] });
const document = (thing: object, others: object = {}) => ({
  components: {
    schemas: { Thing: { type: 'object', ...kind('example.com', 'Thing'), ...thing }, ...others } as Record<string, Record<string, unknown>>,
  },
});

describe('JSON schemas of what an API server serves', () => {
  it('are one a kind, named after kind, group and version', () => {
    const metadata = { properties: { metadata: { type: 'object' } } };
    const core = { Node: { type: 'object', ...kind('', 'Node'), ...metadata } };

    expect([...schemasOf(document(metadata, core)).keys()]).to.deep.equal(['thing_example.com_v1.json', 'node_v1_v1.json']);
  });

  it('leave out what is no object, such as the options of a request', () => {
    expect([...schemasOf(document({ properties: { dryRun: { type: 'string' } } })).keys()]).to.deep.equal([]);
  });

  it('are complete: what they refer to is in them, however deep, and also when it refers to itself', () => {
    const tree = { Tree: { type: 'object', properties: { child: { $ref: '#/components/schemas/Tree' } } } };
    const schema = schemasOf(
      document({ properties: { metadata: {}, spec: { allOf: [{ $ref: '#/components/schemas/Tree' }] } } }, tree),
    ).get('thing_example.com_v1.json');

    expect(schema).to.deep.include({ $ref: '#/definitions/Thing' });
    expect(schema?.['definitions']).to.have.all.keys('Thing', 'Tree');
    expect(JSON.stringify(schema)).not.to.contain('components');
  });

  it('refuse unknown fields where the API server drops them, and nowhere else', () => {
    const open = { type: 'object', properties: { a: {} }, 'x-kubernetes-preserve-unknown-fields': true };
    const map = { type: 'object', additionalProperties: { type: 'string' } };
    const { definitions } = schemasOf(document({ properties: { metadata: {}, open, map } })).get('thing_example.com_v1.json') as {
      definitions: { Thing: { additionalProperties: unknown; properties: { open: object; map: object } } };
    };

    expect(definitions.Thing.additionalProperties).to.equal(false);
    expect(definitions.Thing.properties.open).not.to.have.property('additionalProperties');
    expect(definitions.Thing.properties.map).to.deep.equal(map);
  });

  it('keep a field that is called like a keyword', () => {
    const fields = { metadata: {}, default: { type: 'string' }, properties: { type: 'object' } };
    const { definitions } = schemasOf(document({ properties: fields })).get('thing_example.com_v1.json') as {
      definitions: { Thing: { properties: object } };
    };

    expect(definitions.Thing.properties).to.have.all.keys('metadata', 'default', 'properties');
  });

  it('take null where the API server does', () => {
    const { definitions } = schemasOf(document({ properties: { metadata: {}, priority: { type: 'integer', nullable: true } } })).get(
      'thing_example.com_v1.json',
    ) as { definitions: { Thing: { properties: { priority: { type: unknown } } } } };

    expect(definitions.Thing.properties.priority.type).to.deep.equal(['integer', 'null']);
  });
});
