import { X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing';
import { CertificateStore } from '../../../../src/wol/certificates/certificate-store';
import { LIFETIMES } from '../../../../src/wol/certificates/lifetimes';
import { OwnCertificates } from '../../../../src/wol/certificates/own-certificates';
import { certificatesIn, isIssuedBy, type StoredCertificate } from '../../../../src/wol/certificates/stored-certificate';
import { MemoryObjects, WriterKilledError } from './memory-objects';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SERVER = 'virt-steward-grpc-tls';
const CA = 'virt-steward-grpc-ca';
const AGENT = 'virt-steward-wol-agent-tls';

describe('own certificates', () => {
  let objects: MemoryObjects;
  let clock: FakeClock;

  beforeEach(() => {
    objects = new MemoryObjects();
    clock = new FakeClock();
  });

  const maintain = ({
    hosts = ['a.example', '::1'],
    agentUser = undefined as string | undefined,
    createOnly = false,
  } = {}): Promise<number> =>
    new OwnCertificates({
      store: new CertificateStore({ client: objects.client, namespace: 'ns', createOnly }),
      clock,
      lifetimes: LIFETIMES,
      hosts,
      agentUser,
      onMade: () => undefined,
    }).maintain();

  const served = (name = SERVER): StoredCertificate => certificatesIn(objects.values('Secret', name)?.['tls.crt'])[0]!;
  const published = (): StoredCertificate[] => certificatesIn(objects.values('ConfigMap', CA)?.['ca.crt']);
  const signing = (): StoredCertificate => certificatesIn(objects.values('Secret', CA)?.['ca.crt'])[0]!;
  const serialOf = ({ x509 }: StoredCertificate): string => x509.serialNumber;

  it('are made in the order in which they are needed, and then left alone', async () => {
    await maintain();
    const first = [...objects.writes];
    const lookAgainMs = await maintain();

    expect(first).to.deep.equal([`create Secret ns/${CA}`, `create ConfigMap ns/${CA}`, `create Secret ns/${SERVER}`]);
    expect(objects.writes).to.deep.equal(first);
    expect(lookAgainMs).to.be.at.most(HOUR_MS);
    expect(isIssuedBy(served(), signing())).to.equal(true);
    expect(served().x509.validToDate.getTime() - clock.now()).to.be.closeTo(90 * DAY_MS, 1_000);
    expect(clock.now() - served().x509.validFromDate.getTime()).to.be.closeTo(300_000, 1_000);
    expect(signing().x509.validToDate.getTime() - clock.now()).to.be.closeTo(365 * DAY_MS, 1_000);
    expect(signing().x509.ca).to.equal(true);
  });

  it('are renewed at two thirds of their life, not before', async () => {
    await maintain();
    const before = serialOf(served());
    await clock.advance(59 * DAY_MS);
    await maintain();
    expect(serialOf(served())).to.equal(before);
    await clock.advance(2 * DAY_MS);
    await maintain();

    expect(serialOf(served())).to.not.equal(before);
  });

  it('hand over to a next authority: published beside the old one for an hour before it signs, the old one stays until it expires', async () => {
    await maintain();
    const old = signing();
    await clock.advance(244 * DAY_MS);
    await maintain();
    const during = { signing: serialOf(signing()), published: published().length, issuedByOld: isIssuedBy(served(), old) };
    await clock.advance(HOUR_MS - 2_000);
    await maintain();
    const early = serialOf(signing());
    await clock.advance(4_000);
    await maintain();

    expect(during).to.deep.equal({ signing: serialOf(old), published: 2, issuedByOld: true });
    expect(early).to.equal(serialOf(old));
    expect(serialOf(signing())).to.not.equal(serialOf(old));
    expect(isIssuedBy(served(), signing())).to.equal(true);
    expect(published().map(serialOf)).to.have.members([serialOf(old), serialOf(signing())]);
    expect(objects.values('Secret', CA)).to.have.all.keys('ca.crt', 'ca.key', 'previous.crt');

    await clock.advance(122 * DAY_MS);
    await maintain();
    await maintain();
    expect(published().map(serialOf)).to.not.include(serialOf(old));
    expect(objects.values('Secret', CA)).to.not.have.property('previous.crt');
  });

  it('never outlive the authority that signed them', async () => {
    await maintain();
    await clock.advance(300 * DAY_MS);
    await maintain({ hosts: ['b.example'] });

    const issuer = published().find((one) => isIssuedBy(served(), one))!;
    expect(served().x509.validToDate.getTime()).to.be.at.most(issuer.x509.validToDate.getTime());
  });

  it('are made anew at once for other names, by the authority that agents know', async () => {
    await maintain();
    const known = signing();
    await clock.advance(244 * DAY_MS);
    await maintain();
    await maintain({ hosts: ['c.example'] });

    expect(served().x509.subjectAltName).to.equal('DNS:c.example');
    expect(isIssuedBy(served(), known)).to.equal(true);
  });

  for (const [what, breakIt] of [
    ['is gone', () => objects.objects.delete(`Secret ns/${SERVER}`)],
    ['holds nonsense', () => objects.put('Secret', SERVER, { data: { 'tls.crt': 'bm9uc2Vuc2U=', 'tls.key': '' } })],
    [
      'lost its authority',
      () => objects.put('Secret', SERVER, { data: { ...objects.objects.get(`Secret ns/${SERVER}`)?.data, 'ca.crt': '' } }),
    ],
  ] as const) {
    it(`are repaired at once when the Secret ${what}`, async () => {
      await maintain();
      const before = serialOf(served());
      breakIt();
      await maintain();

      expect(serialOf(served())).to.not.equal(before);
      expect(isIssuedBy(served(), signing())).to.equal(true);
    });
  }

  it('stay with the old authority for an hour after its Secret was lost', async () => {
    await maintain();
    const [old, before] = [signing(), serialOf(served())];
    objects.objects.delete(`Secret ns/${CA}`);
    await maintain();
    expect(serialOf(served())).to.equal(before);
    expect(published().map(serialOf)).to.have.members([serialOf(old), serialOf(signing())]);
    await clock.advance(HOUR_MS + 2_000);
    await maintain();

    expect(isIssuedBy(served(), signing())).to.equal(true);
    expect(published().map(serialOf)).to.include(serialOf(old));
  });

  it('are served anew at once when everything was lost', async () => {
    await maintain();
    objects.objects.clear();
    await maintain();

    expect(isIssuedBy(served(), signing())).to.equal(true);
    expect(published().map(serialOf)).to.deep.equal([serialOf(signing())]);
  });

  it('include a pair for agents when they need one, named after their account', async () => {
    await maintain({ agentUser: 'system:serviceaccount:ns:agents' });

    expect(served(AGENT).x509.subject).to.equal('CN=system:serviceaccount:ns:agents');
    expect(isIssuedBy(served(AGENT), signing())).to.equal(true);
    expect(served(AGENT).x509.keyUsage, 'extended key usage').to.deep.equal(['1.3.6.1.5.5.7.3.2']);
  });

  it('end up the same whichever two writes the writer is killed between', async () => {
    for (let writes = 0; writes < 3; writes++) {
      objects = new MemoryObjects();
      objects.writesLeft = writes;
      const error: unknown = await maintain().catch((caught: unknown) => caught);
      expect(error).to.be.instanceOf(WriterKilledError);
      objects.writesLeft = Number.POSITIVE_INFINITY;
      await maintain();

      expect(isIssuedBy(served(), signing()), `killed after ${writes} writes`).to.equal(true);
      expect(published().map(serialOf)).to.deep.equal([serialOf(signing())]);
      expect(objects.writes.length).to.equal(3);
    }
  });

  it('of two replicas that start together are those of one of them', async () => {
    const [first, second] = [maintain({ createOnly: true }), maintain({ createOnly: true })];
    await Promise.all([first, second]);

    expect(objects.writes.length).to.equal(3);
    expect(isIssuedBy(served(), signing())).to.equal(true);
  });

  it('are replaced by the leader only', async () => {
    await maintain();
    objects.put('Secret', SERVER, { data: {} });
    const error = (await maintain({ createOnly: true }).catch((caught: unknown) => caught)) as Error;

    expect(error.message).to.equal(`Secret ns/${SERVER} has to be replaced, which the leader does`);
  });

  it('leave what is not ours alone and name it', async () => {
    await maintain();
    objects.put('Secret', SERVER, { data: {}, metadata: { name: SERVER, namespace: 'ns', labels: {} } });
    const error = (await maintain().catch((caught: unknown) => caught)) as Error;

    expect(error.message).to.contain(`Secret ns/${SERVER} exists and is not ours`);
    expect(objects.values('Secret', SERVER)).to.deep.equal({});
  });

  it('start over when somebody else wrote between a read and a write', async () => {
    await maintain();
    objects.put('Secret', SERVER, { data: {} });
    let interferences = 1;
    objects.beforeWrite = () => {
      if (interferences-- > 0) objects.put('Secret', SERVER, { data: {} });
    };
    await maintain();

    expect(isIssuedBy(served(), signing())).to.equal(true);
  });

  it('have keys that are elliptic curves P-256', async () => {
    await maintain();
    for (const { pem } of [served(), signing()]) {
      expect(new X509Certificate(pem).publicKey.asymmetricKeyDetails?.namedCurve).to.equal('prime256v1');
    }
  });
});
