import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { TestCertificateAuthority } from '../../../src/framework/testing';
import { verifiedCredentials } from '../../../src/wol/agent/agent-credentials';
import type { RpcStatusError } from '../../../src/wol/protocol/rpc-status-error';
import { WolClient } from '../../../src/wol/protocol/wol-client';
import type { Reference } from '../../harness/admin-api';
import { AgentIdentities } from '../../harness/agent-identities';
import { freeTcpPort } from '../../harness/free-port';
import { PATIENCE_MS, poll } from '../../harness/poll';
import { NAMESPACE, StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { launchManager, type ManagerProcess, startManager } from '../../harness/steward-processes';

type Values = Record<string, string>;

const secretRef = (name: string): Reference => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: NAMESPACE } });
const SERVER = secretRef('virt-steward-grpc-tls');
const AUTHORITY = secretRef('virt-steward-grpc-ca');
const AGENT = secretRef('virt-steward-wol-agent-tls');
const BUNDLE: Reference = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'virt-steward-grpc-ca', namespace: NAMESPACE } };

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const count = (pem: string): number => pem.split('-----BEGIN CERTIFICATE-----').length - 1;

/** What an administrator sees of the certificates. */
class Trust {
  constructor(private readonly cluster: StewardCluster) {}

  async secret(ref: Reference): Promise<Values | undefined> {
    const secret = await this.cluster.api.get<TestObject & { data?: Values }>(ref);
    const entries = Object.entries(secret?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]);
    return secret === undefined ? undefined : (Object.fromEntries(entries) as Values);
  }

  async bundle(): Promise<string> {
    return (await this.cluster.api.get<TestObject & { data?: Values }>(BUNDLE))?.data?.['ca.crt'] ?? '';
  }

  async serial(): Promise<string | undefined> {
    const pem = (await this.secret(SERVER))?.['tls.crt'];
    return pem?.startsWith('-----BEGIN CERTIFICATE') ? new X509Certificate(pem).serialNumber : undefined;
  }

  /** Resolves when another certificate is stored and is the one that is served to whoever trusts the bundle. */
  async untilServedAnew(manager: ManagerProcess, before: string | undefined): Promise<void> {
    await manager.process.until('a new certificate', async () => {
      const serial = await this.serial();
      return serial !== undefined && serial !== before && (await serialServedTo(manager.grpcPort, await this.bundle())) === serial;
    });
    await manager.process.until('to serve what the bundle vouches for', () => this.isReachable(manager));
  }

  async isReachable(manager: ManagerProcess, host = 'localhost'): Promise<boolean> {
    const { channel } = verifiedCredentials({ authorities: await this.bundle(), token: 'none', pair: undefined }, host);
    const client = new WolClient(`localhost:${manager.grpcPort}`, channel);
    try {
      // A refusal is at once; an answer may take its time on a slow machine.
      await client.healthCheck(PATIENCE_MS / 4).response;
      return true;
    } catch {
      return false;
    } finally {
      client.close();
    }
  }
}

/** Serial of the certificate that a scraper sees who trusts the bundle and asks for the gRPC Service; `undefined` when he refuses it. */
async function serialShownTo(port: number, trust: Trust): Promise<string | undefined> {
  return serialServedTo(port, await trust.bundle(), `virt-steward-grpc.${NAMESPACE}.svc`);
}

