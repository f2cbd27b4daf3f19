import { expect } from 'chai';
import { DecodeError } from '../../../../src/framework/watch/failure';
import { ObjectDecoder, type ObjectDecoderOptions } from '../../../../src/framework/watch/object-decoder';
import { Widget } from './scripted-server';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

function decoder(options: Partial<ObjectDecoderOptions<Widget>> = {}): ObjectDecoder<Widget> {
  return new ObjectDecoder<Widget>({
    kind: Widget,
    metadataOnly: false,
    stripLastApplied: true,
    freeze: true,
    transform: undefined,
    onTransformError: () => undefined,
    ...options,
  });
}

const raw = () => ({
  metadata: {
    name: 'a',
    namespace: 'default',
    managedFields: [{ manager: 'kubectl' }],
    annotations: { [LAST_APPLIED]: '{}', kept: 'yes' },
  },
  spec: { size: 3 },
  unknown: { deep: [1] },
});

describe('object decoder', () => {
  it('fills in kind and apiVersion, drops bookkeeping and keeps unknown fields', () => {
    expect(decoder().decode(raw(), 'example.org/v1')).to.deep.equal({
      apiVersion: 'example.org/v1',
      kind: 'Widget',
      metadata: { name: 'a', namespace: 'default', annotations: { kept: 'yes' } },
      spec: { size: 3 },
      unknown: { deep: [1] },
    });
  });

  it('drops annotations altogether when only the last-applied one was there', () => {
    const object = decoder().decode({ metadata: { name: 'a', annotations: { [LAST_APPLIED]: '{}' } } }, 'v1');
    expect(object.metadata).to.deep.equal({ name: 'a' });
  });

  it('keeps the last-applied annotation when told to, but never managedFields', () => {
    const { metadata } = decoder({ stripLastApplied: false }).decode(raw(), 'v1');
    expect(metadata?.annotations).to.have.property(LAST_APPLIED);
    expect(metadata).not.to.have.property('managedFields');
  });

  it('freezes to the depth, so that a write to a cached object throws', () => {
    const object = decoder().decode(raw(), 'v1');
    expect(() => {
      object.spec!.size = 4;
    }).to.throw(TypeError);
    expect(() => {
      object.metadata!.annotations!['more'] = '';
    }).to.throw(TypeError);
  });

  it('leaves objects open when freezing is off', () => {
    const object = decoder({ freeze: false }).decode(raw(), 'v1');
    object.spec!.size = 4;
    expect(object.spec!.size).to.equal(4);
  });

  it('keeps metadata only, under the real kind, whatever the server answered', () => {
    const partial = { ...raw(), kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' };
    const object = decoder({ metadataOnly: true }).decode(partial, 'example.org/v1');
    expect(Object.keys(object).sort()).to.deep.equal(['apiVersion', 'kind', 'metadata']);
    expect(object).to.include({ apiVersion: 'example.org/v1', kind: 'Widget' });
  });

  it('stores what the transform of the kind returns', () => {
    const transform = ({ apiVersion, kind, metadata }: Widget): Widget => ({ apiVersion: apiVersion!, kind: kind!, metadata: metadata! });
    expect(decoder({ transform }).decode(raw(), 'v1')).not.to.have.property('spec');
  });

  it('keeps the object whole and reports when the transform throws', () => {
    const problems: unknown[] = [];
    const transform = (): Widget => {
      throw new Error('no interfaces');
    };
    const object = decoder({ transform, onTransformError: (_, error) => problems.push(error) }).decode(raw(), 'v1');
    expect(object.spec?.size).to.equal(3);
    expect(problems).to.have.length(1);
  });

  it('does not change an object that is adopted', () => {
    const written: Widget = raw() as Widget;
    const kept = decoder().adopt(written, 'v1');
    expect(written.metadata).to.have.property('managedFields');
    expect(kept.metadata).not.to.have.property('managedFields');
    written.spec!.size = 9;
    expect(kept.spec?.size).to.equal(3);
  });

  for (const broken of [undefined, 7, 'text', {}, { metadata: 1 }, { metadata: {} }, { metadata: { name: '' } }]) {
    it(`refuses ${JSON.stringify(broken)}`, () => {
      expect(() => decoder().decode(broken, 'v1')).to.throw(DecodeError, 'an object of kind Widget has no metadata.name');
    });
  }
});
