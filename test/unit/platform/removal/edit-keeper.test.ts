import { expect } from 'chai';
import { ConfigMap, type Kind, type KubeClient, type KubernetesObject, nullLogger } from '../../../../src/framework';
import { status } from '../../../../src/framework/testing';
import { MODE_ANNOTATION, PAUSED_ANNOTATION } from '../../../../src/platform/keys';
import { EditKeeper, type UnwantedEdit } from '../../../../src/platform/removal/edit-keeper';
import { type FakeCluster, startFakeCluster } from '../context/fake-cluster';

const LINE = 'ours: 1\n';

describe('texts of other people’s objects that were edited', () => {
  let fake: FakeCluster;
  let client: KubeClient;
  before(async () => {
    fake = await startFakeCluster();
    client = fake.cluster.client;
  });
  after(() => fake[Symbol.asyncDispose]());
  afterEach(() => {
    fake.server.faults.clear();
    if (fake.server.objects.get(ConfigMap, 'ns/a') !== undefined) fake.server.objects.remove(ConfigMap as Kind, 'ns/a');
  });

  function bench({ onUnwanted = 'keep' as const as UnwantedEdit['onUnwanted'] } = {}) {
    const told: string[] = [];
    const tell = (reason: string, _key: string, message: string): void => void told.push(`${reason}: ${message}`);
    let changes = 0;
    const renderOver = async (live: KubernetesObject): Promise<KubernetesObject> => {
      const text = (live as { data?: Record<string, string> }).data?.['text'] ?? '';
      return { ...live, data: { text: /^ours: /m.test(text) && text.includes(LINE) ? text : `${text}${LINE}` } } as KubernetesObject;
    };
    const edit: UnwantedEdit = { key: 'edit', kind: ConfigMap as Kind, place: 'ns/a', onUnwanted, renderOver };
    const keeper = new EditKeeper({
      unwanted: () => [edit],
      events: { normal: tell, warning: tell },
      log: nullLogger,
      changed: () => changes++,
    });
    const put = (text: string, annotations: Record<string, string> = {}): void => {
      fake.server.objects.create(ConfigMap, { metadata: { name: 'a', namespace: 'ns', annotations }, data: { text, other: 'x' } });
    };
    const text = (): string | undefined => fake.server.objects.get(ConfigMap, 'ns/a')?.data?.['text'];
    return { keeper, put, text, told, changes: () => changes };
  }
  const DELETE = { policy: 'delete', isActive: true } as const;
  const KEEP = { policy: 'keep', isActive: true } as const;

  it('are taken back, and remembered no more', async () => {
    const { keeper, put, text, told, changes } = bench();
    keeper.ran('edit', true);
    put(`theirs: 2\n${LINE}`);

    expect(await keeper.run(client, DELETE)).to.equal(undefined);

    expect(text()).to.equal('theirs: 2\n');
    expect(fake.server.objects.get(ConfigMap, 'ns/a')?.data?.['other']).to.equal('x');
    expect(told).to.deep.equal([
      'ResourceRemoved: what edit had set in ConfigMap ns/a was taken out again, because it is not wanted any more',
    ]);
    expect(keeper.remembered).to.deep.equal([]);
    expect(changes()).to.equal(2);
  });

  it('stay under the policy keep, unless the asset says otherwise', async () => {
    const kept = bench();
    kept.keeper.ran('edit', true);
    kept.put(LINE);
    await kept.keeper.run(client, KEEP);
    expect(kept.text()).to.equal(LINE);
    expect(kept.keeper.remembered).to.deep.equal(['edit']);

    const tidy = bench({ onUnwanted: 'delete' });
    tidy.keeper.begin(['edit']);
    await tidy.keeper.run(client, { policy: 'keep', isActive: false });
    expect(tidy.text()).to.equal(LINE);
    await tidy.keeper.run(client, KEEP);
    expect(tidy.text()).to.equal('');
  });

  it('stay when it is not known that we wrote them', async () => {
    const { keeper, put, text } = bench();
    put(LINE);

    await keeper.run(client, DELETE);

    expect(text()).to.equal(LINE);
  });

  it('are ours where the API server says so, though it was forgotten', async () => {
    const { keeper, text } = bench();
    const object = { metadata: { name: 'a', namespace: 'ns' }, data: { text: `theirs: 2\n${LINE}` } };
    await client.apply(ConfigMap, object, { live: 'absent', force: true, fieldManager: 'virt-steward' });

    await keeper.run(client, DELETE);

    expect(text()).to.equal('theirs: 2\n');
  });

  for (const [title, annotations] of [
    ['unmanaged', { [MODE_ANNOTATION]: 'unmanaged' }],
    ['paused', { [PAUSED_ANNOTATION]: 'true' }],
  ] as const) {
    it(`stay in an object that is ${title}, and are looked at again`, async () => {
      const { keeper, put, text } = bench();
      keeper.ran('edit', true);
      put(LINE, annotations);
      await keeper.run(client, DELETE);
      expect(text()).to.equal(LINE);
      fake.server.objects.update(ConfigMap, 'ns/a', (map) => {
        map.metadata = { ...map.metadata, annotations: {} };
      });

      await keeper.run(client, DELETE);

      expect(text()).to.equal('');
    });
  }

  it('cost no call once they are taken back, until they are edited again', async () => {
    const { keeper, put, text } = bench();
    keeper.ran('edit', true);
    put(LINE);
    await keeper.run(client, DELETE);
    const before = fake.server.journal.entries({ resource: 'configmaps' }).length;
    await keeper.run(client, DELETE);
    expect(fake.server.journal.entries({ resource: 'configmaps' })).to.have.length(before);
    fake.server.objects.update(ConfigMap, 'ns/a', (map) => {
      map.data = { text: LINE };
    });
    keeper.ran('edit', true);

    await keeper.run(client, DELETE);

    expect(text()).to.equal('');
  });

  it('are tried again when the API server fails, and the failure is told', async () => {
    const { keeper, put, text, told } = bench();
    keeper.ran('edit', true);
    put(LINE);
    fake.server.faults.add({ on: { kind: 'configmaps', verb: 'patch' }, do: status(400), times: 1 });

    expect(await keeper.run(client, DELETE)).to.equal(30_000);
    expect(told.join()).to.match(/^ApplyFailed: what edit had set in ConfigMap ns\/a cannot be taken out/);
    expect(await keeper.run(client, DELETE)).to.equal(undefined);

    expect(text()).to.equal('');
  });

  it('are forgotten with their object', async () => {
    const { keeper } = bench();
    keeper.ran('edit', true);

    await keeper.run(client, DELETE);

    expect(keeper.remembered).to.deep.equal([]);
  });
});
