import { expect } from 'chai';
import { ConfigMap, type Kind } from '../../../../src/framework';
import { poll } from '../../../harness/poll';
import { startFakeCluster } from './fake-cluster';

describe('an informer that was opened while the process runs', () => {
  it('lists and watches, is in no store, and says at its end that it is stopped', async () => {
    await using fake = await startFakeCluster();
    fake.server.objects.create(ConfigMap, { metadata: { name: 'a', namespace: 'ns' } });
    const informer = fake.cluster.openInformer(ConfigMap as Kind, { namespaces: ['ns'] });
    const states: string[] = [];
    informer.onStatus(({ state }) => states.push(state));
    informer.start();
    await poll('the first list', () => informer.store.synced || undefined);
    fake.server.objects.create(ConfigMap, { metadata: { name: 'b', namespace: 'ns' } });
    await poll('the watch', () => informer.store.get('ns/b') !== undefined || undefined);

    expect(() => fake.cluster.store(ConfigMap)).to.throw('ConfigMap');
    expect(fake.cluster.hasSynced).to.equal(true);
    await informer.stop();

    expect(states.at(-1)).to.equal('Stopped');
  });
});
