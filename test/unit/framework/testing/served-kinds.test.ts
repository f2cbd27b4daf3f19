import { expect } from 'chai';
import { stringify } from 'yaml';
import { defineKind } from '../../../../src/framework/kinds/kind';
import { GADGET_CRD, WIDGET_CRD } from './contract/kinds';
import { aMachine, CONFIG_MAPS, MACHINES, Machine, Servers } from './fixtures';
import { call, type Json, until, Watch } from './http-client';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const Widget = defineKind('contract.test/v1', 'Widget', 'widgets', { scope: 'Namespaced' });
const WIDGETS = '/apis/contract.test/v1/namespaces/default/widgets';

describe('fake API server: the table of served kinds', () => {
  const servers = new Servers();
  afterEach(() => servers.stopAll());

  it('serves a kind from defineKind in all its versions, keeping every field', async () => {
    const { server } = await servers.start();
    const body = { ...aMachine('a'), spec: { size: 1, deep: { list: [{ x: 1 }] } } };
    const created = await call(server, 'POST', MACHINES, { body });
    expect([created.status, created.body['spec']]).to.deep.equal([201, body.spec]);
    const beta = await call(server, 'GET', '/apis/test.io/v1beta1/namespaces/default/machines/a');
    expect([beta.body['apiVersion'], beta.body['spec']]).to.deep.equal(['test.io/v1beta1', body.spec]);
  });

  it('serves and stops serving a kind at run time, in discovery, too', async () => {
    const { fake, server } = await servers.start();
    const groupStatus = async (): Promise<number> => (await call(server, 'GET', '/apis/test.io/v1')).status;
    const watch = await Watch.open(server, `${MACHINES}?watch=1`);
    expect(await groupStatus()).to.equal(200);
    fake.unserve(Machine);
    await until(() => watch.ended);
    expect([await groupStatus(), (await call(server, 'GET', MACHINES)).text, watch.error]).to.deep.equal([
      404,
      '404 page not found\n',
      undefined,
    ]);
    fake.serve(Machine);
    expect([await groupStatus(), (await call(server, 'GET', MACHINES)).status]).to.deep.equal([200, 200]);
  });

  it('drops the objects of a kind that goes, as DELETED events, unless told to keep them', async () => {
    const { fake, server } = await servers.start();
    fake.objects.create(Machine, aMachine('a'));
    fake.unserve(Machine, { keepObjects: true });
    fake.serve(Machine);
    expect(fake.objects.list(Machine)).to.have.length(1);
    const watch = await Watch.open(server, `${MACHINES}?watch=1`);
    await watch.take(1);
    fake.unserve(Machine);
    await until(() => watch.ended);
    expect(watch.events.map(({ type }) => type)).to.deep.equal(['ADDED', 'DELETED']);
    fake.serve(Machine);
    expect(fake.objects.list(Machine)).to.deep.equal([]);
  });

  it('serves a kind because its CRD was created through the API, and stops when it is deleted', async () => {
    const { server } = await servers.start();
    for (let round = 0; round < 3; round++) {
      expect((await call(server, 'GET', WIDGETS)).status).to.equal(404);
      expect((await call(server, 'POST', CRDS, { body: WIDGET_CRD })).status).to.equal(201);
      expect(
        (
          await call(server, 'POST', WIDGETS, {
            body: { apiVersion: 'contract.test/v1', kind: 'Widget', metadata: { name: 'a' }, spec: { size: 1 } },
          })
        ).status,
      ).to.equal(201);
      expect((await call(server, 'DELETE', `${CRDS}/widgets.contract.test`)).status).to.equal(200);
    }
    await call(server, 'POST', CRDS, { body: WIDGET_CRD });
    expect((await call(server, 'GET', WIDGETS)).body['items']).to.deep.equal([]);
  });

  it('establishes a CRD in its status', async () => {
    const { server } = await servers.start();
    await call(server, 'POST', CRDS, { body: GADGET_CRD });
    const { body } = await call(server, 'GET', `${CRDS}/gadgets.contract.test`);
    const status = body['status'] as { conditions: { type: string; status: string }[]; storedVersions: string[] };
    expect(status.conditions.map((condition) => `${condition.type}=${condition.status}`)).to.deep.equal([
      'NamesAccepted=True',
      'Established=True',
    ]);
    expect(status.storedVersions).to.deep.equal(['v1']);
  });

  it('installs CRDs from YAML, and a changed schema from the next request on', async () => {
    const { fake, server } = await servers.start();
    fake.installCrd(`${stringify(GADGET_CRD)}---\n${stringify(WIDGET_CRD)}`);
    const post = (size: number): Promise<{ status: number }> =>
      call(server, 'POST', WIDGETS, {
        body: { apiVersion: 'contract.test/v1', kind: 'Widget', metadata: { name: `s${size}` }, spec: { size } },
      });
    expect((await post(200)).status).to.equal(422);
    fake.installCrd(stringify(WIDGET_CRD).replace('maximum: 100', 'maximum: 1000'));
    expect((await post(200)).status).to.equal(201);
    expect(() => fake.installCrd('kind: ConfigMap')).to.throw(TypeError, 'no CustomResourceDefinition');
  });

  it('says which kind it does not serve when a test touches one', async () => {
    const { fake } = await servers.start();
    expect(() => fake.objects.create(Widget, { metadata: { name: 'a' } })).to.throw(TypeError, 'does not serve widgets.contract.test');
  });

  it('starts without built-in kinds on request', async () => {
    const { server } = await servers.start({ builtins: false });
    expect((await call(server, 'GET', CONFIG_MAPS)).status).to.equal(404);
    expect(((await call(server, 'GET', '/apis')).body['groups'] as Json[]).map(({ name }) => name)).to.deep.equal([
      'test.io',
      'authentication.k8s.io',
      'authorization.k8s.io',
    ]);
  });
});
