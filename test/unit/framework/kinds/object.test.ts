import { expect } from 'chai';
import fc from 'fast-check';
import { keyOf, objectKey, splitKey } from '../../../../src/framework/kinds/object';

describe('the key of an object', () => {
  it('is namespace/name, or the bare name of a cluster-scoped object', () => {
    expect(keyOf({ metadata: { namespace: 'ns', name: 'vm' } })).to.equal('ns/vm');
    expect(keyOf({ metadata: { name: 'node' } })).to.equal('node');
    expect(keyOf({ metadata: { namespace: '', name: 'node' } })).to.equal('node');
    expect(keyOf({})).to.equal('');
  });

  it('can be taken apart again', () => {
    const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?$/);
    fc.assert(
      fc.property(fc.option(name, { nil: undefined }), name, (namespace, objectName) => {
        const parts = splitKey(objectKey(namespace, objectName));
        expect(parts).to.deep.equal(namespace === undefined ? { name: objectName } : { namespace, name: objectName });
      }),
    );
  });
});
