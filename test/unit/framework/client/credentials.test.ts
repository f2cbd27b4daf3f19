import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CertificateAuthority } from '../../../../hack/control-plane';
import { Credentials } from '../../../../src/framework/client';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { bench, configFor } from './fixtures';
import { errorOf, failure, json, TestServer, until } from './test-server';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const jwt = (expSeconds: number): string =>
  `eyJhbGciOiJub25lIn0.${Buffer.from(JSON.stringify({ exp: expSeconds })).toString('base64url')}.c2ln`;

describe('credentials', () => {
  let folder: string;
  let server: TestServer;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'credentials-'));
    server = await TestServer.start();
  });

  afterEach(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  const tokenFileUser = (): { user: object; write: (token: string) => void } => {
    const tokenFile = join(folder, 'token');
    return {
      user: { authProvider: { name: 'tokenFile', config: { tokenFile } } },
      write: (token) => writeFileSync(tokenFile, `${token}\n`),
    };
  };

  it('reads a token file again after 60 s, and without its line end', async () => {
    const { user, write } = tokenFileUser();
    const clock = new FakeClock();
    const credentials = new Credentials(configFor(server.url, user), clock);
    write('one');
    const first = await credentials.current();
    write('two');

    await clock.advance(59_999);
    const second = await credentials.current();
    await clock.advance(1);
    const third = await credentials.current();

    expect([first, second, third].map(({ headers }) => headers['authorization'])).to.deep.equal(['Bearer one', 'Bearer one', 'Bearer two']);
    expect(third.fingerprint).not.to.equal(first.fingerprint);
    expect(third.connectionFingerprint).to.equal(first.connectionFingerprint);
  });

  it('renews a token 10 s before it expires', async () => {
    const { user, write } = tokenFileUser();
    const clock = new FakeClock();
    const credentials = new Credentials(configFor(server.url, user), clock);
    write(jwt(clock.now() / 1_000 + 40));
    const first = await credentials.current();
    write(jwt(clock.now() / 1_000 + 4_000));

    await clock.advance(29_999);
    expect(await credentials.current()).to.equal(first);
    await clock.advance(1);

    expect((await credentials.current()).fingerprint).not.to.equal(first.fingerprint);
  });

  it('asks an exec plugin once for many callers, keeps its answer, and asks again 10 s before it expires', async () => {
    const log = join(folder, 'runs');
    const answerFile = join(folder, 'answer.json');
    const clock = new FakeClock(Date.now());
    const answer = (token: string, leftMs: number): void =>
      writeFileSync(answerFile, JSON.stringify({ status: { token, expirationTimestamp: new Date(clock.now() + leftMs).toISOString() } }));
    const exec = { command: 'sh', args: ['-c', `echo run >> ${log}; cat ${answerFile}`] };
    const credentials = new Credentials(configFor(server.url, { exec }), clock);
    const runs = (): number => readFileSync(log, 'utf8').split('\n').length - 1;
    answer('one', 120_000);

    const all = await Promise.all(Array.from({ length: 20 }, () => credentials.current()));
    await clock.advance(60_000);
    await credentials.current();
    answer('two', 600_000);
    await clock.advance(49_999);
    expect((await credentials.current()).headers['authorization']).to.equal('Bearer one');
    expect(runs()).to.equal(1);
    await clock.advance(1);

    expect((await credentials.current()).headers['authorization']).to.equal('Bearer two');
    expect(new Set(all).size).to.equal(1);
    expect(runs()).to.equal(2);
  });

  it('does not quote what a failing plugin printed when it looks like a secret', async () => {
    const exec = { command: 'sh', args: ['-c', 'echo "token: hunter2hunter2" >&2; exit 1'] };
    const { client } = bench(server.url, { config: configFor(server.url, { exec }), client: { retry: false } });

    const error = await errorOf(client.raw({ method: 'GET', path: '/version' }));

    expect(error).to.include({ code: 'TRANSPORT', outcome: 'not-sent' });
    expect(error.message).not.to.include('hunter2');
    expect(error.cause).to.equal(undefined);
  });

  it('sends user and password of a kubeconfig', async () => {
    const { transport } = bench(server.url, { config: configFor(server.url, { username: 'u', password: 'p' }) });

    await transport.request({ method: 'GET', path: '/x' });
    transport.close();

    expect(server.received[0]?.headers.authorization).to.equal(`Basic ${base64('u:p')}`);
  });

  describe('after a 401', () => {
    it('repeats every refused call with the credential that was rotated meanwhile', async () => {
      const { user, write } = tokenFileUser();
      server.answer = ({ headers }, response) =>
        headers.authorization === 'Bearer fresh' ? json(response, 200, {}) : failure(response, 401, 'Unauthorized', 'expired');
      const clock = new FakeClock();
      const credentials = new Credentials(configFor(server.url, user), clock);
      write('stale');
      await credentials.current();
      write('fresh');
      const { transport } = bench(server.url, { clock, transport: { credentials } });

      await Promise.all(Array.from({ length: 20 }, () => transport.request({ method: 'POST', path: '/x', body: {} })));
      transport.close();

      expect(server.received.filter(({ headers }) => headers.authorization === 'Bearer fresh')).to.have.length(20);
    });

    it('asks the library once, however many calls were refused', async () => {
      const log = join(folder, 'runs');
      const exec = { command: 'sh', args: ['-c', `echo run >> ${log}; printf '{"status":{"token":"t%s"}}' $(wc -l < ${log})`] };
      server.answer = ({ headers }, response) =>
        headers.authorization === 'Bearer t1' ? failure(response, 401, 'Unauthorized', 'expired') : json(response, 200, {});
      const { transport } = bench(server.url, { config: configFor(server.url, { exec }) });

      await Promise.all(Array.from({ length: 20 }, () => transport.request({ method: 'GET', path: '/x' })));
      transport.close();

      expect(readFileSync(log, 'utf8')).to.equal('run\nrun\n');
    });

    it('gives up with UnauthorizedError after one repeat', async () => {
      server.answer = (_request, response) => failure(response, 401, 'Unauthorized', 'no');
      const { transport } = bench(server.url);

      expect((await errorOf(transport.request({ method: 'GET', path: '/x' })))['code']).to.equal('UNAUTHORIZED');
      transport.close();

      expect(server.received).to.have.length(2);
    });

    it('asks the guard again before the repeat', async () => {
      server.answer = (_request, response) => failure(response, 401, 'Unauthorized', 'no');
      const { transport } = bench(server.url);
      let asked = 0;
      const beforeSend = (): void => {
        if (++asked === 2) throw new Error('not the leader any more');
      };

      const error = await errorOf(transport.request({ method: 'POST', path: '/x', body: {}, beforeSend }));
      transport.close();

      expect(error.message).to.equal('not the leader any more');
      expect(server.received).to.have.length(1);
    });
  });

  describe('over TLS', () => {
    const authority = CertificateAuthority.create('test CA');
    const serving = authority.issue({ commonName: 'server', ipAddresses: ['127.0.0.1'], usage: 'server' });
    const tls = { cert: serving.certificate, key: serving.privateKey };
    const trust = { caData: base64(authority.keyPair.certificate) };
    let secure: TestServer;

    beforeEach(async () => {
      secure = await TestServer.start(undefined, {
        ...tls,
        ca: authority.keyPair.certificate,
        requestCert: true,
        rejectUnauthorized: false,
      });
    });
    afterEach(() => secure.stop());

    it('verifies the server by the CA of the kubeconfig', async () => {
      const good = bench(secure.url, { config: configFor(secure.url, {}, trust) });
      const bad = bench(secure.url, { client: { retry: false } });

      await good.transport.request({ method: 'GET', path: '/x' });
      const error = await errorOf(bad.transport.request({ method: 'POST', path: '/x', body: {} }));
      good.transport.close();
      bad.transport.close();

      expect(error).to.include({ phase: 'connect', outcome: 'not-sent' });
      expect(secure.received).to.have.length(1);
    });

    it('uses the CA even where the context names no user', async () => {
      const config = configFor(secure.url, {}, trust);
      config.users = [];
      const { transport } = bench(secure.url, { config });

      await transport.request({ method: 'GET', path: '/x' });
      transport.close();

      expect(secure.received[0]?.headers.authorization).to.equal(undefined);
    });

    it('keeps one connection for calls one after the other', async () => {
      const { transport } = bench(secure.url, { config: configFor(secure.url, {}, trust) });

      for (let call = 0; call < 20; call++) await transport.request({ method: 'GET', path: '/x' });
      transport.close();

      expect(secure.connections).to.equal(1);
    });

    it('opens new connections with a rotated client certificate and closes the old ones, watches too', async () => {
      const userWith = (name: string): object => {
        const pair = authority.issue({ commonName: name, usage: 'client' });
        return { certData: base64(pair.certificate), keyData: base64(pair.privateKey) };
      };
      secure.answer = ({ query }, response) => {
        if (query['watch'] === undefined) return json(response, 200, {});
        response.writeHead(200);
        response.flushHeaders();
      };
      const clock = new FakeClock();
      const credentials = new Credentials(configFor(secure.url, userWith('one'), trust), clock);
      const { transport } = bench(secure.url, { clock, transport: { credentials } });
      await transport.request({ method: 'GET', path: '/x' });
      const watch = await transport.stream({ method: 'GET', path: '/x', query: { watch: '1' }, totalTimeoutMs: 0, bodyIdleTimeoutMs: 0 });
      const next = errorOf(watch.body[Symbol.asyncIterator]().next());

      credentials.swap(configFor(secure.url, userWith('two'), trust));
      await transport.request({ method: 'GET', path: '/x' });

      expect(await next).to.include({ code: 'TRANSPORT', phase: 'body' });
      await until('only the new connection is open', () => secure.open.size === 1);
      transport.close();
    });

    it('leaves watches alone when only the token changes', async () => {
      let push: (() => void) | undefined;
      secure.answer = ({ query }, response) => {
        if (query['watch'] === undefined) return json(response, 200, {});
        response.writeHead(200);
        response.flushHeaders();
        push = () => response.write('still here');
      };
      const clock = new FakeClock();
      const credentials = new Credentials(configFor(secure.url, { token: 'one' }, trust), clock);
      const { transport } = bench(secure.url, { clock, transport: { credentials } });
      const watch = await transport.stream({ method: 'GET', path: '/x', query: { watch: '1' }, totalTimeoutMs: 0, bodyIdleTimeoutMs: 0 });

      credentials.swap(configFor(secure.url, { token: 'two' }, trust));
      await transport.request({ method: 'GET', path: '/x' });
      push?.();

      const { value } = await watch.body[Symbol.asyncIterator]().next();
      expect(Buffer.from(value!).toString()).to.equal('still here');
      expect(secure.received.at(-1)?.headers.authorization).to.equal('Bearer two');
      watch.close();
      transport.close();
    });

    it('goes through an HTTP proxy by CONNECT, so that the proxy never sees the token', async () => {
      const seen: string[] = [];
      const proxy = createServer().on('connect', ({ url = '', headers }, socket) => {
        seen.push(`${url} ${JSON.stringify(headers)}`);
        const [host, port] = url.split(':');
        const upstream = connect(Number(port), host, () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          upstream.pipe(socket).pipe(upstream);
        });
        upstream.on('error', () => socket.destroy());
        socket.on('error', () => upstream.destroy());
      });
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
      const proxyUrl = `http://user:pass@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      const { transport } = bench(secure.url, { config: configFor(secure.url, { token: 'through-proxy' }, { ...trust, proxyUrl }) });

      for (let call = 0; call < 3; call++) await transport.request({ method: 'GET', path: '/x' });
      transport.close();
      await new Promise<void>((resolve) => proxy.close(() => resolve()));

      expect(seen).to.have.length(1);
      expect(seen[0]).to.include(`127.0.0.1:${secure.port}`).and.include(base64('user:pass')).and.not.include('through-proxy');
      expect(secure.received).to.have.length(3);
    });
  });
});