async function serialServedTo(port: number, ca: string, servername = 'localhost'): Promise<string | undefined> {
  const socket = connect({ host: '127.0.0.1', port, servername, ca, ALPNProtocols: ['h2', 'http/1.1'] });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerX509Certificate()?.serialNumber;
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

describe('certificates of our own', () => {
  let cluster: StewardCluster;
  let trust: Trust;
  let manager: ManagerProcess;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol', kubevirt: false });
    trust = new Trust(cluster);
    manager = await startManager(cluster, { secure: true });
  });

  after(async () => {
    await manager?.process.stop();
    await cluster?.stop();
  });

  it('are made at the start: an authority, its bundle, and a pair for the names of the Service', async () => {
    const server = (await trust.secret(SERVER))!;
    const authority = (await trust.secret(AUTHORITY))!;
    const certificate = new X509Certificate(server['tls.crt']!);

    expect(Object.keys(server).sort()).to.deep.equal(['ca.crt', 'tls.crt', 'tls.key']);
    expect(Object.keys(authority).sort()).to.deep.equal(['ca.crt', 'ca.key']);
    expect(server['ca.crt']).to.equal(authority['ca.crt']);
    expect(await trust.bundle()).to.equal(authority['ca.crt']);
    expect(certificate.subjectAltName?.split(', ')).to.have.members([
      'DNS:virt-steward-grpc',
      `DNS:virt-steward-grpc.${NAMESPACE}`,
      `DNS:virt-steward-grpc.${NAMESPACE}.svc`,
      `DNS:virt-steward-grpc.${NAMESPACE}.svc.cluster.local`,
      'DNS:localhost',
    ]);
    expect(await trust.isReachable(manager)).to.equal(true);
    expect(await trust.isReachable(manager, 'elsewhere.example'), 'a host the certificate is not for').to.equal(false);
    expect((await manager.health('/readyz?verbose')).text).to.match(/\[\+\]grpc ok: port \d+, TLS\n/);
  });

  it('are shown by metrics as well, the next one without a restart', async () => {
    const port = await freeTcpPort();
    const metrics = ['--metrics-secure=true', `--metrics-bind-address=127.0.0.1:${port}`];
    const replica = await startManager(cluster, { secure: true, flags: metrics });
    try {
      const showsStored = async (): Promise<boolean> => {
        const stored = await trust.serial();
        return stored !== undefined && (await serialShownTo(port, trust)) === stored;
      };
      await replica.process.until('metrics to show the pair of gRPC', showsStored);

      const before = await trust.serial();
      await cluster.api.delete(SERVER);
      await trust.untilServedAnew(replica, before);
      await replica.process.until('metrics to show the new pair', showsStored);
    } finally {
      await replica.process.stop();
    }
  });

  it('are made again when the Secret is deleted, and served without a restart', async () => {
    const before = await trust.serial();

    await cluster.api.delete(SERVER);

    await trust.untilServedAnew(manager, before);
  });

  it('are made again when the Secret is broken', async () => {
    const before = await trust.serial();

    await cluster.api.mergePatch(SERVER, { data: { 'tls.crt': base64('nonsense') } });

    await trust.untilServedAnew(manager, before);
  });

  it('keep their authority published when its Secret is deleted, beside the new one, which signs later', async () => {
    const [before, old] = [await trust.serial(), (await trust.secret(SERVER))?.['ca.crt'] ?? '?'];

    await cluster.api.delete(AUTHORITY);
    await manager.process.until('two authorities to be published', async () => count(await trust.bundle()) === 2);

    expect(await trust.bundle()).to.include(old);
    expect(await trust.serial()).to.equal(before);
    expect(await trust.isReachable(manager)).to.equal(true);
  });

  it('are published again when the ConfigMap is deleted, and a foreign authority in it does not stay', async () => {
    const published = await trust.bundle();

    await cluster.api.delete(BUNDLE);
    await manager.process.until('the bundle', async () => (await trust.bundle()) === published);
    await cluster.api.mergePatch(BUNDLE, { data: { 'ca.crt': `${published}${new TestCertificateAuthority().cert}` } });

    await manager.process.until('the bundle as it was', async () => (await trust.bundle()) === published);
  });

  it('get the names of --grpc-tls-san at the next start, each given with a flag of its own', async () => {
    const before = await trust.serial();
    await manager.process.stop();

    manager = await startManager(cluster, { secure: true, flags: ['--grpc-tls-san=wake.example', '--grpc-tls-san=192.0.2.9'] });

    await trust.untilServedAnew(manager, before);
    const names = new X509Certificate((await trust.secret(SERVER))!['tls.crt']!).subjectAltName;
    expect(names).to.include('DNS:wake.example').and.to.include('IP Address:192.0.2.9');
    expect(await trust.isReachable(manager, 'wake.example')).to.equal(true);
  });

  it('leave a Secret alone that is not ours, say so by an Event, and go on with the pair in use', async () => {
    const broken = { metadata: { labels: { 'app.kubernetes.io/managed-by': 'somebody' } }, data: { 'tls.crt': base64('nonsense') } };

    await cluster.api.mergePatch(SERVER, broken);

    await poll('an Event', async () => {
      const events = await cluster.api.list<TestObject & { reason: string; note: string }>(
        `/apis/events.k8s.io/v1/namespaces/${NAMESPACE}/events`,
      );
      return events.some(({ reason, note }) => reason === 'NotOurs' && note.includes('virt-steward-grpc-tls'));
    });
    expect((await trust.secret(SERVER))?.['tls.crt']).to.equal('nonsense');
    expect(await trust.isReachable(manager)).to.equal(true);
    expect((await manager.health('/readyz')).status).to.equal(200);
  });

  it('are written no more once all is well', async () => {
    await cluster.api.delete(SERVER);
    await manager.process.until('the Secret', async () => (await trust.serial()) !== undefined);
    const versionsOf = async (): Promise<unknown[]> =>
      Promise.all([SERVER, AUTHORITY, BUNDLE].map(async (ref) => (await cluster.api.get<TestObject>(ref))?.metadata['resourceVersion']));

    await manager.process.stop();
    const before = await versionsOf();
    // The new process looks at everything.
    manager = await startManager(cluster, { secure: true, flags: ['--grpc-tls-san=wake.example,192.0.2.9'] });
    await manager.process.until('a pass', async () =>
      /^controller_runtime_reconcile_total\{controller="GrpcTrustHandler[^}]*result="(success|requeue_after)"\} [1-9]/m.test(
        await manager.metrics(),
      ),
    );

    expect(await versionsOf()).to.deep.equal(before);
  });
});

