import { expect } from 'chai';
import { providerIdOf, recordedKey, recordOf } from '../../../../src/machines/placement/recorded-placement';

describe('the record of a placement', () => {
  it('is read from the reference in the status, by the key of the cluster', () => {
    expect(recordedKey({ status: { kubevirtConfigRef: { name: 'east', namespace: 'cfg' } } }, 'cfg', true)).to.equal('east');
    expect(recordedKey({ status: { kubevirtConfigRef: { name: 'east', namespace: 'edge' } } }, 'cfg', true)).to.equal('edge/east');
    expect(recordedKey({ status: { kubevirtConfigRef: { name: 'east' } } }, '', true)).to.equal('east');
    expect(recordedKey({}, 'cfg', true)).to.equal(undefined);
  });

  it('is read from the provider id only where the CRD keeps no reference', () => {
    const status = { providerID: providerIdOf('edge/east', 'team-a', 'vm-web') };

    expect(status.providerID).to.equal('kubevirt://edge/east/team-a/vm-web');
    expect(recordedKey({ status }, 'cfg', false)).to.equal('edge/east');
    expect(recordedKey({ status }, 'cfg', true)).to.equal(undefined);
    expect(recordedKey({ status: { providerID: 'aws:///eu/i-1' } }, 'cfg', false)).to.equal(undefined);
  });

  it('leaves out what is not known', () => {
    const placedAt = '2026-01-01T00:00:00Z';
    expect(recordOf({ namespace: '', name: 'east' }, { clusterID: undefined, rule: 'Single', placedAt })).to.deep.equal({
      ...{ name: 'east', rule: 'Single', placedAt },
    });
  });
});
