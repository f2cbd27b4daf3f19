/** What reads, lists, watches and discovery answer. */
import type { Json } from '../http-client';
import type { Scenario, Session } from './transcript';

const meta = (body: Json): Json => body['metadata'] as Json;
const names = (body: Json): unknown => (body['items'] === undefined ? body : (body['items'] as Json[]).map((item) => meta(item)['name']));
const PARTIAL = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';
const PARTIAL_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

const sorted = (body: Json): Json => ({
  ...body,
  resources: (body['resources'] as Json[]).toSorted((a, b) => (String(a['name']) < String(b['name']) ? -1 : 1)),
});

async function seed(s: Session, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const color = ['red', 'green', 'blue'][i % 3]!;
    await s.quietly('POST', s.widgets, {
      body: {
        apiVersion: 'contract.test/v1',
        kind: 'Widget',
        metadata: { name: `w${i}`, labels: { n: String(i), ...(i % 2 === 0 ? { even: 'yes' } : {}) } },
        spec: { size: i + 1, color },
      },
    });
  }
}

const create = (s: Session, name: string, labels: Json = {}): Promise<Json> =>
  s.quietly('POST', s.configMaps, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data: { a: '1' } } });
const change = (s: Session, name: string, patch: Json): Promise<Json> =>
  s.quietly('PATCH', `${s.configMaps}/${name}`, { contentType: 'application/merge-patch+json', body: patch });

