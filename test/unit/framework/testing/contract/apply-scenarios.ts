/** What server-side apply does to objects, owners and conflicts. */
import type { Json } from '../http-client';
import type { Scenario } from './transcript';

const widget = (spec: Json | undefined, metadata: Json = {}): Json => ({
  apiVersion: 'contract.test/v1',
  kind: 'Widget',
  metadata: { name: 'one', ...metadata },
  ...(spec === undefined ? {} : { spec }),
});
const status = (fields: Json): Json => ({ apiVersion: 'contract.test/v1', kind: 'Widget', metadata: { name: 'one' }, status: fields });
const configMap = (data: Json | undefined, metadata: Json = {}): Json => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'one', ...metadata },
  ...(data === undefined ? {} : { data }),
});
const managers = (body: Json): unknown => (body['metadata'] as Json | undefined)?.['managedFields'] ?? body;

export const APPLY_SCENARIOS: readonly Scenario[] = [
  {
    title: 'creates by apply and does nothing when the same is applied again',
    async run(s) {
      const config = widget(
        { size: 1, settings: { a: '1' }, tags: ['x'], parts: [{ name: 'p', count: 1 }], whole: { a: '1' }, plain: ['q'] },
        { labels: { l: '1' }, finalizers: ['contract.test/f'] },
      );
      await s.apply(`${s.widgets}/one`, 'm', config);
      await s.apply(`${s.widgets}/one`, 'm', config);
      await s.send('PATCH', `${s.widgets}/one`, { contentType: 'application/apply-patch+yaml', body: config });
      await s.send(
        'PATCH',
        `${s.widgets}/one?fieldManager=m`,
        { contentType: 'application/apply-patch+yaml', body: { spec: {} } },
        (body) => body['code'],
      );
      await s.apply(`${s.widgets}/one`, 'm', { ...config, apiVersion: 'contract.test/v9' }, '', (body) => body['code']);
      await s.apply(`${s.widgets}/one`, 'm', { ...config, metadata: { managedFields: [{ manager: 'x' }] } }, '', (body) => body['code']);
    },
  },
  {
    title: 'removes fields, items and keys that the same manager no longer applies',
    async run(s) {
      const full = {
        size: 1,
        name: 'abc',
        settings: { a: '1', b: '2' },
        tags: ['x', 'y'],
        parts: [{ name: 'p', count: 1 }, { name: 'q' }],
        nested: { deep: { level: 1 } },
        plain: ['a'],
      };
      await s.apply(`${s.widgets}/one`, 'm', widget(full, { labels: { a: '1', b: '2' }, finalizers: ['contract.test/f'] }));
      await s.apply(
        `${s.widgets}/one`,
        'm',
        widget({ size: 1, settings: { b: '2' }, tags: ['y'], parts: [{ name: 'p' }] }, { labels: { a: '1' } }),
      );
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 1 }));
    },
  },
  {
    title: 'names every conflict, and takes over by force',
    async run(s) {
      await s.apply(
        `${s.widgets}/one`,
        'first',
        widget({ size: 1, name: 'abc', settings: { a: '1' }, parts: [{ name: 'p', count: 1 }], plain: ['a'], whole: { a: '1' } }),
      );
      await s.apply(`${s.widgets}/one`, 'second', widget({ size: 2 }));
      await s.apply(
        `${s.widgets}/one`,
        'second',
        widget({ size: 2, settings: { a: '2' }, parts: [{ name: 'p', count: 2 }], plain: ['b'], whole: { b: '1' } }),
      );
      await s.apply(`${s.widgets}/one`, 'second', widget({ size: 1, settings: { a: '1', b: '2' } }));
      await s.apply(
        `${s.widgets}/one`,
        'second',
        widget({ size: 2, settings: { a: '2' }, parts: [{ name: 'p', count: 2 }] }),
        '&force=true',
      );
      await s.apply(`${s.widgets}/one`, 'first', widget({ size: 2 }));
      await s.apply(`${s.widgets}/one`, 'second', widget({ size: 2 }));
    },
  },
  {
    title: 'conflicts with managers of updates, by name and version',
    async run(s) {
      await s.send('POST', s.widgets, {
        body: widget({ size: 1, name: 'abc' }, { name: 'one', labels: { l: '1' } }),
        userAgent: 'creator/v1.2 (linux)',
      });
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 2, name: 'abd' }, { labels: { l: '2' } }));
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 2 }), '&force=true');
      await s.mergePatch(`${s.widgets}/one`, { spec: { size: 3 } }, '?fieldManager=patcher');
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 2 }));
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 3 }));
    },
  },
  {
    title: 'merges sets and list-maps of several managers, in order',
    async run(s) {
      await s.apply(`${s.widgets}/one`, 'a', widget({ size: 1, tags: ['x', 'y'], parts: [{ name: 'p' }, { name: 'q' }] }));
      await s.apply(`${s.widgets}/one`, 'b', widget({ size: 1, tags: ['z', 'y'], parts: [{ name: 'r' }, { name: 'q', count: 1 }] }));
      await s.apply(`${s.widgets}/one`, 'c', widget({ size: 1, tags: ['y', 'x'], parts: [{ name: 'q', note: 'n' }, { name: 'p' }] }));
      await s.apply(`${s.widgets}/one`, 'b', widget({ size: 1 }));
      await s.apply(`${s.widgets}/one`, 'a', widget({ size: 1, tags: [], parts: [] }));
    },
  },
  {
    title: 'takes defaulted keys of a list-map into account',
    async run(s) {
      await s.apply(`${s.widgets}/one`, 'a', widget({ size: 1, ports: [{ port: 80, label: 'web' }] }));
      await s.apply(`${s.widgets}/one`, 'b', widget({ size: 1, ports: [{ port: 80, protocol: 'UDP', label: 'dns' }] }));
      await s.apply(`${s.widgets}/one`, 'b', widget({ size: 1, ports: [{ port: 80, protocol: 'TCP', label: 'other' }] }));
      await s.apply(`${s.widgets}/two`, 'a', widget({ size: 1, parts: [{ count: 1 }] }), '', (body) => body['code']);
      await s.apply(`${s.widgets}/two`, 'a', widget({ size: 1, tags: ['a', 'a'] }), '', (body) => body['code']);
    },
  },
  {
    title: 'refuses fields that the schema does not declare',
    async run(s) {
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 1, unknown: true }));
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 1, free: { a: { b: [1, { c: 2 }] } } }));
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 1, free: { a: { d: 1 } } }));
      await s.apply(`${s.widgets}/one`, 'other', widget({ size: 1, free: { a: { d: 2 } } }));
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 0 }));
    },
  },
  {
    title: 'applies status apart from the rest, under its own entry',
    async run(s) {
      await s.apply(`${s.widgets}/one`, 'm', { ...widget({ size: 1 }), status: { phase: 'Ignored' } });
      await s.apply(
        `${s.widgets}/one/status`,
        'm',
        status({ phase: 'Ready', observedGeneration: 1, conditions: [{ type: 'Ready', status: 'True' }] }),
      );
      await s.apply(`${s.widgets}/one/status`, 'other', status({ conditions: [{ type: 'Healthy', status: 'False' }] }));
      await s.apply(`${s.widgets}/one/status`, 'other', status({ phase: 'Broken' }));
      await s.apply(
        `${s.widgets}/one/status`,
        'm',
        status({ conditions: [{ type: 'Ready', status: 'False', reason: 'X' }] }),
        '&force=true',
      );
      await s.apply(`${s.widgets}/one/status`, 'm', {
        ...status({ phase: 'Again' }),
        spec: { size: 50 },
        metadata: { labels: { no: 'no' } },
      });
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 2 }));
      await s.apply(`${s.widgets}/none/status`, 'm', status({ phase: 'x' }));
    },
  },
  {
    title: 'respects uid and resourceVersion in an applied configuration',
    async run(s) {
      const uid = '11111111-1111-1111-1111-111111111111';
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 1 }, { uid }));
      const created = await s.apply(`${s.widgets}/one`, 'm', widget({ size: 1 }));
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 2 }, { uid }));
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 2 }, { uid: (created['metadata'] as Json)['uid'] }));
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 3 }, { resourceVersion: (created['metadata'] as Json)['resourceVersion'] }));
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 3 }, { name: 'two' }));
      await s.apply(`${s.widgets}/one`, 'm', widget({ size: 3 }, { namespace: 'elsewhere' }));
    },
  },
  {
    title: 'gives built-in maps to several owners key by key',
    async run(s) {
      await s.apply(`${s.configMaps}/one`, 'a', configMap({ x: '1', y: '1' }, { annotations: { 'contract.test/a': '1' } }));
      await s.apply(`${s.configMaps}/one`, 'b', configMap({ z: '1' }, { labels: { b: '1' } }));
      await s.apply(`${s.configMaps}/one`, 'b', configMap({ x: '2' }));
      await s.apply(`${s.configMaps}/one`, 'a', configMap({ y: '1' }));
      await s.apply(`${s.configMaps}/one`, 'a', configMap(undefined));
      await s.apply(`${s.configMaps}/one`, 'b', configMap(undefined));
    },
  },
  {
    title: 'owns finalizers one by one and owner references by uid',
    async run(s) {
      const owner = (n: number, more: Json = {}): Json => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: `o${n}`,
        uid: `0000000${n}-0000-0000-0000-000000000000`,
        ...more,
      });
      await s.apply(`${s.configMaps}/one`, 'a', configMap({}, { finalizers: ['contract.test/a'], ownerReferences: [owner(1)] }));
      await s.apply(`${s.configMaps}/one`, 'b', configMap({}, { finalizers: ['contract.test/b'], ownerReferences: [owner(2)] }));
      await s.apply(`${s.configMaps}/one`, 'b', configMap({}, { ownerReferences: [owner(1, { controller: true })] }));
      await s.apply(`${s.configMaps}/one`, 'a', configMap({}, { finalizers: ['contract.test/b'] }));
    },
  },
  {
    title: 'tracks updates by manager, and forgets what others remove',
    async run(s) {
      await s.send('POST', s.configMaps, { body: configMap({ a: '1', b: '1' }, { name: 'one' }), userAgent: 'one/1' });
      await s.mergePatch(`${s.configMaps}/one`, { data: { b: '2', c: '2' } }, '?fieldManager=two');
      await s.mergePatch(`${s.configMaps}/one`, { data: { a: null, c: null } }, '?fieldManager=three');
      await s.mergePatch(`${s.configMaps}/one`, { data: null }, '?fieldManager=three');
      await s.mergePatch(`${s.configMaps}/one`, { metadata: { managedFields: [] } });
      await s.mergePatch(`${s.configMaps}/one`, { data: { d: '1' } }, '?fieldManager=four');
      await s.apply(`${s.configMaps}/one`, 'm', configMap({ d: '1', e: '1' }));
    },
  },
  {
    title: 'moves ownership entries by JSON Patch on managedFields',
    async run(s) {
      const created = await s.send('POST', s.configMaps, { body: configMap({ a: '1' }, { name: 'one' }), userAgent: 'old/1' });
      const version = (created['metadata'] as Json)['resourceVersion'];
      await s.jsonPatch(`${s.configMaps}/one`, [
        { op: 'test', path: '/metadata/resourceVersion', value: version },
        { op: 'replace', path: '/metadata/managedFields/0/manager', value: 'new' },
        { op: 'replace', path: '/metadata/managedFields/0/operation', value: 'Apply' },
      ]);
      await s.apply(`${s.configMaps}/one`, 'new', configMap({ b: '1' }));
    },
  },
  {
    title: 'merges containers by name and their ports by number and protocol',
    async run(s) {
      const path = `/apis/apps/v1/namespaces/${s.namespace}/daemonsets/one`;
      const labels = { app: 'x' };
      const daemonSet = (containers: Json[], more: Json = {}): Json => ({
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { name: 'one', labels },
        spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers, ...more } } },
      });
      const container = (more: Json = {}): Json => ({ name: 'main', image: 'a:1', ...more });
      await s.apply(
        path,
        'a',
        daemonSet([container({ ports: [{ containerPort: 80 }], env: [{ name: 'X', value: '1' }], args: ['--a'] })], {
          nodeSelector: { a: 'b' },
          tolerations: [{ operator: 'Exists' }],
        }),
        '',
        managers,
      );
      await s.apply(path, 'b', daemonSet([{ name: 'main', image: 'a:2' }]), '', (body) => body['details']);
      await s.apply(
        path,
        'b',
        daemonSet([{ name: 'main', env: [{ name: 'Y', value: '2' }], ports: [{ containerPort: 80, protocol: 'UDP' }] }]),
        '',
        (body) => {
          const spec = ((body['spec'] as Json | undefined)?.['template'] as Json | undefined)?.['spec'] as Json | undefined;
          const first = (spec?.['containers'] as Json[] | undefined)?.[0];
          return { env: first?.['env'], ports: first?.['ports'], managers: managers(body) };
        },
      );
    },
  },
];