describe('certificates of several replicas', () => {
  let cluster: StewardCluster;
  let managers: ManagerProcess[] = [];

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol', kubevirt: false });
  });

  after(async () => {
    await Promise.all(managers.map(({ process }) => process.stop()));
    await cluster?.stop();
  });

  it('are the same ones, made once, and renewed by the leader for all of them', async () => {
    const trust = new Trust(cluster);
    const options = { secure: true, flags: ['--leader-elect'] };
    managers = await Promise.all([startManager(cluster, options), startManager(cluster, options)]);
    const before = await trust.serial();
    expect(count(await trust.bundle())).to.equal(1);
    for (const manager of managers) expect(await trust.isReachable(manager)).to.equal(true);

    await cluster.api.delete(AUTHORITY);
    await cluster.api.delete(SERVER);

    // Each of them serves what the bundle vouches for after the leader made everything anew.
    for (const manager of managers) await trust.untilServedAnew(manager, before);
  });
});

interface ForeignMode {
  readonly what: string;
  readonly flags: readonly string[];
  readonly secret: Reference;
  /** Where its authority is, beside the pair itself. */
  readonly authority: (pem: string) => { secret?: Values; configMap?: TestObject };
}

const SERVICE_CA = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'openshift-service-ca.crt', namespace: NAMESPACE } };
const FOREIGN_MODES: readonly ForeignMode[] = [
  {
    what: 'an administrator',
    flags: ['--grpc-tls-mode=existingSecret', '--grpc-tls-secret=my-tls'],
    secret: secretRef('my-tls'),
    authority: (pem) => ({ secret: { 'ca.crt': base64(pem) } }),
  },
  {
    what: 'cert-manager',
    flags: ['--grpc-tls-mode=cert-manager'],
    secret: SERVER,
    authority: (pem) => ({ secret: { 'ca.crt': base64(pem) } }),
  },
  {
    what: 'the service CA of OpenShift',
    flags: ['--grpc-tls-mode=service-ca'],
    secret: SERVER,
    authority: (pem) => ({ configMap: { ...SERVICE_CA, data: { 'service-ca.crt': pem } } as TestObject }),
  },
];

