import { X509Certificate } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CertificateAuthority } from '../../../../hack/control-plane';
import { nullLogger } from '../../../../src/framework/logging/logger';
import { CertificateFiles } from '../../../../src/framework/serving/tls/certificate-files';
import type { CertificateSource, PemPair } from '../../../../src/framework/serving/tls/certificate-source';
import { SelfSigned } from '../../../../src/framework/serving/tls/self-signed';
import { ServingCertificate } from '../../../../src/framework/serving/tls/serving-certificate';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';

const authority = CertificateAuthority.create('serving certificate test');
const aPair = (commonName: string): PemPair => authority.issue({ commonName, dnsNames: ['localhost'], usage: 'server' });
const nameIn = (pair: PemPair | undefined): string | undefined => pair && new X509Certificate(pair.certificate).subject;

function aCertificate(source: CertificateSource) {
  const clock = new FakeClock();
  const events: string[] = [];
  const errors: unknown[] = [];
  const expiries: number[] = [];
  const certificate = new ServingCertificate({
    use: 'metrics',
    source,
    clock,
    log: { ...nullLogger, error: (_message, fields) => void errors.push(fields?.['problem']) },
    metrics: {
      loaded: (use, ms) => {
        events.push(`${use} loaded`);
        expiries.push(ms);
      },
      failed: (use) => void events.push(`${use} failed`),
    },
  });
  return { clock, certificate, events, errors, expiries };
}

/** A source that serves what the test puts into it. */
function aSource(first: PemPair | Error) {
  const source = { next: first, load: async () => (source.next instanceof Error ? Promise.reject(source.next) : source.next) };
  return source;
}

describe('serving certificate', () => {
  it('is there once it was started, and its expiry is told', async () => {
    const pair = aPair('first');
    const { certificate, expiries } = aCertificate(aSource(pair));
    await certificate.start();

    expect(certificate.current).to.deep.equal(pair);
    expect(expiries).to.deep.equal([new X509Certificate(pair.certificate).validToDate.getTime()]);
    expect(certificate.check().run()).to.deep.equal({ state: 'ok', detail: '' });
    certificate.stop();
  });

  it('takes a new pair into use and tells those who serve it', async () => {
    const source = aSource(aPair('first'));
    const { certificate, clock } = aCertificate(source);
    await certificate.start();
    const served: (string | undefined)[] = [];
    certificate.onChange((pair) => void served.push(nameIn(pair)));
    await clock.advance(30_000);
    source.next = aPair('second');
    await clock.advance(10_000);
    await clock.advance(30_000);

    expect(served).to.deep.equal(['CN=second']);
    expect(nameIn(certificate.current)).to.equal('CN=second');
    certificate.stop();
  });

  for (const [what, broken] of [
    ['is gone', new Error('ENOENT: no such file')],
    ['is no PEM', { certificate: 'nonsense', privateKey: 'nonsense' }],
    ['has a key of another certificate', { certificate: aPair('a').certificate, privateKey: aPair('b').privateKey }],
    ['is cut off', { ...aPair('c'), certificate: aPair('c').certificate.slice(0, 300) }],
  ] as const) {
    it(`keeps the one before when the new one ${what}, says so once, and takes the next good one`, async () => {
      const source = aSource(aPair('first'));
      const { certificate, clock, events, errors } = aCertificate(source);
      await certificate.start();
      source.next = broken;
      await clock.advance(60_000);
      expect(nameIn(certificate.current)).to.equal('CN=first');
      expect((await certificate.check().run()).state).to.equal('ok');
      expect(events).to.deep.equal(['metrics loaded', 'metrics failed']);
      expect(errors).to.have.length(1);

      source.next = aPair('third');
      await clock.advance(10_000);
      expect(nameIn(certificate.current)).to.equal('CN=third');
      certificate.stop();
    });
  }

  it('keeps readiness false while there is none, and never writes a key into the log', async () => {
    const source = aSource(new Error('ENOENT: no such file or directory, open tls.crt'));
    const { certificate, clock, errors } = aCertificate(source);
    await certificate.start();
    expect(await certificate.check().run()).to.deep.equal({ state: 'failed', detail: 'ENOENT: no such file or directory, open tls.crt' });

    const mixed = { certificate: aPair('a').certificate, privateKey: aPair('b').privateKey };
    source.next = mixed;
    await clock.advance(10_000);
    expect((await certificate.check().run()).state).to.equal('failed');
    expect(JSON.stringify(errors)).not.to.contain('PRIVATE KEY');

    source.next = aPair('late');
    await clock.advance(10_000);
    expect((await certificate.check().run()).state).to.equal('ok');
    certificate.stop();
  });

  it('leaves no timer behind', async () => {
    const { certificate, clock } = aCertificate(aSource(aPair('first')));
    await certificate.start();
    certificate.stop();
    await clock.advance(60_000);
    expect(clock.pendingTimers).to.equal(0);
  });
});

