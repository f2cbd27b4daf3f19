import { request } from 'node:http';
import { expect } from 'chai';
import type { CheckResult, HealthCheck } from '../../../../src/framework/serving/checks';
import { HealthServer } from '../../../../src/framework/serving/health-server';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { poll } from '../../../harness/poll';

const aCheck = (name: string, state: CheckResult['state'] = 'ok', detail = ''): HealthCheck => ({ name, run: () => ({ state, detail }) });

describe('health server', () => {
  const servers: HealthServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  async function serving(...checks: HealthCheck[]) {
    const clock = new FakeClock();
    const server = new HealthServer(clock);
    servers.push(server);
    for (const check of checks) server.addCheck('readyz', check);
    const port = await server.listen({ host: '127.0.0.1', port: 0 });
    const get = (path: string, method = 'GET'): Promise<[number, string]> =>
      new Promise((resolve, reject) => {
        const call = request({ host: '127.0.0.1', port, path, method, agent: false }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('end', () => resolve([response.statusCode ?? 0, text]));
        });
        call.on('error', reject).end();
      });
    return { get, clock };
  }

  it('says ok and nothing more while everything is well', async () => {
    const { get } = await serving(aCheck('startup'), aCheck('informers', 'waiting', 'virtualmachines.kubevirt.io is not served'));
    expect(await get('/readyz')).to.deep.equal([200, 'ok']);
    expect(await get('/healthz')).to.deep.equal([200, 'ok']);
  });

  it('names the failed check, and its reason only when asked for', async () => {
    const { get } = await serving(aCheck('startup'), aCheck('informers', 'failed', 'configmaps is Backoff (object ns/secret-name)'));
    expect(await get('/readyz')).to.deep.equal([503, '[+]startup ok\n[-]informers failed\nreadyz check failed']);

    const [status, text] = await get('/readyz?verbose');
    expect(status).to.equal(503);
    expect(text).to.contain('[-]informers failed: configmaps is Backoff (object ns/secret-name)');
  });

  it('lists every check with its mark when asked to be verbose', async () => {
    const { get } = await serving(aCheck('a', 'ok', '3 watching'), aCheck('b', 'waiting', 'no CRD'), aCheck('c'));
    expect(await get('/readyz?verbose')).to.deep.equal([200, '[+]a ok: 3 watching\n[~]b waiting: no CRD\n[+]c ok\nreadyz check passed']);
  });

  it('answers one check by its name, and leaves out those that are excluded', async () => {
    const { get } = await serving(aCheck('good'), aCheck('bad', 'failed'), aCheck('worse', 'failed'));
    expect(await get('/readyz/good')).to.deep.equal([200, 'ok']);
    expect((await get('/readyz/bad'))[0]).to.equal(503);
    expect((await get('/readyz?exclude=bad'))[0]).to.equal(503);
    expect((await get('/readyz?exclude=bad&exclude=worse'))[0]).to.equal(200);
  });

  it('answers 404 for what is not there and 405 for other methods', async () => {
    const { get } = await serving(aCheck('good'));
    for (const path of ['/', '/livez', '/readyz/unknown', '/readyz/good/more', '/readyz%00', '//'])
      expect((await get(path))[0], path).to.equal(404);
    for (const method of ['POST', 'PUT', 'DELETE']) expect((await get('/readyz', method))[0], method).to.equal(405);
    expect(await get('/readyz', 'HEAD')).to.deep.equal([200, '']);
  });

  it('fails a check that throws, with its message', async () => {
    const throwing: HealthCheck = {
      name: 'broken',
      run: () => {
        throw new Error('no cache');
      },
    };
    const { get } = await serving(throwing);
    expect((await get('/readyz?verbose'))[1]).to.contain('[-]broken failed: no cache');
  });

  it('answers within a second although a check hangs', async () => {
    const { get, clock } = await serving(aCheck('good'), { name: 'hanging', run: () => new Promise(() => undefined) });
    const answer = get('/readyz?verbose');
    await poll('the checks to run', () => clock.pendingTimers > 0);
    await clock.advance(900);

    const [status, text] = await answer;
    expect(status).to.equal(503);
    expect(text).to.contain('[+]good ok\n[-]hanging failed: no answer within 900 ms');
    expect(clock.pendingTimers).to.equal(0);
  });
});
