import { expect } from 'chai';
import type { Finding } from '../../../../src/kubevirt/diagnosis/finding';
import { createAuthority, issueCertificate } from '../../../../src/wol/certificates/issue-certificate';
import { connectionChecks } from '../../../../src/wol/doctor/connection-checks';
import { aContext, type FakeClusterOptions, type FakeObject, NAMESPACE } from './fake-cluster';

const DAY_MS = 86_400_000;
type Pair = Awaited<ReturnType<typeof createAuthority>>;

const service: FakeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {
    name: 'virt-steward-grpc',
    namespace: NAMESPACE,
    labels: { 'app.kubernetes.io/name': 'virt-steward', 'app.kubernetes.io/component': 'grpc' },
  },
  spec: { ports: [{ name: 'grpc', port: 9090 }] },
};
const slice = (ready: boolean): FakeObject => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 's', namespace: NAMESPACE, labels: { 'kubernetes.io/service-name': 'virt-steward-grpc' } },
  endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready } }],
});
const secret = ({ certificate, privateKey }: Pair): FakeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'virt-steward-grpc-tls', namespace: NAMESPACE },
  data: { 'tls.crt': Buffer.from(certificate).toString('base64'), 'tls.key': Buffer.from(privateKey).toString('base64') },
});
const bundle = (text: string): FakeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'virt-steward-grpc-ca', namespace: NAMESPACE },
  data: { 'ca.crt': text },
});

describe('the check of what lies between agents and managers', () => {
  let authority: Pair;
  let stranger: Pair;
  const validity = (fromDays: number, toDays: number): { notBeforeMs: number; notAfterMs: number } => ({
    notBeforeMs: Date.now() + fromDays * DAY_MS,
    notAfterMs: Date.now() + toDays * DAY_MS,
  });
  const server = (fromDays: number, toDays: number): Promise<Pair> =>
    issueCertificate(authority, { usage: 'server', hosts: ['localhost'] }, validity(fromDays, toDays));
  const run = async (options: FakeClusterOptions): Promise<Finding[]> => connectionChecks(await aContext(options));
  const outcomes = (findings: readonly Finding[], check: string): string[] =>
    findings.filter((finding) => finding.check === check).map(({ outcome }) => outcome);

  before(async () => {
    authority = await createAuthority(validity(-1, 365));
    stranger = await createAuthority(validity(-1, 365));
  });

  it('is ok with a Service, a manager behind it, and a certificate that agents can verify', async () => {
    const findings = await run({ objects: [service, slice(true), secret(await server(-1, 89)), bundle(authority.certificate)] });

    expect(findings.map(({ check, outcome }) => `${check} ${outcome}`)).to.deep.equal([
      'service ok',
      'endpoints ok',
      'certificate ok',
      'bundle ok',
    ]);
  });

  it('fails when no manager is ready, and warns without a Service', async () => {
    expect(outcomes(await run({ objects: [service, slice(false)] }), 'endpoints')).to.deep.equal(['fail']);
    expect(outcomes(await run({}), 'service')).to.deep.equal(['warn']);
  });

  it('fails with a certificate that has expired, and warns of one that should have been renewed', async () => {
    const certificate = async (fromDays: number, toDays: number): Promise<string[]> =>
      outcomes(await run({ objects: [secret(await server(fromDays, toDays)), bundle(authority.certificate)] }), 'certificate');
    expect(await certificate(-90, -1)).to.deep.equal(['fail']);
    expect(await certificate(-80, 10)).to.deep.equal(['warn']);
  });

  it('fails when the authority that agents have did not issue the certificate, or there is none', async () => {
    const tls = secret(await server(-1, 89));
    expect(outcomes(await run({ objects: [tls, bundle(stranger.certificate)] }), 'bundle')).to.deep.equal(['fail']);
    expect(outcomes(await run({ objects: [tls, bundle('nothing')] }), 'bundle')).to.deep.equal(['fail']);
    expect(outcomes(await run({ objects: [tls, bundle(`${stranger.certificate}${authority.certificate}`)] }), 'bundle')).to.deep.equal([
      'ok',
    ]);
  });

  it('warns, naming the right, when the caller may not read the Secret', async () => {
    const findings = await run({ objects: [bundle(authority.certificate)], denied: ['get secrets', 'list services'] });

    expect(outcomes(findings, 'certificate')).to.deep.equal(['warn']);
    expect(findings.find(({ check }) => check === 'certificate')?.remedy).to.equal(
      `ask for the right to get secrets in namespace ${NAMESPACE}`,
    );
    expect(outcomes(findings, 'service')).to.deep.equal(['warn']);
  });

  it('shows nothing of the Secret, whatever is wrong with it', async () => {
    const broken = secret(await server(-1, 89));
    broken['data'] = {
      'tls.crt': Buffer.from('not a certificate').toString('base64'),
      'tls.key': Buffer.from('very secret').toString('base64'),
    };
    const findings = await run({ objects: [broken, bundle(authority.certificate)] });

    expect(outcomes(findings, 'certificate')).to.deep.equal(['fail']);
    expect(JSON.stringify(findings)).to.not.match(/very secret|not a certificate|PRIVATE/);
  });
});
