import { expect } from 'chai';
import { ConfigMap, Secret } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, RecordingLogger, TestOperator } from 'virt-steward/framework/testing';
import { handlers } from './handler';

const labels = { app: 'shop' };
const annotations = { 'example.org/owner': 'team-green' };
const data = { motd: 'Sale!' };

const cases: [string, ConfigMap, boolean][] = [
  ['a ConfigMap that has all of it', { metadata: { labels, annotations }, data }, true],
  ['the other value of the label', { metadata: { labels: { app: 'blog' }, annotations }, data }, true],
  ['another value of the label', { metadata: { labels: { app: 'api' }, annotations }, data }, false],
  ['a label that must not be there', { metadata: { labels: { ...labels, 'example.org/quiet': '' }, annotations }, data }, false],
  ['an owner that is no team', { metadata: { labels, annotations: { 'example.org/owner': 'bob' } }, data }, false],
  ['a ConfigMap without the field', { metadata: { labels, annotations }, data: { other: 'x' } }, false],
  ['a ConfigMap that cannot change', { metadata: { labels, annotations }, data, immutable: true }, false],
];

describe('04-filters', () => {
  for (const [what, config, isSeen] of cases) {
    it(`${isSeen ? 'sees' : 'does not see'} ${what}`, async () => {
      const clock = new FakeClock();
      await using server = await FakeApiServer.start({ clock });
      server.objects.create(ConfigMap, { ...config, metadata: { ...config.metadata, namespace: 'default', name: 'a' } });
      await using operator = await TestOperator.start({ handlers, server, clock });

      expect(operator.key(ConfigMap, 'default/a').history).to.have.length(isSeen ? 1 : 0);
    });
  }

  it('asks the server for nothing but the chosen Secret', async () => {
    const clock = new FakeClock();
    await using server = await FakeApiServer.start({ clock });
    const logger = new RecordingLogger();
    for (const [namespace, name] of [
      ['default', 'seen'],
      ['default', 'not-seen'],
      ['other', 'seen'],
    ] as const) {
      server.objects.create(Secret, { metadata: { namespace, name } });
    }
    await using _operator = await TestOperator.start({ handlers, server, clock, logger });

    const seen = logger.lines
      .filter(({ message }) => message === 'a Secret to rotate')
      .map(({ fields }) => [fields['namespace'], fields['name']]);
    expect(seen).to.deep.equal([['default', 'seen']]);
    const paths = server.journal.entries({ resource: 'secrets' }).map(({ path }) => path);
    expect(new Set(paths)).to.deep.equal(new Set(['/api/v1/namespaces/default/secrets']));
  });
});
