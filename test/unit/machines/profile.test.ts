import { expect } from 'chai';
import { defaultNamePrefix, isOurs, profileOf } from '../../../src/machines/profile';

describe('the profile of the API', () => {
  it('is second exactly where a cluster-scoped KubevirtConfig is installed, unless it is set', () => {
    expect(profileOf('auto', 'Namespaced')).to.equal('first');
    expect(profileOf('auto', undefined)).to.equal('first');
    expect(profileOf('auto', 'Cluster')).to.equal('second');
    expect(profileOf('first', 'Cluster')).to.equal('first');
    expect(profileOf('second', 'Namespaced')).to.equal('second');
  });

  it('decides what names of virtual machines begin with', () => {
    expect([defaultNamePrefix('first'), defaultNamePrefix('second')]).to.deep.equal(['vm-', '']);
  });

  for (const [provider, configured, first, second] of [
    [undefined, undefined, true, true],
    ['', '', true, true],
    ['kubevirt', undefined, true, true],
    [' KubeVirt ', undefined, true, false],
    [undefined, 'KUBEVIRT', true, true],
    ['kubevirt', 'proxmox', false, true],
    ['proxmox', 'kubevirt', false, false],
    ['proxmox', undefined, false, false],
  ] as const) {
    it(`serves provider ${JSON.stringify(provider)}, providerConfig.name ${JSON.stringify(configured)}: first ${first}, second ${second}`, () => {
      const spec = {
        ...(provider === undefined ? {} : { provider }),
        ...(configured === undefined ? {} : { providerConfig: { name: configured } }),
      };

      expect(isOurs({ spec }, 'first')).to.equal(first);
      expect(isOurs({ spec }, 'second')).to.equal(second);
    });
  }
});
