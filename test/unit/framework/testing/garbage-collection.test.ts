import { expect } from 'chai';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import type { FakeApiServer } from '../../../../src/framework/testing';
import { aConfigMap, aMachine, ConfigMap, MACHINES, Machine, Servers } from './fixtures';
import { call, until } from './http-client';

const ownedBy = (owner: KubernetesObject, more: Record<string, unknown> = {}) => ({
  ...aConfigMap('child'),
  metadata: {
    name: 'child',
    namespace: 'default',
    ownerReferences: [{ apiVersion: 'test.io/v1', kind: 'Machine', name: owner.metadata!.name!, uid: owner.metadata!.uid!, ...more }],
  },
});
const childOf = (fake: FakeApiServer) => fake.objects.get(ConfigMap, 'default/child');

describe('fake API server: garbage collection', () => {
  const servers = new Servers();
  afterEach(() => servers.stopAll());

  it('leaves dependents alone unless asked to collect them', async () => {
    const { fake } = await servers.start();
    fake.objects.create(ConfigMap, ownedBy(fake.objects.create(Machine, aMachine('owner'))));
    fake.objects.delete(Machine, 'default/owner');
    await new Promise((resolve) => setImmediate(resolve));
    expect(childOf(fake)).to.not.equal(undefined);
  });

  it('deletes dependents when the owner is gone', async () => {
    const { fake } = await servers.start({ garbageCollection: true });
    fake.objects.create(ConfigMap, ownedBy(fake.objects.create(Machine, aMachine('owner'))));
    fake.objects.delete(Machine, 'default/owner');
    await until(() => childOf(fake) === undefined);
  });

  it('keeps a dependent that has another owner, without the reference to the one that is gone', async () => {
    const { fake } = await servers.start({ garbageCollection: true });
    const [first, second] = ['one', 'two'].map((name) => fake.objects.create(Machine, aMachine(name)));
    const child = ownedBy(first!);
    child.metadata.ownerReferences.push(...ownedBy(second!).metadata.ownerReferences);
    fake.objects.create(ConfigMap, child);
    fake.objects.delete(Machine, 'default/one');
    await until(() => childOf(fake)?.metadata?.ownerReferences?.length === 1);
    expect(childOf(fake)?.metadata?.ownerReferences?.[0]?.name).to.equal('two');
  });

  it('deletes an object whose only owner never existed', async () => {
    const { fake } = await servers.start({ garbageCollection: true });
    fake.objects.create(ConfigMap, ownedBy({ metadata: { name: 'nobody', uid: '11111111-1111-1111-1111-111111111111' } }));
    await until(() => childOf(fake) === undefined);
  });

  it('holds the owner in a foreground deletion until blocking dependents are gone', async () => {
    const { fake, server } = await servers.start({ garbageCollection: true });
    const child = ownedBy(fake.objects.create(Machine, aMachine('owner')), { blockOwnerDeletion: true });
    fake.objects.create(ConfigMap, { ...child, metadata: { ...child.metadata, finalizers: ['test.io/hold'] } });
    await call(server, 'DELETE', `${MACHINES}/owner`, { body: { propagationPolicy: 'Foreground' } });
    await until(() => childOf(fake)?.metadata?.deletionTimestamp !== undefined);
    expect(fake.objects.get(Machine, 'default/owner')?.metadata?.finalizers).to.deep.equal(['foregroundDeletion']);
    fake.objects.update(ConfigMap, 'default/child', (object) => delete object.metadata!.finalizers);
    await until(() => childOf(fake) === undefined && fake.objects.get(Machine, 'default/owner') === undefined);
  });

  it('frees dependents in an orphan deletion', async () => {
    const { fake, server } = await servers.start({ garbageCollection: true });
    fake.objects.create(ConfigMap, ownedBy(fake.objects.create(Machine, aMachine('owner'))));
    await call(server, 'DELETE', `${MACHINES}/owner`, { body: { propagationPolicy: 'Orphan' } });
    await until(() => fake.objects.get(Machine, 'default/owner') === undefined);
    expect(childOf(fake)?.metadata?.ownerReferences).to.equal(undefined);
  });

  it('empties a namespace that is deleted', async () => {
    const { fake, server } = await servers.start({ garbageCollection: true });
    await call(server, 'POST', '/api/v1/namespaces', { body: { metadata: { name: 'default' } } });
    fake.objects.create(Machine, aMachine('a'));
    await call(server, 'DELETE', '/api/v1/namespaces/default');
    await until(() => fake.objects.list(Machine).length === 0);
  });
});
