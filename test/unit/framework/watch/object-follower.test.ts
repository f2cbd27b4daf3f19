import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { type FollowedObject, ObjectFollower, openClient, Secret, SystemClock } from '../../../../src/framework';
import { FakeApiServer, kubeconfigText, status } from '../../../../src/framework/testing';
import { poll } from '../../../harness/poll';

const KEY = 'vault/creds';
const clock = new SystemClock();

describe('an object that is followed by its name', () => {
  let server: FakeApiServer;
  let close: () => void;
  let follower: ObjectFollower<Secret>;
  let told: string[];

  const put = (value: string): void => {
    server.objects.create(Secret, { metadata: { namespace: 'vault', name: 'creds' }, data: { value } });
  };
  const change = (value: string): void => {
    server.objects.update(Secret, KEY, (secret) => {
      secret.data = { value };
    });
  };
  const describeState = (now: FollowedObject<Secret>): string => (now.type === 'found' ? `found ${now.object.data?.['value']}` : now.type);
  const untilTold = (...expected: string[]): Promise<unknown> =>
    poll(`to be told ${expected.join()}`, () => JSON.stringify(told) === JSON.stringify(expected), { onTimeout: () => told.join() });
  const requests = (verb: string): number => server.journal.entries().filter((entry) => entry.verb === verb).length;

  beforeEach(async () => {
    server = await FakeApiServer.start();
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(kubeconfigText({ server: server.url }));
    const opened = openClient(kubeConfig, { clock, userAgent: 'test' });
    close = opened.close;
    told = [];
    follower = new ObjectFollower({
      ...{ client: opened.client, kind: Secret, key: KEY, clock, pollMs: 50 },
      onChange: (now) => void told.push(describeState(now)),
    });
  });

  afterEach(async () => {
    await follower.stop();
    close();
    await server.stop();
  });

  it('is told of when it is there, changes, goes and comes back, and is never listed', async () => {
    put('one');
    follower.start();
    await untilTold('found one');
    change('two');
    await untilTold('found one', 'found two');
    server.objects.remove(Secret, KEY);
    await untilTold('found one', 'found two', 'absent');
    put('three');
    await untilTold('found one', 'found two', 'absent', 'found three');

    await poll('to be watched', () => follower.watching === 'yes');
    expect(requests('list')).to.equal(0);
  });

  it('is told of as absent before it is there', async () => {
    follower.start();
    await untilTold('absent');
    put('one');
    await untilTold('absent', 'found one');
  });

  it('is told of as unreadable while it may not be read, and as found when it may', async () => {
    put('one');
    const denied = server.faults.add({ on: { verb: 'get', kind: Secret }, do: status(403), times: 1_000 });
    follower.start();
    await untilTold('unreadable');
    denied.remove();
    // One that was under way may have been refused just before.
    await follower.read();
    await untilTold('unreadable', 'found one');
  });

  it('is read at intervals where it may not be watched', async () => {
    put('one');
    server.faults.add({ on: { verb: 'watch', kind: Secret }, do: status(403), times: 1_000 });
    follower.start();
    await untilTold('found one');
    change('two');
    await untilTold('found one', 'found two');

    await poll('to be refused', () => follower.watching === 'refused');
  });

  it('is read once for callers at the same time', async () => {
    put('one');
    const [a, b] = await Promise.all([follower.read(), follower.read()]);

    expect([a, b].map(describeState)).to.deep.equal(['found one', 'found one']);
    expect(requests('get')).to.equal(1);
  });

  it('is told of no more after the end', async () => {
    put('one');
    follower.start();
    await untilTold('found one');
    await follower.stop();
    change('two');
    await follower.read();

    expect(told).to.deep.equal(['found one']);
    await poll('the watch to be closed', () => server.openWatches === 0);
  });
});
