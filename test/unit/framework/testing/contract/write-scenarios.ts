/** What creates, updates, patches and deletes answer. */
import type { Json } from '../http-client';
import type { Scenario } from './transcript';

const configMap = (name: string, more: Json = {}): Json => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { a: '1' },
  ...more,
});
const widget = (name: string, spec: Json = { size: 1 }, more: Json = {}): Json => ({
  apiVersion: 'contract.test/v1',
  kind: 'Widget',
  metadata: { name },
  spec,
  ...more,
});
const meta = (body: Json): Json => body['metadata'] as Json;

export const WRITE_SCENARIOS: readonly Scenario[] = [
  {
    title: 'creates an object with system metadata and managedFields, and refuses it a second time',
    async run(s) {
      await s.send('POST', s.configMaps, {
        body: { ...configMap('one'), metadata: { name: 'one', labels: { app: 'x' }, annotations: { note: 'y' } } },
      });
      await s.send('POST', s.configMaps, { body: configMap('one') });
      await s.send('GET', `${s.configMaps}/one`);
      await s.send('GET', `${s.configMaps}/two`);
    },
  },
  {
    title: 'creates a custom object with generation 1, defaults, and without its status',
    async run(s) {
      await s.send('POST', s.widgets, {
        body: widget('one', { size: 5, nested: { deep: {} }, ports: [{ port: 80 }] }, { status: { phase: 'Done' } }),
      });
      await s.send('GET', `${s.widgets}/two`);
      await s.send('POST', s.widgets, { body: widget('one') });
    },
  },
  {
    title: 'refuses bodies that do not fit the address',
    async run(s) {
      await s.send('POST', s.configMaps, { body: configMap('x', { apiVersion: 'v2' }) });
      await s.send('POST', s.configMaps, { body: { ...configMap('x'), metadata: { name: 'x', namespace: 'elsewhere' } } });
      await s.send('POST', s.configMaps, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} } });
      await s.send('POST', s.configMaps, { body: configMap('Not_A-Name') });
      await s.send('POST', s.configMaps, { body: { ...configMap('x'), metadata: { name: 'x', resourceVersion: '1' } } });
      await s.send('POST', s.widgets, { body: { spec: { size: 1 }, metadata: { name: 'x' } } }, (body) => body['code']);
      await s.quietly('POST', s.configMaps, { body: configMap('x') });
      await s.send('PUT', `${s.configMaps}/x`, { body: configMap('y') });
    },
  },
  {
    title: 'refuses metadata that is not well-formed, naming every field',
    async run(s) {
      await s.send('POST', s.configMaps, {
        body: { ...configMap('x'), metadata: { name: 'x', labels: { good: 'bad value!' } } },
      });
      await s.send('POST', s.configMaps, {
        body: { ...configMap('x'), metadata: { name: 'x', labels: { 'bad key!': 'v' }, annotations: { 'Bad.test/': 'v' } } },
      });
      await s.send('POST', s.configMaps, { body: { ...configMap('x'), metadata: { name: 'x', finalizers: ['not qualified!'] } } });
      await s.send('POST', s.widgets, { body: { ...widget('x'), metadata: { name: 'x', finalizers: ['plain'] } } });
      await s.send('POST', s.configMaps, {
        body: {
          ...configMap('x'),
          metadata: {
            name: 'x',
            ownerReferences: ['a', 'b'].map((name) => ({
              apiVersion: 'v1',
              kind: 'ConfigMap',
              name,
              uid: `0000000${name}-0000-0000-0000-000000000000`,
              controller: true,
            })),
          },
        },
      });
      await s.send('POST', s.configMaps, {
        body: { ...configMap('x'), metadata: { name: 'x', ownerReferences: [{ apiVersion: 'v1', kind: '', name: '', uid: '' }] } },
      });
    },
  },
  {
    title: 'makes a name from generateName',
    async run(s) {
      await s.send('POST', s.configMaps, { body: { ...configMap(''), metadata: { generateName: 'gen-' } } }, (body) => ({
        prefix: meta(body)['generateName'],
        fits: /^gen-[a-z0-9]{5}$/.test(String(meta(body)['name'])),
      }));
    },
  },
  {
    title: 'validates custom objects against their schema',
    async run(s) {
      for (const spec of [
        {},
        { size: 'five' },
        { size: 0 },
        { size: 101 },
        { size: 1.5 },
        { size: 1, color: 'pink' },
        { size: 1, name: 'x' },
        { size: 1, name: 'waytoolongname' },
        { size: 1, name: 'UPPER' },
        { size: 1, enabled: 'yes' },
        { size: 1, portOrName: true },
        { size: 1, plain: ['a', 'b', 'c', 'd'] },
        { size: 1, tags: ['a', 'b', 'a'] },
        { size: 1, parts: [{ name: 'p' }, { name: 'p' }] },
        { size: 1, parts: [{ count: 1 }] },
        { size: 1, settings: { a: 1 } },
      ]) {
        await s.send('POST', s.widgets, { body: widget('bad', spec) });
      }
      const many = widget('bad', { size: 0, color: 'pink', enabled: 3 });
      await s.send('POST', s.widgets, { body: many }, ({ details }) =>
        ((details as Json)['causes'] as Json[]).map(({ field }) => field).sort(),
      );
      await s.send('POST', s.widgets, { body: { apiVersion: 'contract.test/v1', kind: 'Widget', metadata: { name: 'bad' } } });
    },
  },
  {
    title: 'prunes unknown fields, with a warning or an error as asked',
    async run(s) {
      const spec = { size: 1, unknown: 1, nested: { other: true }, free: { anything: { goes: [1] } }, parts: [{ name: 'a', strange: 1 }] };
      await s.send('POST', s.widgets, { body: widget('one', spec) });
      await s.send('POST', `${s.widgets}?fieldValidation=Ignore`, { body: widget('two', spec) }, (body) => body['spec']);
      await s.send('POST', `${s.widgets}?fieldValidation=Strict`, { body: widget('three', spec) });
    },
  },
  {
    title: 'replaces on PUT, keeps system metadata, and counts generation for changes of spec only',
    async run(s) {
      const created = await s.send('POST', s.widgets, { body: widget('one') });
      const version = meta(created)['resourceVersion'];
      await s.send('PUT', `${s.widgets}/one`, { body: widget('one', { size: 2 }) });
      const put = await s.send('PUT', `${s.widgets}/one`, {
        body: {
          ...widget('one', { size: 2 }),
          metadata: { name: 'one', resourceVersion: version, labels: { a: 'b' }, creationTimestamp: '2001-01-01T00:00:00Z' },
        },
      });
      await s.send('PUT', `${s.widgets}/one`, {
        body: { ...widget('one', { size: 3 }), metadata: { name: 'one', resourceVersion: version } },
      });
      await s.send('PUT', `${s.widgets}/one`, { body: { ...put, metadata: { ...meta(put), labels: { a: 'c' }, generation: 77 } } });
      await s.send('PUT', `${s.widgets}/none`, { body: { ...widget('none'), metadata: { name: 'none', resourceVersion: '1' } } });
    },
  },
  {
    title: 'replaces built-in objects without a version, and refuses a stale one or another UID',
    async run(s) {
      const created = await s.send('POST', s.configMaps, { body: configMap('one') });
      await s.send('PUT', `${s.configMaps}/one`, { body: configMap('one', { data: { a: '2' } }) });
      await s.send('PUT', `${s.configMaps}/one`, {
        body: { ...configMap('one'), metadata: { name: 'one', resourceVersion: meta(created)['resourceVersion'] } },
      });
      await s.send('PUT', `${s.configMaps}/one`, {
        body: { ...configMap('one'), metadata: { name: 'one', uid: '11111111-1111-1111-1111-111111111111' } },
      });
      await s.send('PUT', `${s.configMaps}/none`, { body: configMap('none') });
    },
  },
  {
    title: 'writes nothing when nothing changes',
    async run(s) {
      const created = await s.send('POST', s.widgets, { body: widget('one') });
      await s.send('PUT', `${s.widgets}/one`, { body: created });
      await s.mergePatch(`${s.widgets}/one`, { spec: { size: 1 } });
      await s.jsonPatch(`${s.widgets}/one`, [{ op: 'replace', path: '/spec/size', value: 1 }]);
    },
  },
  {
    title: 'keeps status and the rest apart when there is a status subresource',
    async run(s) {
      const created = await s.send('POST', s.widgets, { body: widget('one') });
      const changed = {
        ...created,
        metadata: { ...meta(created), labels: { from: 'status' } },
        spec: { size: 9 },
        status: { phase: 'Ready' },
      };
      const put = await s.send('PUT', `${s.widgets}/one/status`, { body: changed, userAgent: 'status-writer/1' });
      await s.send('PUT', `${s.widgets}/one`, { body: { ...put, status: { phase: 'Ignored' }, spec: { size: 2 } } });
      await s.mergePatch(`${s.widgets}/one/status`, { status: { phase: 'Patched' }, spec: { size: 50 } });
      await s.mergePatch(`${s.widgets}/one/status`, { status: null });
      await s.send('GET', `${s.widgets}/one/status`);
      await s.mergePatch(`${s.widgets}/none/status`, { status: { phase: 'x' } });
    },
  },
  {
    title: 'keeps status with the rest when there is no status subresource',
    async run(s) {
      await s.send('POST', s.gadgets, {
        body: { apiVersion: 'contract.test/v1', kind: 'Gadget', metadata: { name: 'one' }, status: { phase: 'x' }, extra: 1 },
      });
      await s.mergePatch(`${s.gadgets}/one`, { status: { phase: 'y' } });
      await s.send('GET', `${s.gadgets}/one/status`);
      await s.send('GET', `/apis/contract.test/v1beta1/namespaces/${s.namespace}/gadgets/one`);
    },
  },
  {
    title: 'merges merge patches and refuses a stale version in them',
    async run(s) {
      await s.send('POST', s.widgets, { body: widget('one', { size: 1, settings: { a: '1', b: '2' }, plain: ['x'] }) });
      await s.mergePatch(`${s.widgets}/one`, {
        metadata: { labels: { l: '1' } },
        spec: { settings: { a: null, c: '3' }, plain: ['y', 'z'] },
      });
      await s.mergePatch(`${s.widgets}/one`, { metadata: { resourceVersion: '1' }, spec: { size: 2 } });
      await s.mergePatch(`${s.widgets}/one`, { metadata: { uid: '11111111-1111-1111-1111-111111111111' } });
      await s.mergePatch(`${s.widgets}/one`, { spec: { size: 1000 } });
      await s.mergePatch(`${s.widgets}/none`, { spec: { size: 2 } });
      await s.mergePatch(`${s.widgets}/one`, { metadata: { name: 'two' } });
    },
  },
  {
    title: 'runs JSON patches whole or not at all',
    async run(s) {
      await s.send('POST', s.configMaps, { body: configMap('one', { metadata: { name: 'one', annotations: { 'b/c': '2' } } }) });
      await s.jsonPatch(`${s.configMaps}/one`, [
        { op: 'test', path: '/data/a', value: '1' },
        { op: 'replace', path: '/data/a', value: '9' },
        { op: 'remove', path: '/metadata/annotations/b~1c' },
        { op: 'add', path: '/data/d', value: '4' },
        { op: 'copy', from: '/data/d', path: '/data/e' },
        { op: 'move', from: '/data/d', path: '/data/f' },
      ]);
      for (const operations of [
        [
          { op: 'add', path: '/data/never', value: 'x' },
          { op: 'test', path: '/data/a', value: 'other' },
        ],
        [{ op: 'test', path: '/data/missing', value: 'x' }],
        [{ op: 'test', path: '/missing/path', value: 'x' }],
        [{ op: 'remove', path: '/data/missing' }],
        [{ op: 'replace', path: '/missing/path', value: 'x' }],
        [{ op: 'add', path: '/missing/path', value: 'x' }],
        [{ op: 'test', path: '/metadata/finalizers/0', value: 'x' }],
      ]) {
        await s.jsonPatch(`${s.configMaps}/one`, operations);
      }
      await s.jsonPatch(`${s.configMaps}/one`, [
        { op: 'test', path: '/metadata/finalizers', value: null },
        { op: 'add', path: '/metadata/finalizers', value: ['contract.test/one'] },
        { op: 'add', path: '/metadata/finalizers/-', value: 'contract.test/two' },
      ]);
      await s.jsonPatch(`${s.configMaps}/one`, [
        { op: 'test', path: '/metadata/finalizers/1', value: 'contract.test/two' },
        { op: 'remove', path: '/metadata/finalizers/1' },
      ]);
      await s.jsonPatch(`${s.configMaps}/one`, [{ op: 'test', path: '/metadata/finalizers/7', value: 'x' }]);
      await s.jsonPatch(`${s.configMaps}/none`, [{ op: 'add', path: '/data/x', value: 'x' }]);
    },
  },
  {
    title: 'deletes at once without finalizers, and says what it deleted',
    async run(s) {
      await s.send('POST', s.configMaps, { body: configMap('one') });
      await s.send('DELETE', `${s.configMaps}/one`);
      await s.send('DELETE', `${s.configMaps}/one`);
      await s.send('POST', s.widgets, { body: widget('one') });
      await s.send('DELETE', `${s.widgets}/one`, { body: { propagationPolicy: 'Background' } });
      await s.send('DELETE', `${s.widgets}/one`);
    },
  },
  {
    title: 'keeps an object with finalizers until the last one is taken off',
    async run(s) {
      const finalizers = ['contract.test/a', 'contract.test/b'];
      await s.send('POST', s.widgets, { body: { ...widget('one'), metadata: { name: 'one', finalizers } } });
      await s.send('DELETE', `${s.widgets}/one`);
      await s.send('DELETE', `${s.widgets}/one`);
      await s.mergePatch(`${s.widgets}/one`, { metadata: { finalizers: [...finalizers, 'contract.test/new'] } });
      await s.mergePatch(`${s.widgets}/one`, { spec: { size: 2 } });
      await s.jsonPatch(`${s.widgets}/one`, [{ op: 'remove', path: '/metadata/finalizers/0' }]);
      await s.jsonPatch(`${s.widgets}/one`, [{ op: 'remove', path: '/metadata/finalizers/0' }]);
      await s.send('GET', `${s.widgets}/one`);
    },
  },
  {
    title: 'checks the preconditions of a delete',
    async run(s) {
      const created = await s.send('POST', s.widgets, { body: widget('one') });
      await s.send('DELETE', `${s.widgets}/one`, { body: { preconditions: { uid: '11111111-1111-1111-1111-111111111111' } } });
      await s.send('DELETE', `${s.widgets}/one`, { body: { preconditions: { resourceVersion: '1' } } });
      await s.send('DELETE', `${s.widgets}/one`, { body: { preconditions: { uid: meta(created)['uid'] } } });
    },
  },
  {
    title: 'leaves a foreground or orphan deletion to the garbage collector',
    async run(s) {
      for (const propagationPolicy of ['Foreground', 'Orphan']) {
        const name = propagationPolicy.toLowerCase();
        await s.send('POST', s.configMaps, { body: configMap(name) });
        await s.send('DELETE', `${s.configMaps}/${name}`, { body: { propagationPolicy } });
      }
    },
  },
  {
    title: 'deletes what a selector chooses',
    async run(s) {
      for (const name of ['a', 'b', 'c'])
        await s.quietly('POST', s.widgets, { body: { ...widget(name), metadata: { name, labels: { keep: String(name === 'b') } } } });
      await s.send('DELETE', `${s.widgets}?labelSelector=keep%3Dfalse`, {}, (body) => ({
        kind: body['kind'],
        names: (body['items'] as Json[]).map((item) => meta(item)['name']),
      }));
      await s.send('GET', s.widgets, {}, (body) => (body['items'] as Json[]).map((item) => meta(item)['name']));
    },
  },
  {
    title: 'changes nothing in a dry run',
    async run(s) {
      await s.send('POST', `${s.widgets}?dryRun=All`, { body: widget('one') });
      await s.send('GET', `${s.widgets}/one`);
      await s.send('POST', s.widgets, { body: widget('one') });
      await s.send('PATCH', `${s.widgets}/one?dryRun=All`, { contentType: 'application/merge-patch+json', body: { spec: { size: 7 } } });
      await s.apply(`${s.widgets}/one`, 'm', widget('one', { size: 8 }), '&force=true&dryRun=All');
      await s.send('DELETE', `${s.widgets}/one?dryRun=All`);
      await s.send('GET', `${s.widgets}/one`);
    },
  },
  {
    title: 'encodes stringData of a Secret, and leaves empty maps out',
    async run(s) {
      const secrets = `/api/v1/namespaces/${s.namespace}/secrets`;
      await s.send('POST', secrets, { body: { metadata: { name: 'one' }, type: 'Opaque', stringData: { a: 'b' }, data: { c: 'ZA==' } } });
      await s.mergePatch(`${secrets}/one`, { data: null, metadata: { labels: {} } });
      await s.apply(`${secrets}/two`, 'm', {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'Opaque',
        metadata: { name: 'two' },
        data: { c: 'ZA==' },
      });
    },
  },
  {
    title: 'creates a Lease by PUT and wants its version afterwards',
    async run(s) {
      const leases = `/apis/coordination.k8s.io/v1/namespaces/${s.namespace}/leases`;
      const lease = (more: Json = {}): Json => ({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'one', ...more },
        spec: { holderIdentity: 'a', leaseDurationSeconds: 15 },
      });
      const created = await s.send('PUT', `${leases}/one`, { body: lease() });
      await s.send('PUT', `${leases}/one`, { body: lease() });
      await s.send('PUT', `${leases}/one`, {
        body: { ...lease({ resourceVersion: meta(created)['resourceVersion'] }), spec: { holderIdentity: 'b', leaseDurationSeconds: 15 } },
      });
      await s.send('PUT', `${leases}/one`, { body: lease({ resourceVersion: meta(created)['resourceVersion'] }) });
    },
  },
];
