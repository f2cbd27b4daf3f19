import { expect } from 'chai';
import { buildRegistry } from '../../../../src/framework';
import { exceptionalSecretRights, machinesHandlersFor } from '../../../../src/machines';
import { theSettings } from '../the-settings';

/** Workers that each registered handler of placed Machines asks for. */
function workers(env: Readonly<Record<string, string>>): number[] {
  const settings = theSettings(env);
  const handlers = machinesHandlersFor(settings);
  const { specs } = buildRegistry({ handlers, domain: 'virt-steward.io', exceptionalRights: exceptionalSecretRights(settings) });
  return specs.flatMap((spec) => (spec.decorator === 'Reconcile' && spec.kind.kind === 'PlacedMachine' ? [spec.concurrency] : []));
}

describe('workers of one remote cluster', () => {
  it('are four', () => expect(workers({})).to.deep.equal([4]));

  it('are as many as REMOTE_CONCURRENCY says', () => {
    expect(workers({ REMOTE_CONCURRENCY: '1' })).to.deep.equal([1]);
    expect(workers({ REMOTE_CONCURRENCY: '9' })).to.deep.equal([9]);
  });
});
