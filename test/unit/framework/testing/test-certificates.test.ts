import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { TestCertificateAuthority } from '../../../../src/framework/testing';
import { outcomeOf } from './fixtures';
import { call } from './http-client';

describe('test certificates', () => {
  it('are signed by their authority, for the hosts and times asked for', () => {
    const authority = new TestCertificateAuthority('my-ca');
    const hosts = ['virt-api.kubevirt.svc', '127.0.0.1', '::1', 'fd00::12'];
    const { cert } = authority.issue({ hosts, notBeforeMs: Date.UTC(2026, 0, 1), notAfterMs: Date.UTC(2027, 5, 7, 8, 9, 10) });
    const parsed = new X509Certificate(cert);
    const ca = new X509Certificate(authority.cert);
    expect([parsed.verify(ca.publicKey), parsed.checkIssued(ca), ca.ca, ca.verify(ca.publicKey)]).to.deep.equal([true, true, true, true]);
    expect(parsed.issuer).to.equal('CN=my-ca');
    expect(parsed.subjectAltName).to.equal(
      'DNS:virt-api.kubevirt.svc, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:FD00:0:0:0:0:0:0:12',
    );
    expect([new Date(parsed.validFrom).toISOString(), new Date(parsed.validTo).toISOString()]).to.deep.equal([
      '2026-01-01T00:00:00.000Z',
      '2027-06-07T08:09:10.000Z',
    ]);
  });

  it('are accepted by a TLS client that trusts the authority, and by no other', async () => {
    const authority = new TestCertificateAuthority();
    const server = createServer(authority.issue(), (_, response) => response.end('{}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const baseUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      expect((await call({ baseUrl, ca: authority.cert }, 'GET', '/')).status).to.equal(200);
      expect(await outcomeOf(call({ baseUrl, ca: new TestCertificateAuthority().cert }, 'GET', '/'))).to.not.equal('answered');
    } finally {
      server.close();
    }
  });

  it('can be expired', async () => {
    const authority = new TestCertificateAuthority();
    const hourAgo = Date.now() - 3_600_000;
    const server = createServer(authority.issue({ notBeforeMs: hourAgo - 1_000, notAfterMs: hourAgo }), (_, response) =>
      response.end('{}'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const baseUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      expect(await outcomeOf(call({ baseUrl, ca: authority.cert }, 'GET', '/'))).to.equal('CERT_HAS_EXPIRED');
    } finally {
      server.close();
    }
  });
});