for (const { what, flags, secret, authority: placed } of FOREIGN_MODES) {
  describe(`a certificate of ${what}`, () => {
    let cluster: StewardCluster;
    let manager: ManagerProcess;
    let trust: Trust;
    const authority = new TestCertificateAuthority();

    before(async function () {
      this.timeout(0);
      cluster = await StewardCluster.start({ modules: 'wol', kubevirt: false, rbacFlags: flags });
      trust = new Trust(cluster);
    });

    after(async () => {
      await manager?.process.stop();
      await cluster?.stop();
    });

    const issue = async (by: TestCertificateAuthority): Promise<void> => {
      const { cert, key } = by.issue({ hosts: ['localhost'] });
      await cluster.api.apply({ ...secret, data: { 'tls.crt': base64(cert), 'tls.key': base64(key) } } as TestObject);
    };
    const publishes = (pem: string): Promise<unknown> =>
      manager.process.until('to publish the authority', async () => (await trust.bundle()).includes(new X509Certificate(pem).toString()));

    it('is waited for, named with its key in /readyz, then served and its authority published, without a right to write Secrets', async () => {
      manager = await launchManager(cluster, { secure: true, flags });
      await manager.process.until('to miss the Secret', async () => {
        const { status: code, text } = await manager.health('/readyz?verbose').catch(() => ({ status: 0, text: '' }));
        return (
          code === 503 &&
          text.includes('[-]grpc failed: ') &&
          text.includes(`${NAMESPACE}/${secret.metadata.name}`) &&
          text.includes('tls.crt')
        );
      });
      expect((await manager.health('/healthz')).status, 'the rest works').to.equal(200);

      await issue(authority);
      const { secret: more, configMap } = placed(authority.cert);
      if (more !== undefined) await cluster.api.mergePatch(secret, { data: more });
      if (configMap !== undefined) await cluster.api.apply(configMap);

      await manager.process.until('ready', async () => (await manager.health('/readyz')).status === 200);
      await publishes(authority.cert);
      expect(await trust.isReachable(manager)).to.equal(true);
      expect(await trust.secret(AUTHORITY), 'none of our own').to.equal(undefined);
    });

    it('is served without a restart when it is renewed', async () => {
      const shown = (): Promise<string | undefined> => serialServedTo(manager.grpcPort, authority.cert);
      const before = await shown();
      expect(before).not.to.equal(undefined);

      await issue(authority);

      await manager.process.until('to serve the renewed one', async () => ![before, undefined].includes(await shown()));
    });
  });
}

describe('client certificates', () => {
  let cluster: StewardCluster;
  let manager: ManagerProcess;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol', rbacFlags: ['--grpc-mtls'] });
    manager = await startManager(cluster, { secure: true, flags: ['--grpc-mtls'] });
  });

  after(async () => {
    await manager?.process.stop();
    await cluster?.stop();
  });

  it('are asked for beside the token: only one of ours lets a report in', async () => {
    const trust = new Trust(cluster);
    const identities = await AgentIdentities.create(cluster);
    const token = await identities.token({ pod: await identities.pod('node-a') });
    const own = await poll('the leader to make their pair', () => trust.secret(AGENT));
    const ours = { certificate: own['tls.crt']!, privateKey: own['tls.key']! };
    const { cert, key } = new TestCertificateAuthority().issue({ commonName: `system:serviceaccount:${NAMESPACE}:virt-steward-wol-agent` });
    const report = async (pair: { certificate: string; privateKey: string } | undefined): Promise<status> => {
      const { channel, authorization } = verifiedCredentials({ authorities: await trust.bundle(), token, pair }, 'localhost');
      const client = new WolClient(`localhost:${manager.grpcPort}`, channel, { authorization });
      try {
        await client.reportEvent({ macAddress: '02:00:00:00:00:01', nodeName: 'node-a' }).response;
        return status.OK;
      } catch (error) {
        return (error as RpcStatusError).status;
      } finally {
        client.close();
      }
    };

    expect(await report(undefined)).to.equal(status.UNAUTHENTICATED);
    expect(await report({ certificate: cert, privateKey: key })).to.equal(status.UNAUTHENTICATED);
    expect(await report(ours)).to.equal(status.OK);
    expect(await manager.metrics()).to.match(/^wol_grpc_auth_failures_total\{reason="certificate"\} 2$/m);
  });
});
