import { expect } from 'chai';
import { withoutEmptiedMaps } from '../../../../src/framework/client/emptied-maps';
import { apiErrorOf } from '../../../../src/framework/errors/api-error';

const refused = (field: string, message: string, status = 422): Error =>
  apiErrorOf({ status, reason: 'Invalid', message, method: 'PATCH', path: '/x', details: { causes: [{ field, message }] } });
const NULL = 'Invalid value: "null": spec.limits in body must be of type object: "null"';
const object = { metadata: { name: 'w' }, spec: { size: 4, limits: {}, nested: { deep: {} }, full: { a: 'b' } } };

describe('an apply that was refused because it empties a map', () => {
  it('is repeated without that map, wherever it is, and without changing what was asked for', () => {
    expect(withoutEmptiedMaps(object, refused('spec.limits', NULL))?.spec).to.deep.equal({
      size: 4,
      nested: { deep: {} },
      full: { a: 'b' },
    });
    expect(withoutEmptiedMaps(object, refused('spec.nested.deep', NULL))?.spec.nested).to.deep.equal({});
    expect(object.spec).to.have.property('limits');
  });

  const others: [string, Error][] = [
    ['another reason', refused('spec.limits', 'Invalid value: "x": must be shorter')],
    ['a field that is not empty', refused('spec.full', NULL)],
    ['a field that was not asked for', refused('spec.other.deeper', NULL)],
    ['another status', refused('spec.limits', NULL, 400)],
    ['no answer at all', new Error('null')],
  ];
  for (const [reason, error] of others) {
    it(`is not repeated for ${reason}`, () => {
      expect(withoutEmptiedMaps(object, error)).to.equal(undefined);
    });
  }
});