export const READ_SCENARIOS: readonly Scenario[] = [
  {
    title: 'lists built-in and custom kinds, whole, in key order',
    async run(s) {
      await s.send('GET', s.widgets);
      await s.send('GET', s.configMaps);
      await seed(s, 2);
      for (const name of ['b', 'a', 'a.b', 'a-b']) await create(s, name);
      await s.send('GET', s.widgets);
      await s.send('GET', s.configMaps);
    },
  },
  {
    title: 'lists in pages of one version',
    async run(s) {
      await seed(s, 5);
      const first = await s.send('GET', `${s.widgets}?limit=2`);
      const token = String(meta(first)['continue']);
      await s.quietly('DELETE', `${s.widgets}/w3`);
      const second = await s.send('GET', `${s.widgets}?limit=2&continue=${token}`, {}, (body) => ({
        metadata: meta(body),
        names: names(body),
      }));
      await s.send('GET', `${s.widgets}?limit=2&continue=${String(meta(second)['continue'])}`, {}, (body) => ({
        metadata: meta(body),
        names: names(body),
      }));
      await s.send('GET', `${s.widgets}?limit=2&labelSelector=even%3Dyes`, {}, (body) => ({ metadata: meta(body), names: names(body) }));
      await s.send('GET', `${s.widgets}?limit=2&continue=garbage`, {}, (body) => ({ code: body['code'], reason: body['reason'] }));
      await s.send('GET', `${s.widgets}?limit=2&continue=${token}&resourceVersion=1`);
    },
  },
  {
    title: 'lists at, or not older than, a version',
    async run(s) {
      await seed(s, 2);
      const list = await s.send('GET', s.widgets);
      const version = String(meta(list)['resourceVersion']);
      await s.quietly('DELETE', `${s.widgets}/w1`);
      await s.send('GET', `${s.widgets}?resourceVersion=${version}&resourceVersionMatch=Exact`, {}, names);
      await s.send('GET', `${s.widgets}?resourceVersion=${version}&resourceVersionMatch=NotOlderThan`, {}, names);
      await s.send('GET', `${s.widgets}?resourceVersion=${version}`, {}, names);
      await s.send('GET', `${s.widgets}?resourceVersionMatch=Exact`);
      await s.send('GET', `${s.widgets}?resourceVersion=0&resourceVersionMatch=Exact`);
      await s.send('GET', `${s.widgets}?resourceVersion=999999999`, {}, (body) => ({
        code: body['code'],
        reason: body['reason'],
        details: body['details'],
      }));
    },
  },
  {
    title: 'selects by labels and fields',
    async run(s) {
      await seed(s, 6);
      for (const selector of [
        'even',
        '!even',
        'even=yes',
        'even==yes',
        'even!=yes',
        'n in (1,2)',
        'n notin (1,2)',
        'n>3',
        'even,n!=0',
        'n=7',
      ]) {
        await s.send('GET', `${s.widgets}?labelSelector=${encodeURIComponent(selector)}`, {}, names);
      }
      for (const selector of [
        'metadata.name=w1',
        'metadata.name!=w1',
        `metadata.namespace=${s.namespace}`,
        'spec.color=red',
        'spec.color=red,metadata.name!=w0',
      ]) {
        await s.send('GET', `${s.widgets}?fieldSelector=${encodeURIComponent(selector)}`, {}, names);
      }
      await s.send('GET', `${s.widgets}?fieldSelector=spec.size%3D1`);
      await s.send('GET', `${s.configMaps}?fieldSelector=data.a%3D1`);
      await s.send('GET', `${s.widgets}?fieldSelector=nonsense`, {}, (body) => ({ code: body['code'], reason: body['reason'] }));
      await s.send('GET', `${s.widgets}?labelSelector=${encodeURIComponent('a in b')}`, {}, (body) => ({
        code: body['code'],
        reason: body['reason'],
      }));
    },
  },
  {
    title: 'answers metadata only when asked to',
    async run(s) {
      await seed(s, 1);
      await s.send('GET', `${s.widgets}/w0`, { accept: PARTIAL });
      await s.send('GET', s.widgets, { accept: PARTIAL_LIST });
      await s.send('GET', s.widgets, { accept: 'text/html' }, (body) => body);
      const watch = await s.watch(`${s.widgets}?watch=1`, { accept: PARTIAL });
      await s.recordEvents(watch, 1);
    },
  },
  {
    title: 'watches from a version: every change once, in order, deletes with the version of the delete',
    async run(s) {
      const list = await s.send('GET', s.configMaps);
      const watch = await s.watch(`${s.configMaps}?watch=1&resourceVersion=${String(meta(list)['resourceVersion'])}`);
      await create(s, 'a');
      await create(s, 'b');
      await change(s, 'a', { data: { a: '2' } });
      await s.quietly('DELETE', `${s.configMaps}/a`);
      await create(s, 'a');
      await s.recordEvents(watch, 5);
      const late = await s.watch(`${s.configMaps}?watch=1&resourceVersion=${String(meta(list)['resourceVersion'])}`);
      await s.recordEvents(late, 5);
    },
  },
  {
    title: 'watches from now with what is there first',
    async run(s) {
      await create(s, 'a');
      await create(s, 'b');
      for (const version of ['', '&resourceVersion=0']) {
        const watch = await s.watch(`${s.configMaps}?watch=true${version}`);
        const events = await watch.take(2);
        s.note('first events', events.map(({ type, object }) => `${type} ${String(object.metadata['name'])}`).sort());
      }
    },
  },
  {
    title: 'turns changes across a selector into ADDED and DELETED',
    async run(s) {
      const list = await s.send('GET', s.configMaps);
      const watch = await s.watch(
        `${s.configMaps}?watch=1&labelSelector=in%3Dyes&resourceVersion=${String(meta(list)['resourceVersion'])}`,
      );
      await create(s, 'a');
      await change(s, 'a', { metadata: { labels: { in: 'yes' } } });
      await change(s, 'a', { data: { a: '2' } });
      await change(s, 'a', { metadata: { labels: { in: 'no' } }, data: { a: '3' } });
      await change(s, 'a', { metadata: { labels: { in: 'yes' } } });
      await s.quietly('DELETE', `${s.configMaps}/a`);
      await s.recordEvents(watch, 5);
      const named = await s.watch(
        `${s.configMaps}?watch=1&fieldSelector=metadata.name%3Db&resourceVersion=${String(meta(list)['resourceVersion'])}`,
      );
      await create(s, 'b');
      await s.recordEvents(named, 1);
    },
  },
  {
    title: 'ends a watch cleanly at its timeout, with a bookmark before if asked for',
    async run(s) {
      const list = await s.send('GET', s.widgets);
      const version = String(meta(list)['resourceVersion']);
      const plain = await s.watch(`${s.widgets}?watch=1&resourceVersion=${version}&timeoutSeconds=1`);
      const marked = await s.watch(`${s.widgets}?watch=1&resourceVersion=${version}&timeoutSeconds=5&allowWatchBookmarks=true`);
      await seed(s, 1);
      await s.recordEnd(plain);
      await s.recordEnd(marked);
      const { kind, apiVersion, metadata } = marked.events[1]!.object;
      s.note('bookmark', { kind, apiVersion, hasVersion: /^\d+$/.test(String(metadata['resourceVersion'])) });
    },
  },
  {
    title: 'streams the initial list on request and marks its end',
    async run(s) {
      await create(s, 'a');
      const watch = await s.watch(
        `${s.configMaps}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
      );
      const deadlineMs = Date.now() + 60_000;
      while (watch.events.length < 2 && Date.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 10));
      s.note(
        'events',
        watch.events.map(({ type, object }) => ({ type, name: object.metadata['name'], annotations: object.metadata['annotations'] })),
      );
    },
  },
  {
    title: 'answers a watch from a version that is not remembered with 410',
    async run(s) {
      await seed(s, 1);
      const watch = await s.watch(`${s.widgets}?watch=1&resourceVersion=1`);
      const [event] = await watch.take(1);
      const { message, ...rest } = event!.object as Json;
      s.note('error', { type: event!.type, status: watch.status, rest, message: String(message).replace(/\d+/g, 'N') });
      await s.recordEnd(watch);
    },
  },
  {
    title: 'knows no path that is not served',
    async run(s) {
      await s.send('GET', '/apis/nothing.test/v1/things');
      await s.send('GET', '/apis/nothing.test/v1');
      await s.send('GET', '/apis/nothing.test');
      await s.send('GET', '/apis/contract.test/v1/nothings');
      for (const path of ['/api/v1/nothings', '/apis/apps/v1/nothings', '/apis/apps/v9', '/apis/apps/v9/things']) await s.send('GET', path);
      await s.send('GET', `${s.widgets}/one/nothing`);
      await s.send('GET', '/nothing');
      await s.send('PUT', s.configMaps, { body: {} });
      await s.send('GET', `${s.configMaps}/one/status`);
      await s.send('PUT', s.widgets, { body: {} }, (body) => ({ code: body['code'], reason: body['reason'] }));
    },
  },
  {
    title: 'describes a group, its versions and its resources',
    async run(s) {
      await s.send('GET', '/apis/contract.test');
      await s.send('GET', '/apis/contract.test/v1', {}, sorted);
      await s.send('GET', '/apis/contract.test/v1beta1', {}, sorted);
      await s.send('GET', '/api', {}, (body) => ({ kind: body['kind'], versions: body['versions'] }));
      await s.send('GET', '/apis', {}, (body) => ({
        kind: body['kind'],
        apiVersion: body['apiVersion'],
        group: (body['groups'] as Json[]).find(({ name }) => name === 'contract.test'),
      }));
      const pick =
        (...wanted: string[]) =>
        (body: Json): unknown => ({
          ...body,
          resources: (body['resources'] as Json[]).filter(({ name }) => wanted.includes(String(name))),
        });
      await s.send('GET', '/api/v1', {}, pick('configmaps', 'namespaces', 'pods', 'secrets', 'nodes'));
      await s.send('GET', '/apis/apps/v1', {}, pick('daemonsets', 'daemonsets/status', 'deployments', 'deployments/status'));
      await s.send('GET', '/apis/coordination.k8s.io/v1', {}, pick('leases'));
      await s.send('GET', '/apis/authentication.k8s.io/v1', {}, pick('tokenreviews'));
      await s.send('GET', '/version', {}, (body) => ({ major: body['major'], minor: body['minor'], gitVersion: body['gitVersion'] }));
      for (const path of ['/healthz', '/livez', '/readyz']) await s.send('GET', path);
    },
  },
  {
    title: 'tells strangers from those who may not, and answers reviews of both',
    async run(s) {
      const statusOf = (body: Json): unknown => body['status'];
      for (const token of ['', 'unknown-token']) {
        await s.send('GET', `${s.configMaps}/one`, { token });
        await s.send('GET', '/apis', { token });
        await s.send('POST', s.widgets, { token, body: {} });
        await s.send('GET', '/api/v1/nodes', { token });
      }
      await s.send('GET', '/version', { token: '' }, () => 'version');
      await s.send('GET', '/healthz', { token: '' });
      await s.send('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { body: { spec: { token: 'unknown-token' } } }, statusOf);
      const resourceAttributes = { verb: 'get', group: '', resource: 'pods', namespace: 'x' };
      await s.send(
        'POST',
        '/apis/authorization.k8s.io/v1/subjectaccessreviews',
        { body: { spec: { user: 'nobody', resourceAttributes } } },
        statusOf,
      );
      await s.send(
        'POST',
        '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        { body: { spec: { resourceAttributes } } },
        (body) => ({
          allowed: (body['status'] as Json)['allowed'],
        }),
      );
    },
  },
  {
    title: 'refuses patch types it does not know',
    async run(s) {
      await create(s, 'a');
      await seed(s, 1);
      await s.send('PATCH', `${s.widgets}/w0`, { contentType: 'application/strategic-merge-patch+json', body: {} }, (body) => ({
        code: body['code'],
        reason: body['reason'],
      }));
      await s.send('PATCH', `${s.widgets}/w0`, { contentType: 'text/plain', body: 'x' }, (body) => ({
        code: body['code'],
        reason: body['reason'],
      }));
      await s.send('PATCH', `${s.widgets}/w0`, { contentType: 'application/json-patch+json', body: '{"op":' }, (body) => ({
        code: body['code'],
        reason: body['reason'],
      }));
      await s.send('PATCH', `${s.widgets}/w0?force=true`, { contentType: 'application/merge-patch+json', body: {} });
    },
  },
];
