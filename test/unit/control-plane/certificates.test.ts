import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { CertificateAuthority, type KeyPair } from '../../../hack/control-plane/certificates';

const HOUR_MS = 60 * 60 * 1_000;

describe('certificates made at run time', () => {
  const authority = CertificateAuthority.create('test authority');
  const parsed = ({ certificate }: KeyPair): X509Certificate => new X509Certificate(certificate);

  it('of an authority say that it may sign, and are signed by itself', () => {
    const certificate = parsed(authority.keyPair);

    expect(certificate.ca).to.equal(true);
    expect(certificate.subject).to.equal('CN=test authority');
    expect(certificate.verify(certificate.publicKey)).to.equal(true);
  });

  it('are signed by their authority and by no other', () => {
    const issued = parsed(authority.issue({ commonName: 'server', usage: 'server' }));
    const stranger = CertificateAuthority.create('test authority');

    expect(issued.checkIssued(parsed(authority.keyPair))).to.equal(true);
    expect(issued.verify(parsed(authority.keyPair).publicKey)).to.equal(true);
    expect(issued.verify(parsed(stranger.keyPair).publicKey)).to.equal(false);
    expect(issued.ca).to.equal(false);
  });

  it('carry their names, addresses and groups', () => {
    const issued = parsed(
      authority.issue({
        commonName: 'näme',
        organizations: ['system:masters', 'others'],
        dnsNames: ['localhost', 'virt-api.kubevirt.svc'],
        ipAddresses: ['127.0.0.1', '10.96.0.255'],
        usage: 'client',
      }),
    );

    expect(issued.subject.split('\n')).to.deep.equal(['O=system:masters', 'O=others', 'CN=näme']);
    expect(issued.subjectAltName).to.equal('DNS:localhost, DNS:virt-api.kubevirt.svc, IP Address:127.0.0.1, IP Address:10.96.0.255');
    expect(issued.checkIP('10.96.0.255')).to.equal('10.96.0.255');
    expect(issued.checkHost('elsewhere')).to.equal(undefined);
  });

  it('are for the one use they were made for', () => {
    const usage = (of: 'server' | 'client') => parsed(authority.issue({ commonName: 'x', usage: of })).keyUsage;

    expect(usage('server')).to.deep.equal(['1.3.6.1.5.5.7.3.1']);
    expect(usage('client')).to.deep.equal(['1.3.6.1.5.5.7.3.2']);
  });

  it('hold the public half of their key', () => {
    const issued = authority.issue({ commonName: 'x', usage: 'server' });

    expect(parsed(issued).checkPrivateKey(createPrivateKey(issued.privateKey))).to.equal(true);
  });

  it('are valid from an hour ago for a year', () => {
    const { validFromDate, validToDate } = parsed(authority.issue({ commonName: 'x', usage: 'server' }));

    expect(Date.now() - validFromDate.getTime()).to.be.within(HOUR_MS, HOUR_MS + 60_000);
    expect(validToDate.getTime() - validFromDate.getTime()).to.equal(365 * 24 * HOUR_MS + HOUR_MS);
  });

  it('have serial numbers of their own, which are positive and of at most 20 bytes', () => {
    const serials = Array.from({ length: 50 }, () => parsed(authority.issue({ commonName: 'x', usage: 'server' })).serialNumber);

    expect(new Set(serials).size).to.equal(50);
    expect(serials.filter((serial) => !/^[0-9A-F]{1,40}$/.test(serial))).to.deep.equal([]);
  });

  it('refuse an address that is not IPv4', () => {
    expect(() => authority.issue({ commonName: 'x', ipAddresses: ['::1'], usage: 'server' })).to.throw('::1 is not an IPv4 address');
  });

  it('serve both ends of a mutually authenticated connection', async () => {
    const server = authority.issue({ commonName: 'server', dnsNames: ['virt-api.kubevirt.svc'], usage: 'server' });
    const client = authority.issue({ commonName: 'client', usage: 'client' });
    const ca = authority.keyPair.certificate;
    const listener = createServer({ cert: server.certificate, key: server.privateKey, ca, requestCert: true, rejectUnauthorized: true });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    try {
      const { port } = listener.address() as AddressInfo;
      const accepted = once(listener, 'secureConnection') as Promise<[TLSSocket]>;
      const socket = connect({
        host: '127.0.0.1',
        port,
        servername: 'virt-api.kubevirt.svc',
        ca,
        cert: client.certificate,
        key: client.privateKey,
      });
      await once(socket, 'secureConnect');
      const [peer] = await accepted;

      expect(socket.authorized).to.equal(true);
      expect(peer.authorized).to.equal(true);
      expect(peer.getPeerCertificate().subject.CN).to.equal('client');
      socket.destroy();
    } finally {
      listener.close();
    }
  });
});
