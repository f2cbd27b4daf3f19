import { expect } from 'chai';
import type { Lease } from '../../../../src/framework';
import { OLDER_LEASES, olderOperatorOf } from '../../../../src/platform/context/older-operator';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const lease = (name: string, renewTime: string, holderIdentity = 'pod_1'): Lease => ({
  metadata: { name },
  spec: { holderIdentity, renewTime },
});

describe('an older operator', () => {
  for (const name of OLDER_LEASES) {
    it(`runs while somebody renews the Lease ${name}`, () => {
      expect(olderOperatorOf([lease(name, '2026-11-21T11:59:00.001000Z')], NOW)).to.deep.equal({ lease: name, holder: 'pod_1' });
    });
  }

  it('does not run when its Lease was renewed a minute ago, never, or given up', () => {
    const [name] = OLDER_LEASES as [string];

    expect(olderOperatorOf([], NOW)).to.equal(undefined);
    expect(olderOperatorOf([lease(name, '2026-11-21T11:59:00.000000Z')], NOW)).to.equal(undefined);
    expect(olderOperatorOf([lease(name, 'yesterday')], NOW)).to.equal(undefined);
    expect(olderOperatorOf([lease(name, '2026-11-21T11:59:59.000000Z', '')], NOW)).to.equal(undefined);
  });
});
