import { expect } from 'chai';
import { aConfigMap, aMachine, CONFIG_MAPS, MACHINES, Machine, Servers } from './fixtures';
import { call, type Json, type ServerUnderTest } from './http-client';

describe('fake API server: users, rights and the journal', () => {
  const servers = new Servers();
  afterEach(() => servers.stopAll());

  const statusOf = async (server: ServerUnderTest, method: string, path: string, token: string, body?: unknown): Promise<number> =>
    (await call(server, method, path, { token, ...(body === undefined ? {} : { body }) })).status;

  it('allows what the rules of a user allow, and names what they do not', async () => {
    const { fake, server } = await servers.start();
    fake.auth.addUser({
      token: 't',
      name: 'system:serviceaccount:x:op',
      rules: [
        { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'], namespace: 'default' },
        { apiGroups: ['test.io'], resources: ['machines/status'], verbs: ['patch'] },
        { apiGroups: ['test.io'], resources: ['machines'], verbs: ['get'], resourceNames: ['mine'] },
      ],
    });
    expect(await statusOf(server, 'GET', CONFIG_MAPS, 't')).to.equal(200);
    expect(await statusOf(server, 'GET', '/api/v1/configmaps', 't')).to.equal(403);
    expect(await statusOf(server, 'POST', CONFIG_MAPS, 't', aConfigMap('a'))).to.equal(403);
    expect(await statusOf(server, 'GET', `${MACHINES}/mine`, 't')).to.equal(404);
    expect(await statusOf(server, 'GET', `${MACHINES}/other`, 't')).to.equal(403);
    const denied = await call(server, 'GET', '/api/v1/configmaps?watch=1', { token: 't' });
    expect(denied.body['message']).to.equal(
      'configmaps is forbidden: User "system:serviceaccount:x:op" cannot watch resource "configmaps" in API group "" at the cluster scope',
    );
    expect(await statusOf(server, 'GET', '/apis', 't')).to.equal(200);
  });

  it('takes rights away and gives them at run time', async () => {
    const { fake, server } = await servers.start();
    fake.auth.addUser({ token: 't', name: 'op', rules: [] });
    expect(await statusOf(server, 'GET', MACHINES, 't')).to.equal(403);
    fake.auth.setRules('op', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]);
    expect(await statusOf(server, 'GET', MACHINES, 't')).to.equal(200);
    fake.auth.revoke('t');
    expect(await statusOf(server, 'GET', MACHINES, 't')).to.equal(401);
  });

  it('answers reviews from the same rules', async () => {
    const { fake, server } = await servers.start();
    fake.auth.addUser({ token: 'admin', name: 'admin' });
    fake.auth.addUser({ token: 't', name: 'scraper', groups: ['g'], rules: [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }] });
    const review = async (path: string, spec: Json): Promise<Json> =>
      (await call(server, 'POST', path, { token: 'admin', body: { spec } })).body['status'] as Json;
    const token = await review('/apis/authentication.k8s.io/v1/tokenreviews', { token: 't' });
    expect([token['authenticated'], (token['user'] as Json)['username'], (token['user'] as Json)['groups']]).to.deep.equal([
      true,
      'scraper',
      ['g', 'system:authenticated'],
    ]);
    const access = (user: string, path: string): Promise<Json> =>
      review('/apis/authorization.k8s.io/v1/subjectaccessreviews', { user, nonResourceAttributes: { path, verb: 'get' } });
    expect((await access('scraper', '/metrics'))['allowed']).to.equal(true);
    expect(await access('scraper', '/debug')).to.deep.equal({ allowed: false });
    expect(await access('nobody', '/metrics')).to.deep.equal({ allowed: false });
  });

  it('keeps a journal of requests with verb, resource, user, dry run and outcome', async () => {
    const { fake, server } = await servers.start();
    await call(server, 'POST', MACHINES, { body: aMachine('a') });
    await call(server, 'POST', MACHINES, { body: aMachine('a') });
    await call(server, 'PATCH', `${MACHINES}/a/status?dryRun=All`, {
      contentType: 'application/merge-patch+json',
      body: { status: { phase: 'x' } },
    });
    await call(server, 'GET', '/version');
    expect(
      fake.journal
        .entries({ resource: 'machines' })
        .map(({ verb, subresource, status, isDryRun }) => [verb, subresource, status, isDryRun]),
    ).to.deep.equal([
      ['create', '', 201, false],
      ['create', '', 409, false],
      ['patch', 'status', 200, true],
    ]);
    expect(fake.journal.writes()).to.have.length(1);
    expect(fake.journal.entries()[3]).to.include({ path: '/version', user: 'system:admin', userAgent: 'contract/1.0' });
    expect((fake.journal.writes()[0]!.body as Json)['spec']).to.deep.equal({ size: 1 });
    fake.journal.clear();
    expect(fake.journal.count()).to.equal(0);
  });

  it('hands registered subresources to functions of the test', async () => {
    const { fake, server } = await servers.start();
    fake.objects.create(Machine, aMachine('a'));
    const started: unknown[] = [];
    fake.subresources.add({
      apiVersion: 'subresources.test.io/v1',
      of: 'test.io',
      resource: 'machines',
      subresource: 'start',
      handler: ({ method, object, body, user, name }) => {
        if (object === undefined) return { status: 404, body: { kind: 'Status', code: 404 } };
        started.push([method, name, body, user]);
        return { status: 202 };
      },
    });
    const path = '/apis/subresources.test.io/v1/namespaces/default/machines';
    expect((await call(server, 'PUT', `${path}/a/start`, { body: { paused: true } })).status).to.equal(202);
    expect((await call(server, 'PUT', `${path}/b/start`)).status).to.equal(404);
    expect(started).to.deep.equal([['update', 'a', { paused: true }, 'system:admin']]);
    const { body } = await call(server, 'GET', '/apis/subresources.test.io/v1');
    expect((body['resources'] as Json[]).map(({ name }) => name)).to.deep.equal(['machines/start']);
  });
});
