import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { type AskOptions, askImageSize } from '../../../../src/machines/boot-images/ask-image-size';
import { ImageAddresses } from '../../../../src/machines/boot-images/image-address';

const LOCAL = new ImageAddresses(['127.0.0.0/8'], undefined);

describe('the question for the size of a boot image', () => {
  const servers: Server[] = [];
  const serve = async (answer: RequestListener): Promise<number> => {
    const server = createServer(answer);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  const ask = (url: string, options: Partial<AskOptions> = {}): Promise<number> =>
    askImageSize(url, { addresses: LOCAL, signal: new AbortController().signal, resolve: async () => ['127.0.0.1'], ...options });
  const refusal = async (asked: Promise<number>): Promise<string> =>
    asked.then(
      (size) => `it is ${size}`,
      (error: Error) => error.message,
    );

  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('is a HEAD without credentials, through redirects', async () => {
    const seen: string[] = [];
    const port = await serve((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? 'nobody'}`);
      if (request.url === '/old') response.writeHead(302, { location: '/new?a=b' }).end();
      else response.writeHead(200, { 'content-length': '5000000000' }).end();
    });
    expect(await ask(`http://user:secret@images.example:${port}/old`)).to.equal(5_000_000_000);
    expect(seen).to.deep.equal(['HEAD /old nobody', 'HEAD /new?a=b nobody']);
  });

  it('follows ten redirects and not one more', async () => {
    const port = await serve((request, response) => {
      const left = Number(/\d+/.exec(request.url ?? '')?.[0]);
      if (left > 0) response.writeHead(307, { location: `/${left - 1}` }).end();
      else response.writeHead(200, { 'content-length': '7' }).end();
    });
    expect(await ask(`http://images.example:${port}/10`)).to.equal(7);
    expect(await refusal(ask(`http://images.example:${port}/11`))).to.equal('images.example was reached after more than 10 redirects');
  });

  it('reaches no internal address, by number, by name, or by a redirect', async () => {
    let asked = 0;
    const port = await serve((_request, response) => {
      asked += 1;
      response.writeHead(302, { location: `http://169.254.169.254:${port}/latest` }).end();
    });
    const strict = { addresses: new ImageAddresses([], undefined) };
    for (const host of ['127.0.0.1', '[::1]', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', 'images.example']) {
      expect(await refusal(ask(`http://${host}:${port}/`, strict)), host).to.contain('has an internal address');
    }
    expect(asked).to.equal(0);
    expect(await refusal(ask(`http://images.example:${port}/`))).to.contain('169.254.169.254 has an internal address');
    expect(asked).to.equal(1);
  });

  it('reaches no name of which one address is internal, and connects to the address that was judged', async () => {
    const port = await serve((_request, response) => response.writeHead(200, { 'content-length': '7' }).end());
    const strict = { addresses: new ImageAddresses(['127.0.0.1/32'], undefined) };
    expect(await refusal(ask(`http://mixed.example:${port}/`, { ...strict, resolve: async () => ['127.0.0.1', '127.0.0.2'] }))).to.contain(
      'has an internal address',
    );
    let answers = 0;
    const rebinding = async (): Promise<string[]> => [answers++ === 0 ? '127.0.0.1' : '127.0.0.2'];
    expect(await ask(`http://rebinding.example:${port}/`, { ...strict, resolve: rebinding })).to.equal(7);
    expect(answers).to.equal(1);
  });

  it('is not put to Services of the cluster, nor to anything but http', async () => {
    expect(await refusal(ask('http://secrets.team-b.svc/x'))).to.equal('secrets.team-b.svc is the name of a Service');
    expect(await refusal(ask('http://secrets.team-b.svc.cluster.local/x'))).to.contain('is the name of a Service');
    expect(await refusal(ask('ftp://images.example/x'))).to.equal('ftp:// is no http address');
    const port = await serve((_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end());
    expect(await refusal(ask(`http://images.example:${port}/`))).to.equal('file:// is no http address');
  });

  it('has no answer in an error, in no length and in a length that is no number', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/404') response.writeHead(404, { 'content-length': '7' }).end();
      else if (request.url === '/chunked') response.writeHead(200, { 'transfer-encoding': 'chunked' }).end();
      else response.writeHead(200, { 'content-length': '0' }).end();
    });
    expect(await refusal(ask(`http://images.example:${port}/404`))).to.equal('images.example answered 404');
    expect(await refusal(ask(`http://images.example:${port}/chunked`))).to.equal('images.example tells no size');
    expect(await refusal(ask(`http://images.example:${port}/empty`))).to.equal('images.example tells no size');
  });

  it('ends when its time is over, while a name is resolved and while a server is silent', async () => {
    const limit = new AbortController();
    const resolving = refusal(ask('http://images.example/', { signal: limit.signal, resolve: () => new Promise(() => undefined) }));
    limit.abort();
    expect(await resolving).to.equal('images.example could not be resolved in time');

    const other = new AbortController();
    const port = await serve(() => other.abort());
    expect(await refusal(ask(`http://images.example:${port}/`, { signal: other.signal }))).to.equal(
      'images.example did not answer: ABORT_ERR',
    );
  });
});
