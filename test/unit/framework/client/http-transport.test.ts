import { createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { RequestSample } from '../../../../src/framework/client';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { type Bench, bench, configFor } from './fixtures';
import { errorOf, failure, json, TestServer, until } from './test-server';

describe('HTTP transport', () => {
  let server: TestServer;
  let open: Bench[] = [];
  const start = (options?: Parameters<typeof bench>[1]): Bench => {
    const made = bench(server.url, options);
    open.push(made);
    return made;
  };

  beforeEach(async () => {
    server = await TestServer.start();
  });

  afterEach(async () => {
    for (const { transport, clock } of open) {
      transport.close();
      await clock.advance(0);
      await until('every timer is cancelled', () => clock.pendingTimers === 0);
    }
    open = [];
    await server.stop();
  });

  describe('requests and answers', () => {
    it('sends method, path, query, body, token and user agent', async () => {
      const { transport } = start();

      await transport.request({
        method: 'POST',
        path: '/api/v1/namespaces/ns/configmaps',
        query: { fieldManager: 'virt-steward', dryRun: undefined },
        body: { data: { a: 'ü' } },
      });

      const [request] = server.received;
      expect(request?.method).to.equal('POST');
      expect(request?.url).to.equal('/api/v1/namespaces/ns/configmaps?fieldManager=virt-steward');
      expect(request?.body).to.deep.equal({ data: { a: 'ü' } });
      expect(request?.headers.authorization).to.equal('Bearer secret-token-1');
      expect(request?.headers['user-agent']).to.equal('virt-steward/0.0.0 (test)');
      expect(request?.headers['content-type']).to.equal('application/json');
      expect(request?.headers['accept-encoding']).to.equal(undefined);
    });

    it('keeps the base path of the server', async () => {
      const { transport } = start({ config: configFor(`${server.url}/k8s/clusters/c-1`) });

      await transport.request({ method: 'GET', path: '/version' });

      expect(server.received[0]?.path).to.equal('/k8s/clusters/c-1/version');
    });

    it('does not parse an empty 202 without content type', async () => {
      server.answer = (_request, response) => response.writeHead(202).end();
      const { transport } = start();

      expect(await transport.request({ method: 'PUT', path: '/start', body: {} })).to.include({ status: 202, body: undefined });
    });

    it('does not parse an empty body that claims to be JSON', async () => {
      server.answer = (_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end();
      const { transport } = start();

      expect((await transport.request({ method: 'GET', path: '/x' })).body).to.equal(undefined);
    });

    it('hands on a text body as text', async () => {
      server.answer = (_request, response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('ok');
      const { transport } = start();

      expect((await transport.request({ method: 'GET', path: '/readyz' })).body).to.equal('ok');
    });

    it('reads a gzip answer when compression is on', async () => {
      server.answer = (_request, response) =>
        response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(gzipSync('{"a":1}'));
      const { transport } = start({ transport: { compress: true } });

      const answer = await transport.request({ method: 'GET', path: '/x' });

      expect(answer.body).to.deep.equal({ a: 1 });
      expect(server.received[0]?.headers['accept-encoding']).to.equal('gzip');
    });

    it('reports broken JSON of a success as an unknown outcome', async () => {
      server.answer = (_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":');
      const { transport } = start();

      const error = await errorOf(transport.request({ method: 'GET', path: '/x' }));

      expect(error).to.include({ code: 'TRANSPORT', phase: 'body', outcome: 'unknown' });
    });

    it('turns a redirect into an error instead of following it', async () => {
      server.answer = (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end();
      const { transport } = start();

      expect((await errorOf(transport.request({ method: 'GET', path: '/x' })))['status']).to.equal(302);
      expect(server.received).to.have.length(1);
    });
  });

  describe('errors', () => {
    const cases = [
      [401, 'Unauthorized', 'UNAUTHORIZED'],
      [403, 'Forbidden', 'FORBIDDEN'],
      [404, 'NotFound', 'NOT_FOUND'],
      [409, 'Conflict', 'CONFLICT'],
      [409, 'AlreadyExists', 'ALREADY_EXISTS'],
      [410, 'Expired', 'GONE'],
      [422, 'Invalid', 'INVALID'],
      [429, 'TooManyRequests', 'TOO_MANY_REQUESTS'],
      [500, 'InternalError', 'API'],
      [503, 'ServiceUnavailable', 'UNAVAILABLE'],
    ] as const;
    for (const [status, reason, code] of cases) {
      it(`maps ${status} ${reason} to ${code}`, async () => {
        server.answer = (_request, response) => failure(response, status, reason, 'because', { headers: { 'audit-id': 'audit-7' } });
        const { transport } = start();

        const error = await errorOf(transport.request({ method: 'GET', path: '/apis/example.org/v1/namespaces/ns/widgets/w' }));

        expect(error).to.include({ code, status, statusReason: reason, requestId: 'audit-7' });
        expect(error).to.include({ verb: 'get', kind: 'widgets.example.org', key: 'ns/w' });
        expect(error.message).to.equal(`GET /apis/example.org/v1/namespaces/ns/widgets/w: ${status} ${reason}: because`);
      });
    }

    it('uses the status text where an error has no body', async () => {
      server.answer = (_request, response) => response.writeHead(503).end();
      const { transport } = start();

      expect((await errorOf(transport.request({ method: 'GET', path: '/x' }))).message).to.equal('GET /x: 503: Service Unavailable');
    });

    it('puts an HTML error page on one line and cuts it', async () => {
      server.answer = (_request, response) =>
        response.writeHead(502, { 'content-type': 'text/html' }).end(`<h1>bad\ngateway</h1>${'x'.repeat(9_000)}`);
      const { transport } = start();

      const { message } = await errorOf(transport.request({ method: 'GET', path: '/x' }));

      expect(message).not.to.include('\n');
      expect(message.length).to.be.lessThan(1_200);
    });

    it('keeps field conflicts of a refused apply', async () => {
      const causes = [{ reason: 'FieldManagerConflict', message: 'conflict with "kubectl" using apps/v1', field: '.spec.replicas' }];
      server.answer = (_request, response) => failure(response, 409, 'Conflict', 'Apply failed', { details: { causes } });
      const { transport } = start();

      const error = await errorOf(transport.request({ method: 'PATCH', path: '/x', body: {} }));

      expect(error).to.include({ code: 'APPLY_CONFLICT' });
      expect(error['conflicts']).to.deep.equal([{ manager: 'kubectl', field: '.spec.replicas' }]);
    });

    it('never quotes what was sent for a Secret', async () => {
      server.answer = (_request, response) =>
        failure(response, 422, 'Invalid', 'Secret "s" is invalid: data[x]: Invalid value: "hunter2"', { details: { value: 'hunter2' } });
      const { transport } = start();

      const error = await errorOf(transport.request({ method: 'POST', path: '/api/v1/namespaces/ns/secrets', body: {} }));

      expect(JSON.stringify({ ...error, message: error.message })).not.to.include('hunter2');
    });

    it('masks a token that a server echoes', async () => {
      server.answer = (_request, response) => failure(response, 400, 'BadRequest', 'bad header Authorization: Bearer secret-token-1');
      const { transport } = start();

      expect((await errorOf(transport.request({ method: 'GET', path: '/x' }))).message).not.to.include('secret-token-1');
    });

    it('says that nothing was sent when nobody listens', async () => {
      const { transport } = start();
      await server.stop();

      const error = await errorOf(transport.request({ method: 'POST', path: '/x', body: {} }));

      expect(error).to.include({ code: 'TRANSPORT', phase: 'connect', outcome: 'not-sent' });
      expect(error.message).to.match(/POST \/x at 127\.0\.0\.1:\d+: connect ECONNREFUSED/);
      server = await TestServer.start();
    });

    it('says that the outcome is unknown when the connection breaks before an answer', async () => {
      server.answer = (_request, _response, raw) => void raw.socket.destroy();
      const { transport } = start();

      expect(await errorOf(transport.request({ method: 'POST', path: '/x', body: {} }))).to.include({
        phase: 'headers',
        outcome: 'unknown',
      });
    });

    it('does not take a cut body for a whole one', async () => {
      server.answer = (_request, response, raw) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
        response.write('{"a":1}', () => raw.socket.destroy());
      };
      const { transport } = start();

      expect(await errorOf(transport.request({ method: 'GET', path: '/x' }))).to.include({ phase: 'body', outcome: 'unknown' });
    });
  });

  describe('time limits', () => {
    const stalled = async (timeMs: number, answer: TestServer['answer'], ready: () => boolean): Promise<Error> => {
      server.answer = answer;
      const { transport, clock } = start();
      const call = errorOf(transport.request({ method: 'GET', path: '/x' }));
      let settled = false;
      void call.then(() => (settled = true));
      await until('the request is under way', ready);
      await clock.advance(timeMs - 1);
      expect(settled).to.equal(false);
      await clock.advance(1);
      return call;
    };

    it('gives up after 30 s without headers', async () => {
      const error = await stalled(
        30_000,
        () => undefined,
        () => server.received.length === 1,
      );

      expect(error).to.include({ phase: 'headers', outcome: 'unknown' });
      expect(error.message).to.include('no answer within 30000 ms');
    });

    it('gives up after 30 s of silence within the body', async () => {
      const clock = new FakeClock();
      server.answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{');
      };
      const { transport } = start({ clock });
      const stream = await transport.stream({ method: 'GET', path: '/x' });
      const chunks = stream.body[Symbol.asyncIterator]();
      expect(Buffer.from((await chunks.next()).value!).toString()).to.equal('{');
      const call = errorOf(chunks.next());

      await clock.advance(30_000);

      expect(await call).to.include({ phase: 'body', outcome: 'unknown' });
      await until('the connection is closed', () => server.open.size === 0);
    });

    it('gives up a call of 60 s although bytes keep trickling in', async () => {
      let trickle: (() => void) | undefined;
      server.answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        trickle = () => response.write(' ');
        trickle();
      };
      const { transport, clock } = start();
      const call = errorOf(transport.request({ method: 'GET', path: '/x' }));
      let error: Error | undefined;
      void call.then((found) => (error = found));
      await until('the answer has begun', () => trickle !== undefined);
      for (let second = 0; second < 60 && error === undefined; second++) {
        await clock.advance(1_000);
        trickle?.();
        await new Promise((resolve) => setTimeout(resolve, 2));
      }

      expect(await call).to.include({ code: 'TRANSPORT', outcome: 'unknown' });
      expect(error?.message).to.include('60000 ms');
      expect(clock.monotonicMs()).to.equal(60_000);
    });

    it('gives up after 10 s without a connection', async () => {
      // A TLS client against a server that never speaks: the handshake hangs.
      const silent = createServer((socket) => void socket.resume().on('error', () => undefined));
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
      const { port } = silent.address() as { port: number };
      let sockets = 0;
      silent.on('connection', () => sockets++);
      const { transport, clock } = start({ config: configFor(`https://127.0.0.1:${port}`) });
      const call = errorOf(transport.request({ method: 'POST', path: '/x', body: {} }));
      await until('the connection is open', () => sockets === 1);

      await clock.advance(10_000);

      expect(await call).to.include({ phase: 'connect', outcome: 'not-sent' });
      await new Promise<void>((resolve) => silent.close(() => resolve()));
    });

    it('never times out a watch by its length or silence', async () => {
      let push: ((text: string) => void) | undefined;
      server.answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.flushHeaders();
        push = (text) => response.write(text);
      };
      const { transport, clock } = start();
      const stream = await transport.stream({
        method: 'GET',
        path: '/x',
        query: { watch: '1' },
        bodyIdleTimeoutMs: 0,
        totalTimeoutMs: 0,
      });
      const first = stream.body[Symbol.asyncIterator]().next();

      await clock.advance(3_600_000);
      push?.('{}\n');

      expect(Buffer.from((await first).value!).toString()).to.equal('{}\n');
      stream.close();
    });
  });

  describe('abort', () => {
    it('rejects with the reason of the signal and closes the connection', async () => {
      server.answer = () => undefined;
      const { transport } = start();
      const controller = new AbortController();
      const call = errorOf(transport.request({ method: 'GET', path: '/x', signal: controller.signal }));
      await until('the request has arrived', () => server.received.length === 1);

      const reason = new Error('enough');
      controller.abort(reason);

      expect(await call).to.equal(reason);
      await until('the connection is closed', () => server.open.size === 0);
    });

    it('sends nothing when the signal has aborted before', async () => {
      const { transport } = start();
      const reason = new Error('enough');

      expect(await errorOf(transport.request({ method: 'GET', path: '/x', signal: AbortSignal.abort(reason) }))).to.equal(reason);
      expect(server.connections).to.equal(0);
    });

    it('ends a stream with the reason of the signal', async () => {
      server.answer = (_request, response) => {
        response.writeHead(200);
        response.flushHeaders();
      };
      const { transport } = start();
      const controller = new AbortController();
      const stream = await transport.stream({ method: 'GET', path: '/x', signal: controller.signal });
      const next = errorOf(stream.body[Symbol.asyncIterator]().next());

      controller.abort(new Error('enough'));

      expect((await next).message).to.equal('enough');
    });

    it('aborts every call and closes every connection when it is closed', async () => {
      server.answer = () => undefined;
      const { transport } = start();
      const calls = [1, 2, 3].map(() => errorOf(transport.request({ method: 'GET', path: '/x' })));
      await until('the requests have arrived', () => server.received.length === 3);

      transport.close();

      for (const error of await Promise.all(calls)) expect(error).to.include({ code: 'TRANSPORT' });
      await until('no connection is open', () => server.open.size === 0);
      expect(await errorOf(transport.request({ method: 'GET', path: '/x' }))).to.include({ outcome: 'not-sent' });
    });
  });

  describe('streams', () => {
    it('ends without error at a clean end', async () => {
      server.answer = (_request, response) => response.writeHead(200).end('abc');
      const { transport } = start();

      const stream = await transport.stream({ method: 'GET', path: '/x' });
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream.body) chunks.push(chunk);

      expect(Buffer.concat(chunks).toString()).to.equal('abc');
    });

    it('throws when the connection breaks in the middle', async () => {
      server.answer = (_request, response, raw) => {
        response.writeHead(200);
        response.write('abc', () => setImmediate(() => raw.socket.resetAndDestroy()));
      };
      const { transport } = start();
      const stream = await transport.stream({ method: 'GET', path: '/x' });

      const error = await errorOf(
        (async () => {
          for await (const _ of stream.body);
        })(),
      );

      expect(error).to.include({ code: 'TRANSPORT', phase: 'body' });
    });

    it('does not end the process when a stream nobody reads breaks', async () => {
      let cut: (() => void) | undefined;
      server.answer = (_request, response, raw) => {
        response.writeHead(200);
        response.write('abc');
        cut = () => raw.socket.resetAndDestroy();
      };
      const { transport } = start();
      const stream = await transport.stream({ method: 'GET', path: '/x' });

      cut?.();
      await until('the connection is gone', () => server.open.size === 0);

      stream.close();
    });

    it('turns an error answer into an ApiError', async () => {
      server.answer = (_request, response) => failure(response, 410, 'Expired', 'too old');
      const { transport } = start();

      expect(await errorOf(transport.stream({ method: 'GET', path: '/x' }))).to.include({ code: 'GONE' });
    });

    it('ends the iteration silently when the reader closes it, at any time and twice', async () => {
      server.answer = (_request, response) => {
        response.writeHead(200);
        response.flushHeaders();
      };
      const { transport } = start();
      const stream = await transport.stream({ method: 'GET', path: '/x' });
      const next = stream.body[Symbol.asyncIterator]().next();

      stream.close();
      stream.close();

      expect((await next).done).to.equal(true);
      await until('the connection is closed', () => server.open.size === 0);
    });
  });

  describe('connections', () => {
    it('uses one connection for calls one after the other', async () => {
      const { transport } = start();

      for (let call = 0; call < 100; call++) await transport.request({ method: 'GET', path: '/x' });

      expect(server.connections).to.equal(1);
    });

    it('uses at most 32 connections for 100 calls at once', async () => {
      server.answer = (_request, response) => void setTimeout(() => json(response, 200, {}), 5);
      const { transport } = start();

      await Promise.all(Array.from({ length: 100 }, () => transport.request({ method: 'GET', path: '/x' })));

      expect(server.received).to.have.length(100);
      expect(server.connections).to.be.at.most(32);
    });

    it('reuses the connection after an error answer', async () => {
      server.answer = (_request, response) => failure(response, 404, 'NotFound', 'no');
      const { transport } = start();

      await errorOf(transport.request({ method: 'GET', path: '/x' }));
      await errorOf(transport.request({ method: 'GET', path: '/x' }));

      expect(server.connections).to.equal(1);
    });

    it('closes a connection that was idle for 60 s', async () => {
      const { transport, clock } = start();
      await transport.request({ method: 'GET', path: '/x' });
      await until('the connection is idle', () => clock.pendingTimers === 1);

      await clock.advance(59_999);
      expect(server.open.size).to.equal(1);
      await clock.advance(1);

      await until('the connection is closed', () => server.open.size === 0);
    });

    it('does not let watches take the place of calls', async () => {
      server.answer = (request, response) => {
        if (request.query['watch'] === undefined) return json(response, 200, {});
        response.writeHead(200);
        response.flushHeaders();
      };
      const { transport } = start();
      const watch = { method: 'GET', path: '/x', query: { watch: '1' }, totalTimeoutMs: 0, bodyIdleTimeoutMs: 0 } as const;
      const streams = await Promise.all(Array.from({ length: 40 }, () => transport.stream(watch)));

      await transport.request({ method: 'GET', path: '/x' });

      for (const stream of streams) stream.close();
    });

    it('keeps the connection of a stream that was read to its end', async () => {
      const { transport } = start();
      for (let page = 0; page < 3; page++) {
        const stream = await transport.stream({ method: 'GET', path: '/x' });
        for await (const _ of stream.body);
        stream.close();
      }

      expect(server.connections).to.equal(1);
    });
  });

  describe('calls in flight', () => {
    it('lets 32 through and the others wait in order', async () => {
      const release: (() => void)[] = [];
      server.answer = (_request, response) => void release.push(() => json(response, 200, {}));
      const waiting: number[] = [];
      const { transport } = start({ transport: { metrics: { waiting: (_cluster, calls) => waiting.push(calls) } } });
      const calls = Array.from({ length: 35 }, (_, index) => transport.request({ method: 'GET', path: `/${index}` }));
      await until('32 have arrived', () => server.received.length === 32);
      expect(waiting).to.deep.equal([1, 2, 3]);

      for (let next = 32; next < 35; next++) {
        release.shift()?.();
        await until('the next one has arrived', () => server.received.length === next + 1);
        expect(server.received[next]?.path).to.equal(`/${next}`);
      }
      for (const end of release) end();

      await Promise.all(calls);
      expect(waiting.at(-1)).to.equal(0);
    });

    it('forgets a waiting call that is aborted', async () => {
      const release: (() => void)[] = [];
      server.answer = (_request, response) => void release.push(() => json(response, 200, {}));
      const { transport } = start({ transport: { maxInFlight: 1 } });
      const first = transport.request({ method: 'GET', path: '/first' });
      const controller = new AbortController();
      const second = errorOf(transport.request({ method: 'GET', path: '/second', signal: controller.signal }));
      const third = transport.request({ method: 'GET', path: '/third' });
      await until('the first has arrived', () => release.length === 1);

      controller.abort(new Error('enough'));
      expect((await second).message).to.equal('enough');
      release.shift()?.();
      await first;
      await until('the third has arrived', () => release.length === 1);
      release.shift()?.();
      await third;

      expect(server.received.map(({ path }) => path)).to.deep.equal(['/first', '/third']);
    });

    it('pauses every other call for the time a 429 asks for, at most 10 s', async () => {
      server.answer = (request, response) =>
        request.path === '/busy'
          ? failure(response, 429, 'TooManyRequests', 'slow', { headers: { 'retry-after': '30' } })
          : json(response, 200, {});
      const { transport, clock } = start();
      const error = await errorOf(transport.request({ method: 'GET', path: '/busy' }));
      expect(error['retryAfterMs']).to.equal(30_000);

      const call = transport.request({ method: 'GET', path: '/other' });
      await clock.advance(9_999);
      expect(server.count('GET', '/other')).to.equal(0);
      await clock.advance(1);

      await call;
      expect(server.count('GET', '/other')).to.equal(1);
    });

    it('keeps to a rate when one is set', async () => {
      const { transport, clock } = start({ transport: { qps: 2, burst: 1 } });
      const calls = [1, 2, 3].map(() => transport.request({ method: 'GET', path: '/x' }));
      await until('the first has arrived', () => server.received.length === 1);

      await clock.advance(499);
      expect(server.received).to.have.length(1);
      await clock.advance(1);
      await until('the second has arrived', () => server.received.length === 2);
      await clock.advance(500);

      await Promise.all(calls);
    });
  });

  it('asks the guard when the connection stands, and sends nothing when it refuses', async () => {
    const { transport } = start();
    const refusal = new Error('not now');

    const error = await errorOf(
      transport.request({
        method: 'POST',
        path: '/x',
        body: {},
        beforeSend: () => {
          expect(server.connections).to.equal(1);
          throw refusal;
        },
      }),
    );

    expect(error).to.equal(refusal);
    expect(server.received).to.have.length(0);
  });

  it('reports every call to metrics and journal', async () => {
    const samples: RequestSample[] = [];
    const journal: string[] = [];
    server.answer = (_request, response) => failure(response, 404, 'NotFound', 'no');
    const { transport } = start({
      transport: {
        metrics: { request: (sample) => samples.push(sample) },
        journal: ({ verb, group, resource, subresource, namespace }) =>
          journal.push([verb, group, resource, subresource, namespace].join(' ')),
      },
    });

    await errorOf(transport.request({ method: 'PATCH', path: '/apis/example.org/v1/namespaces/ns/widgets/w/status', body: {} }));

    expect(samples).to.deep.equal([{ cluster: 'local', method: 'PATCH', verb: 'patch', code: '404', durationSeconds: 0 }]);
    expect(journal).to.deep.equal(['patch example.org widgets status ns']);
  });
});
