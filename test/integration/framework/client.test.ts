import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import {
  Credentials,
  conditionOf,
  dataOnlyKubeConfig,
  EventRecorder,
  HttpTransport,
  KubeClient,
  type KubeClientOptions,
  type RequestInfo,
  requestInfo,
  type WriteSample,
} from '../../../src/framework/client';
import { ConfigMap, CustomResourceDefinition, Namespace, Secret } from '../../../src/framework/kinds/core-kinds';
import type { KubernetesObject } from '../../../src/framework/kinds/object';
import { nullLogger } from '../../../src/framework/logging/logger';
import { SystemClock } from '../../../src/framework/time/clock';
import { aWidget, Widget } from '../../unit/framework/client/fixtures';
import { errorOf, until } from '../../unit/framework/client/test-server';

const WIDGETS: KubernetesObject & { spec: unknown } = {
  metadata: { name: 'widgets.example.org' },
  spec: {
    group: 'example.org',
    names: { kind: 'Widget', listKind: 'WidgetList', plural: 'widgets', singular: 'widget' },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  size: { type: 'integer' },
                  color: { type: 'string', default: 'grey' },
                  limits: { type: 'object', additionalProperties: { type: 'string' } },
                },
              },
              status: {
                type: 'object',
                properties: {
                  ready: { type: 'boolean' },
                  foreign: { type: 'string' },
                  lastSync: { type: 'string' },
                  observedGeneration: { type: 'integer' },
                  conditions: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['type'],
                    items: {
                      type: 'object',
                      required: ['type'],
                      properties: {
                        type: { type: 'string' },
                        status: { type: 'string' },
                        reason: { type: 'string' },
                        message: { type: 'string' },
                        lastTransitionTime: { type: 'string', format: 'date-time' },
                        observedGeneration: { type: 'integer' },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};

describe('client against a real API server', () => {
  const clock = new SystemClock();
  let controlPlane: ControlPlane;
  let transport: HttpTransport;
  let client: KubeClient;
  let journal: RequestInfo[] = [];
  let writes: WriteSample[] = [];
  let names = 0;
  const freshName = (): string => `w${++names}`;
  const unclothed = (name: string, spec: object): KubernetesObject => ({ metadata: { name, namespace: 'ns' }, spec }) as KubernetesObject;
  const clientAs = (options: Partial<KubeClientOptions>): KubeClient => new KubeClient({ cluster: 'local', transport, clock, ...options });

  before(async () => {
    controlPlane = await startControlPlane();
    const credentials = new Credentials(dataOnlyKubeConfig(controlPlane.kubeconfig, { name: 'local' }), clock);
    transport = new HttpTransport({
      cluster: 'local',
      credentials,
      clock,
      userAgent: 'virt-steward/test (client)',
      journal: (info) => journal.push(info),
    });
    client = clientAs({ metrics: { write: (sample) => writes.push(sample) } });
    await client.apply(Namespace, { metadata: { name: 'ns' } });
    await client.apply(CustomResourceDefinition, WIDGETS);
    await until('the kind is served', () => true);
    while (!(await client.discovery.serves(Widget as never))) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  beforeEach(() => {
    journal = [];
    writes = [];
  });

  after(async () => {
    transport.close();
    await controlPlane.stop();
  });

  const aLiveWidget = async (): Promise<Widget> => client.create(Widget, unclothed(freshName(), { size: 1 }) as Widget);

  it('creates, reads, lists in pages, and deletes by UID', async () => {
    const created = await aLiveWidget();
    const key = `ns/${created.metadata?.name}`;
    expect((await errorOf(client.create(Widget, unclothed(created.metadata!.name!, {}) as Widget)))['code']).to.equal('ALREADY_EXISTS');
    await aLiveWidget();
    await aLiveWidget();

    const listed = await client.list(Widget, { namespace: 'ns', limit: 2 }).toArray();

    expect(listed.length).to.be.at.least(3);
    expect(listed[0]).to.include({ kind: 'Widget', apiVersion: 'example.org/v1' });
    expect((await client.get(Widget, key)).spec).to.deep.equal({ size: 1, color: 'grey' });
    expect(await client.delete(Widget as never, key, { uid: 'another' })).to.equal('gone');
    expect(await client.find(Widget, key)).not.to.equal(undefined);
    expect(await client.delete(Widget as never, key, { uid: created.metadata!.uid! })).to.equal('deleted');
    expect(await client.delete(Widget as never, key, { uid: created.metadata!.uid! })).to.equal('gone');
    expect(await client.find(Widget, key)).to.equal(undefined);
  });

  it('says that an object held by a finalizer is being deleted', async () => {
    const widget = (await client.addFinalizer(Widget, await aLiveWidget(), 'example.org/hold'))!;
    const key = `ns/${widget.metadata?.name}`;

    expect(await client.delete(Widget as never, key, { uid: widget.metadata!.uid! })).to.equal('deleting');
    const terminating = await client.get(Widget, key);
    expect(await client.addFinalizer(Widget, terminating, 'example.org/late')).to.equal(terminating);
    await client.removeFinalizer(Widget, terminating, 'example.org/hold');

    expect(await client.find(Widget, key)).to.equal(undefined);
  });

  describe('server-side apply', () => {
    it('never hits an object that was re-created under the same name', async () => {
      const first = await aLiveWidget();
      const name = first.metadata!.name!;
      await client.delete(Widget as never, `ns/${name}`, { uid: first.metadata!.uid! });
      await client.create(Widget, unclothed(name, { size: 2 }) as Widget);

      const error = await errorOf(client.apply(Widget, unclothed(name, { size: 3 }), { live: first, force: true }));

      expect(error['code']).to.equal('CONFLICT');
      expect((await client.get(Widget, `ns/${name}`)).spec?.size).to.equal(2);
    });

    it('names the owner and the field of a conflict', async () => {
      const name = freshName();
      await clientAs({ fieldManager: 'somebody' }).apply(Widget, unclothed(name, { size: 1 }));

      const error = await errorOf(client.apply(Widget, unclothed(name, { size: 2 })));

      expect(error['code']).to.equal('APPLY_CONFLICT');
      expect(error['conflicts']).to.deep.equal([{ manager: 'somebody', field: '.spec.size' }]);
    });

    it('applies what differs once, and then costs no request', async () => {
      const name = freshName();
      const desired = unclothed(name, { size: 4 });
      const first = await client.applyIfChanged(Widget, desired);
      expect(first.changed).to.equal(true);
      journal = [];

      const again = await client.applyIfChanged(Widget, desired, { live: first.object });

      expect(again).to.deep.equal({ object: first.object, changed: false });
      expect(journal).to.deep.equal([]);
    });

    it('finds out by a dry run that nothing differs, after a restart', async () => {
      const desired = unclothed(freshName(), { size: 4 });
      const { object } = await client.applyIfChanged(Widget, desired);
      const restarted = clientAs({ metrics: { write: (sample) => writes.push(sample) } });
      writes = [];

      expect((await restarted.applyIfChanged(Widget, desired, { live: object })).changed).to.equal(false);
      expect((await restarted.get(Widget, `ns/${object.metadata?.name}`)).metadata?.resourceVersion).to.equal(
        object.metadata?.resourceVersion,
      );
      expect(writes).to.deep.equal([]);
    });

    it('empties a map, and then costs no write', async () => {
      let name = '';
      const desired = (limits: object): KubernetesObject => unclothed(name, { size: 4, limits } as object);
      const owner = { apiVersion: 'example.org/v1', kind: 'Widget', ...(await aLiveWidget()) } as KubernetesObject;
      for (const write of [
        async (limits: object) => client.apply(Widget, desired(limits), { force: true }),
        async (limits: object) => (await client.applyIfChanged(Widget, desired(limits), { force: true })).object,
        async (limits: object) => (await client.applyChild(owner, Widget, desired(limits))).object,
      ]) {
        name = freshName();
        const full = await write({ cpu: '1' });
        expect(full.spec).to.have.property('limits').that.deep.equals({ cpu: '1' });
        const emptied = await write({});
        expect(emptied.spec).to.deep.include({ size: 4, limits: {} });

        expect((await write({})).metadata?.resourceVersion).to.equal(emptied.metadata?.resourceVersion);
      }
    });

    it('takes a field away that the desired state no longer has', async () => {
      const name = freshName();
      await client.applyIfChanged(Widget, unclothed(name, { size: 4, color: 'red' }));

      const { object, changed } = await client.applyIfChanged(Widget, unclothed(name, { size: 4 }));

      expect(changed).to.equal(true);
      expect(object.spec?.color).to.equal('grey');
    });

    it('refuses a child that is not ours, adopts one that carries our label, and sets the owner', async () => {
      const owner = await aLiveWidget();
      const foreign = await clientAs({ fieldManager: 'somebody' }).create(ConfigMap, { metadata: { name: freshName(), namespace: 'ns' } });
      const ours = await client.create(ConfigMap, {
        metadata: { name: freshName(), namespace: 'ns', labels: { 'app.kubernetes.io/managed-by': 'virt-steward' } },
      });

      const desired = (of: KubernetesObject): KubernetesObject =>
        ({ metadata: { name: of.metadata!.name!, namespace: 'ns' }, data: { a: '1' } }) as KubernetesObject;

      expect(await errorOf(client.applyChild(owner, ConfigMap, desired(foreign)))).to.include({ code: 'NOT_OURS' });
      const { object, changed } = await client.applyChild(owner, ConfigMap, desired(ours));
      expect(changed).to.equal(true);
      expect(object.metadata?.ownerReferences).to.deep.equal([
        {
          apiVersion: 'example.org/v1',
          kind: 'Widget',
          name: owner.metadata?.name,
          uid: owner.metadata?.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ]);
      expect((await client.applyChild(owner, ConfigMap, desired(ours), { live: object })).changed).to.equal(false);
    });

    it('moves the fields of an older field manager, so that dropped ones go', async () => {
      const name = freshName();
      const old = clientAs({ fieldManager: 'old-operator' });
      const created = await old.create(Widget, {
        ...unclothed(name, { size: 1, color: 'red' }),
        metadata: { name, namespace: 'ns', finalizers: ['example.org/keep'] },
      } as Widget);

      const moved = (await client.migrateFieldManager(Widget, created, ['old-operator']))!;
      const { object } = await client.applyIfChanged(Widget, unclothed(name, { size: 1 }), { live: moved });

      expect(object.spec).to.deep.equal({ size: 1, color: 'grey' });
      expect(object.metadata?.finalizers).to.deep.equal(['example.org/keep']);
      expect((object.metadata!.managedFields as { manager: string }[]).map(({ manager }) => manager)).to.deep.equal(['virt-steward']);
      journal = [];
      expect((await client.migrateFieldManager(Widget, object, ['old-operator']))?.metadata?.resourceVersion).to.equal(
        object.metadata?.resourceVersion,
      );
      expect(journal).to.deep.equal([]);
    });
  });

  describe('finalizers', () => {
    it('are put on and taken off without touching those of others, even from a stale object', async () => {
      const stale = await aLiveWidget();
      const key = `ns/${stale.metadata?.name}`;
      await client.addFinalizer(Widget, stale, 'example.org/other');

      const withBoth = await client.addFinalizer(Widget, stale, 'example.org/ours');
      expect(withBoth?.metadata?.finalizers).to.deep.equal(['example.org/other', 'example.org/ours']);
      await client.removeFinalizer(Widget, withBoth!, 'example.org/other');
      const without = await client.removeFinalizer(Widget, withBoth!, 'example.org/ours');

      expect(without?.metadata?.finalizers ?? []).to.deep.equal([]);
      expect(await client.removeFinalizer(Widget, without!, 'example.org/ours')).to.equal(without);
      expect((await client.get(Widget, key)).metadata?.finalizers ?? []).to.deep.equal([]);
    });

    it('are not put on another object of the same name', async () => {
      const first = await aLiveWidget();
      const name = first.metadata!.name!;
      await client.delete(Widget as never, `ns/${name}`, { uid: first.metadata!.uid! });
      await client.create(Widget, unclothed(name, {}) as Widget);

      expect(await client.addFinalizer(Widget, first, 'example.org/ours')).to.equal(undefined);
      expect((await client.get(Widget, `ns/${name}`)).metadata?.finalizers).to.equal(undefined);
    });
  });

  describe('status', () => {
    it('is written once, and not again when only volatile fields differ', async () => {
      const widget = await aLiveWidget();
      const condition = { type: 'Ready', status: 'True', reason: 'Done', message: 'all well' } as const;

      const written = (await client.applyStatus(Widget, widget, {
        fields: { ready: true, lastSync: 'a' },
        conditions: [condition],
        observedGeneration: 1,
      }))!;
      const again = await client.applyStatus(Widget, written, {
        fields: { lastSync: 'b' },
        conditions: [condition],
        observedGeneration: 1,
      });

      expect(written.status).to.include({ ready: true, lastSync: 'a', observedGeneration: 1 });
      expect(conditionOf(written, 'Ready')).to.include({ status: 'True', reason: 'Done', observedGeneration: 1 });
      expect(again).to.equal(written);
      expect(writes.filter(({ verb }) => verb === 'status')).to.have.length(1);
    });

    it('removes a field that is set to undefined and keeps lastTransitionTime while the status stays', async () => {
      const widget = await aLiveWidget();
      const first = (await client.applyStatus(Widget, widget, {
        fields: { ready: true },
        conditions: [{ type: 'Ready', status: 'True', reason: 'Done', message: '' }],
      }))!;

      const second = (await client.applyStatus(Widget, first, {
        fields: { ready: undefined },
        conditions: [{ type: 'Ready', status: 'True', reason: 'Still', message: 'x' }],
      }))!;

      expect(second.status).not.to.have.property('ready');
      expect(conditionOf(second, 'Ready')?.lastTransitionTime).to.equal(conditionOf(first, 'Ready')?.lastTransitionTime);
    });

    it('does not overwrite what somebody else reported meanwhile', async () => {
      const stale = await aLiveWidget();
      const other = clientAs({ fieldManager: 'other' });
      await other.applyStatus(Widget, stale, {
        fields: { foreign: 'kept' },
        conditions: [{ type: 'Other', status: 'False', reason: 'Theirs', message: '' }],
      });

      const written = (await client.applyStatus(Widget, stale, {
        fields: { ready: true },
        conditions: [{ type: 'Ready', status: 'True', reason: 'Ours', message: '' }],
      }))!;

      expect(written.status).to.include({ ready: true, foreign: 'kept' });
      expect(written.status?.conditions?.map(({ type }) => type).sort()).to.deep.equal(['Other', 'Ready']);
    });

    it('takes an object that is gone, or another of its name, for no error', async () => {
      const widget = await aLiveWidget();
      const name = widget.metadata!.name!;
      await client.delete(Widget as never, `ns/${name}`, { uid: widget.metadata!.uid! });
      expect(await client.applyStatus(Widget, widget, { fields: { ready: true } })).to.equal(undefined);

      await client.create(Widget, unclothed(name, {}) as Widget);
      expect(await client.applyStatus(Widget, widget, { fields: { ready: true } })).to.equal(undefined);

      expect((await client.get(Widget, `ns/${name}`)).status).to.equal(undefined);
    });
  });

  describe('events', () => {
    interface Event extends KubernetesObject {
      note: string;
      series?: { count: number };
      regarding: { name: string };
    }

    it('become a series when they repeat, and live in namespace default for cluster-scoped objects', async () => {
      const recorder = new EventRecorder({ client, clock, log: nullLogger, instance: 'pod-1' });
      const widget = await aLiveWidget();
      const event = { type: 'Warning', reason: 'Broken', note: 'it broke', about: widget, action: 'Handler.run' } as const;
      recorder.record(event);
      await recorder.flush(5_000);
      recorder.record(event);
      recorder.record({ ...event, about: (await client.get(Namespace, 'ns')) as KubernetesObject });
      await recorder.flush(5_000);

      const inNamespace = (await client.raw({ method: 'GET', path: '/apis/events.k8s.io/v1/namespaces/ns/events' })).body as {
        items: Event[];
      };
      const inDefault = (await client.raw({ method: 'GET', path: '/apis/events.k8s.io/v1/namespaces/default/events' })).body as {
        items: Event[];
      };

      const [found, ...others] = inNamespace.items.filter(({ regarding }) => regarding.name === widget.metadata?.name);
      expect(others).to.deep.equal([]);
      expect(found).to.include({ note: 'it broke' });
      expect(found?.series?.count).to.equal(2);
      expect(inDefault.items.filter(({ regarding }) => regarding.name === 'ns')).to.have.length(1);
    });
  });

  it('never quotes a Secret the server refuses', async () => {
    const error = await errorOf(
      client.create(Secret, { metadata: { name: 'Bad Name', namespace: 'ns' }, data: { a: 'aHVudGVyMg==' } } as never),
    );

    expect(error['code']).to.equal('INVALID');
    expect(JSON.stringify({ ...error, text: error.message })).not.to.include('aHVudGVyMg');
  });

  it('journals exactly the attributes that RBAC decides on', async () => {
    await client.apply(Namespace, { metadata: { name: 'limited' } });
    await client.create(
      { ...ConfigMap, kind: 'ServiceAccount', plural: 'serviceaccounts', id: 'serviceaccounts' } as never,
      { metadata: { name: 'robot', namespace: 'limited' } } as never,
    );
    const config = new KubeConfig();
    config.loadFromString(await controlPlane.serviceAccountKubeconfig('limited', 'robot'));
    const weak = new HttpTransport({
      cluster: 'local',
      credentials: new Credentials(config, clock),
      clock,
      userAgent: 'virt-steward/test (client)',
    });

    const path = '/apis/example.org/v1/namespaces/ns/widgets/w/status';
    const error = await errorOf(weak.request({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body: {} }));
    weak.close();

    const { verb, group, resource, subresource, namespace } = requestInfo('PATCH', path);
    expect(error['code']).to.equal('FORBIDDEN');
    expect(error.message).to.include(
      `cannot ${verb} resource "${resource}/${subresource}" in API group "${group}" in the namespace "${namespace}"`,
    );
  });

  it('gives a typed error to the loser of two writers with the same version', async () => {
    const widget = await aLiveWidget();
    await client.replace(Widget, { ...widget, spec: { size: 8 } });

    expect((await errorOf(client.replace(Widget, { ...widget, spec: { size: 9 } })))['code']).to.equal('CONFLICT');
    expect(aWidget().kind).to.equal(widget.kind);
  });
});
