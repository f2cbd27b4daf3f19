import { expect } from 'chai';
import { StatusError } from '../../../../src/framework/testing';
import { aConfigMap, aMachine, CONFIG_MAPS, ConfigMap, Machine, Servers } from './fixtures';
import { Watch } from './http-client';

describe('fake API server: objects without HTTP', () => {
  const servers = new Servers();
  afterEach(() => servers.stopAll());

  it('creates with status, reads, lists in key order', async () => {
    const { fake } = await servers.start();
    const created = fake.objects.create(Machine, { ...aMachine('b'), status: { phase: 'Ready' } });
    fake.objects.create(Machine, aMachine('a'));
    expect([created.status, created.apiVersion]).to.deep.equal([{ phase: 'Ready' }, 'test.io/v1']);
    expect(fake.objects.get(Machine, 'default/b')?.status).to.deep.equal({ phase: 'Ready' });
    expect(fake.objects.list(Machine).map(({ metadata }) => metadata?.name)).to.deep.equal(['a', 'b']);
  });

  it('updates spec and status in one go', async () => {
    const { fake } = await servers.start();
    fake.objects.create(Machine, aMachine('a'));
    const updated = fake.objects.update(Machine, 'default/a', (machine) =>
      Object.assign(machine, { spec: { size: 2 }, status: { phase: 'Busy' } }),
    );
    expect([updated.spec, updated.status, updated.metadata?.generation]).to.deep.equal([{ size: 2 }, { phase: 'Busy' }, 2]);
    expect(() => fake.objects.update(Machine, 'default/none', () => undefined)).to.throw(StatusError);
  });

  it('deletes as the API does, and removes whatever finalizers say', async () => {
    const { fake } = await servers.start();
    fake.objects.create(Machine, aMachine('a', { finalizers: ['test.io/f'] }));
    fake.objects.delete(Machine, 'default/a');
    expect(fake.objects.get(Machine, 'default/a')?.metadata?.deletionTimestamp).to.be.a('string');
    fake.objects.remove(Machine, 'default/a');
    expect(fake.objects.get(Machine, 'default/a')).to.equal(undefined);
  });

  it('shows its changes to watches and keeps them out of the journal', async () => {
    const { fake, server } = await servers.start();
    const watch = servers.closing(await Watch.open(server, `${CONFIG_MAPS}?watch=1`));
    fake.objects.seed(
      ConfigMap,
      ['a', 'b'].map((name) => aConfigMap(name)),
    );
    expect((await watch.take(2)).map(({ type }) => type)).to.deep.equal(['ADDED', 'ADDED']);
    expect(fake.journal.writes()).to.deep.equal([]);
  });
});