describe('certificate files', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'certificate-files-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('are read anew each time, also when they are swapped by renaming', async () => {
    const [certificateFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
    const source = new CertificateFiles(certificateFile, keyFile);
    const write = async ({ certificate, privateKey }: PemPair): Promise<void> => {
      await writeFile(join(folder, 'new.crt'), certificate);
      await writeFile(join(folder, 'new.key'), privateKey);
      await rename(join(folder, 'new.crt'), certificateFile);
      await rename(join(folder, 'new.key'), keyFile);
    };
    const [first, second] = [aPair('first'), aPair('second')];
    await write(first);
    expect(await source.load()).to.deep.equal({ certificate: first.certificate, privateKey: first.privateKey });

    await write(second);
    expect(await source.load()).to.deep.equal({ certificate: second.certificate, privateKey: second.privateKey });
  });

  it('name the file that is missing', async () => {
    const error = await new CertificateFiles(join(folder, 'tls.crt'), join(folder, 'tls.key')).load().catch((e: Error) => e);
    expect((error as Error).message).to.match(/ENOENT.*tls\.(crt|key)/);
  });
});

describe('self-signed certificate', () => {
  const make = (clock: FakeClock): SelfSigned => new SelfSigned({ clock, commonName: 'steward-0', dnsNames: ['steward-0', 'localhost'] });

  it('is for servers, for the names given, signed by its own key, and valid for a year', async () => {
    const clock = new FakeClock();
    const pair = await make(clock).load();
    const certificate = new X509Certificate(pair.certificate);

    expect(certificate.subject).to.equal('CN=steward-0');
    expect(certificate.subjectAltName).to.equal('DNS:steward-0, DNS:localhost');
    expect(certificate.checkHost('localhost')).to.equal('localhost');
    expect(certificate.verify(certificate.publicKey)).to.equal(true);
    expect(certificate.ca).to.equal(false);
    expect(certificate.keyUsage).to.deep.equal(['1.3.6.1.5.5.7.3.1']);
    expect(certificate.validToDate.getTime() - clock.now()).to.equal(365 * 24 * 3_600_000);
    expect(certificate.validFromDate.getTime()).to.equal(clock.now() - 3_600_000);
  });

  it('stays the same until thirty days before its end, and is another one then', async () => {
    const clock = new FakeClock();
    const source = make(clock);
    const first = await source.load();
    clock.jumpWallClock(334 * 24 * 3_600_000);
    expect(await source.load()).to.equal(first);

    clock.jumpWallClock(24 * 3_600_000);
    const second = await source.load();
    expect(second.certificate).not.to.equal(first.certificate);
    expect(second.privateKey).not.to.equal(first.privateKey);
  });

  it('can be taken into use', async () => {
    const { certificate, errors } = aCertificate(make(new FakeClock()));
    await certificate.start();
    expect(errors).to.deep.equal([]);
    expect(nameIn(certificate.current)).to.equal('CN=steward-0');
    certificate.stop();
  });
});
