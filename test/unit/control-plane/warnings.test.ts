import { expect } from 'chai';
import { warningsIn } from '../../../hack/control-plane/rest';

describe('warnings of the API server', () => {
  it('are read from headers of their own and from one that holds them all', () => {
    const [first, second] = ['299 - "pods violate \\"restricted\\""', '299 - "agent-1 (and 1 other pod): host namespaces"'];
    const texts = ['pods violate "restricted"', 'agent-1 (and 1 other pod): host namespaces'];

    expect(warningsIn([first!, second!])).to.deep.equal(texts);
    expect(warningsIn([`${first}, ${second}`])).to.deep.equal(texts);
    expect(warningsIn()).to.deep.equal([]);
  });
});
