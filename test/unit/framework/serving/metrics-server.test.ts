import { X509Certificate } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, type SecureVersion } from 'node:tls';
import { expect } from 'chai';
import { Counter, Registry } from 'prom-client';
import { CertificateAuthority } from '../../../../hack/control-plane';
import type { Access } from '../../../../src/framework/serving/access/access-cache';
import { AccessUnknownError } from '../../../../src/framework/serving/access/token-access';
import { MetricsServer } from '../../../../src/framework/serving/metrics-server';
import type { PemPair } from '../../../../src/framework/serving/tls/certificate-source';

const authority = CertificateAuthority.create('metrics server test');
const aPair = (commonName: string): PemPair => authority.issue({ commonName, dnsNames: ['localhost'], usage: 'server' });

/** What an old client offers; the security level lets ours do it as well. */
const TLS_1_1 = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;

interface Answer {
  status: number;
  text: string;
  headers: Record<string, unknown>;
}

interface Ask {
  method?: string;
  path?: string;
  authorization?: string | undefined;
  secure?: boolean;
}

function ask(port: number, { method = 'GET', path = '/metrics', authorization, secure = true }: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = authorization === undefined ? {} : { authorization };
    const options = { host: '127.0.0.1', port, method, path, headers, agent: false };
    const call = secure ? httpsRequest({ ...options, ca: authority.keyPair.certificate, servername: 'localhost' }) : httpRequest(options);
    call.on('error', reject).on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }));
    });
    call.end();
  });
}

function handshake(
  port: number,
  versions: { minVersion?: SecureVersion; maxVersion?: SecureVersion; ALPNProtocols?: string[]; ciphers?: string },
) {
  return new Promise<{ protocol: string | null; alpn: unknown; peer: string }>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: authority.keyPair.certificate, ...versions }, () => {
      const peer = new X509Certificate(socket.getPeerCertificate().raw).subject;
      resolve({ protocol: socket.getProtocol(), alpn: socket.alpnProtocol, peer });
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

describe('metrics server', () => {
  const servers: MetricsServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  const aRegistry = (): Registry => {
    const registry = new Registry();
    new Counter({ name: 'things_total', help: 'Things.', registers: [registry] }).inc(3);
    return registry;
  };

  async function aSecureServer(
    check: (token: string) => Promise<Access> = async () => 'allowed',
    first: PemPair | 'none' = aPair('first'),
  ) {
    const certificate = {
      current: first === 'none' ? undefined : first,
      listeners: [] as ((pair: PemPair) => void)[],
      onChange: (listener: (pair: PemPair) => void) => void certificate.listeners.push(listener),
    };
    const server = new MetricsServer(aRegistry(), { certificate, access: { check } });
    servers.push(server);
    const port = await server.listen({ host: '127.0.0.1', port: 0 });
    const change = (pair: PemPair): void => certificate.listeners.forEach((listener) => void listener(pair));
    return { port, change };
  }

  it('answers everybody over plain HTTP when access is not checked', async () => {
    const server = new MetricsServer(aRegistry());
    servers.push(server);
    const port = await server.listen({ host: '127.0.0.1', port: 0 });

    const { status, text, headers } = await ask(port, { secure: false });
    expect(status).to.equal(200);
    expect(text).to.contain('things_total 3');
    expect(headers['content-type']).to.match(/^text\/plain; version=0\.0\.4/);
  });

  it('shows metrics to the bearer of an allowed token', async () => {
    const tokens: string[] = [];
    const { port } = await aSecureServer(async (token) => {
      tokens.push(token);
      return 'allowed';
    });

    const { status, text } = await ask(port, { authorization: 'Bearer abc.def-ghi' });
    expect([status, tokens]).to.deep.equal([200, ['abc.def-ghi']]);
    expect(text).to.contain('things_total 3');
  });

  for (const authorization of [undefined, '', 'Bearer', 'Bearer ', 'Basic abc', 'abc', 'Bearer a b']) {
    it(`answers 401 without asking anybody for the authorization ${JSON.stringify(authorization)}`, async () => {
      let asked = 0;
      const { port } = await aSecureServer(async () => {
        asked++;
        return 'allowed';
      });

      const { status, text, headers } = await ask(port, { authorization });
      expect([status, asked]).to.deep.equal([401, 0]);
      expect(headers['www-authenticate']).to.equal('Bearer');
      expect(text).not.to.contain('things_total');
    });
  }

  for (const [what, check, expected] of [
    ['401 for a token of nobody', async () => 'unauthenticated', 401],
    ['403 for somebody who may not', async () => 'forbidden', 403],
    ['503 when the caller cannot be checked', async () => Promise.reject(new AccessUnknownError('down')), 503],
    ['503 when the check breaks', async () => Promise.reject(new TypeError('bug')), 503],
  ] as const) {
    it(`answers ${what} and shows no metric`, async () => {
      const { port } = await aSecureServer(check as () => Promise<Access>);
      const { status, text } = await ask(port, { authorization: 'Bearer t' });
      expect(status).to.equal(expected);
      expect(text).not.to.contain('things_total');
    });
  }

  it('answers HEAD without a body, and nothing but GET and HEAD', async () => {
    const { port } = await aSecureServer();
    const authorization = 'Bearer t';
    expect(await ask(port, { method: 'HEAD', authorization })).to.include({ status: 200, text: '' });
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const { status, headers } = await ask(port, { method, authorization });
      expect([method, status, headers['allow']]).to.deep.equal([method, 405, 'GET, HEAD']);
    }
    expect(await ask(port, { path: '/', authorization })).to.include({ status: 404 });
    expect(await ask(port, { path: '/metrics/x', authorization })).to.include({ status: 404 });
    expect(await ask(port, { path: '/metrics?name=x', authorization })).to.include({ status: 200 });
  });

  it('speaks TLS 1.2 and 1.3 and nothing older, and HTTP/1.1 only', async () => {
    const { port } = await aSecureServer();
    expect((await handshake(port, { maxVersion: 'TLSv1.2' })).protocol).to.equal('TLSv1.2');
    expect((await handshake(port, {})).protocol).to.equal('TLSv1.3');
    expect((await handshake(port, { ALPNProtocols: ['h2', 'http/1.1'] })).alpn).to.equal('http/1.1');

    const old = await handshake(port, TLS_1_1).catch((error: Error) => error);
    expect(old).to.include({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
  });

  it('does not answer plain HTTP on the secure port', async () => {
    const { port } = await aSecureServer();
    const answer = await ask(port, { secure: false, authorization: 'Bearer t' }).catch((error: Error) => error);
    expect(answer).to.be.instanceOf(Error);
  });

  it('shows a new certificate to new connections, still from TLS 1.2 on', async () => {
    const { port, change } = await aSecureServer();
    expect((await handshake(port, {})).peer).to.equal('CN=first');

    change(aPair('second'));
    expect((await handshake(port, {})).peer).to.equal('CN=second');
    const old = await handshake(port, TLS_1_1).catch((error: Error) => error);
    expect(old).to.include({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
  });

  it('listens without a certificate, refuses handshakes, and serves once there is one', async () => {
    const { port, change } = await aSecureServer(async () => 'allowed', 'none');
    expect(await handshake(port, {}).catch((error: Error) => error)).to.be.instanceOf(Error);

    change(aPair('late'));
    expect(await ask(port, { authorization: 'Bearer t' })).to.include({ status: 200 });
  });
});
