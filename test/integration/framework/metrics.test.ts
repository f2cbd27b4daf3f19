import { rename, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect } from 'chai';
import { CertificateAuthority } from '../../../hack/control-plane';
import { TestProcess } from '../../harness/child-process';
import { freeTcpPort } from '../../harness/free-port';
import { PATIENCE_MS, poll } from '../../harness/poll';
import { MAIN, NAMESPACE, StewardCluster } from '../../harness/steward-cluster';
import { aWolConfig } from '../../harness/virtual-machines';

interface Scrape {
  status: number;
  text: string;
}

/** GET /metrics; who serves is not verified, as with any self-signed certificate. */
function scrape(port: number, token?: string): Promise<Scrape> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const call = request({ host: '127.0.0.1', port, path: '/metrics', headers, rejectUnauthorized: false, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    call.on('error', reject).end();
  });
}

/** Common name in the certificate that is shown. */
function shownName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

describe('secure metrics of a manager', () => {
  let cluster: StewardCluster;
  let manager: TestProcess;
  let metricsPort: number;
  let healthPort: number;

  /** A manager with the flags it needs to be beside others, and the defaults for everything else. */
  const start = async (flags: readonly string[] = []): Promise<TestProcess> => {
    [metricsPort, healthPort] = [await freeTcpPort(), await freeTcpPort()];
    return new TestProcess('manager', [
      MAIN,
      'manager',
      `--kubeconfig=${cluster.managerKubeconfig}`,
      '--modules=wol',
      '--grpc-insecure',
      `--grpc-bind-address=127.0.0.1:${await freeTcpPort()}`,
      `--health-probe-bind-address=127.0.0.1:${healthPort}`,
      `--metrics-bind-address=127.0.0.1:${metricsPort}`,
      ...flags,
    ]);
  };
  const health = async (path: string): Promise<Scrape> => {
    const response = await fetch(`http://127.0.0.1:${healthPort}${path}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return { status: response.status, text: await response.text() };
  };
  const ready = (process: TestProcess): Promise<true> =>
    process.until('ready', async () => (await health('/readyz').catch(() => undefined))?.status === 200 || undefined) as Promise<true>;

  const anAccount = async (name: string): Promise<string> => {
    await cluster.api.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'default' } });
    return cluster.controlPlane.serviceAccountToken('default', name);
  };
  const allow = async (name: string): Promise<void> => {
    const metadata = { name: 'metrics-reader' };
    const rules = [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }];
    await cluster.api.apply({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata, rules });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'metrics-reader' };
    const subjects = [{ kind: 'ServiceAccount', name, namespace: 'default' }];
    await cluster.api.apply({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata, roleRef, subjects });
  };

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol', kubevirt: false });
    manager = await start();
    await ready(manager);
  });

  after(async () => {
    await manager?.stop();
    await cluster?.stop();
  });

  it('are refused without a token, with one of nobody, and with one that gives no right to read them', async () => {
    expect((await scrape(metricsPort)).status).to.equal(401);
    expect((await scrape(metricsPort, 'made-up')).status).to.equal(401);
    const { status, text } = await scrape(metricsPort, await anAccount('nobody-special'));
    expect(status).to.equal(403);
    expect(text).not.to.contain('steward_');
  });

  it('are shown to an account that is bound to a role for /metrics', async () => {
    const token = await anAccount('prometheus');
    await allow('prometheus');
    await cluster.api.apply(aWolConfig('watched-config', { wolPorts: [9] }));

    const lines = [
      /controller_runtime_reconcile_total\{[^}]*result="success"\} [1-9]/,
      /^steward_build_info\{version="[^"]+",node="[^"]+",modules="wol"\} 1$/m,
      /^steward_informer_synced\{cluster="local",kind="wolconfigs\.wol\.pillon\.org"\} 1$/m,
      /^steward_informer_objects\{cluster="local",kind="wolconfigs\.wol\.pillon\.org"\} 1$/m,
      /^steward_kind_available\{cluster="local",kind="virtualmachines\.kubevirt\.io"\} 0$/m,
      /^steward_cluster_up\{cluster="local"\} 1$/m,
      /^workqueue_adds_total\{name="wolconfigs\.wol\.pillon\.org",cluster="local"\} [1-9]/m,
      /^rest_client_requests_total\{code="201",method="POST",cluster="local"\} [1-9]/m,
      /^steward_api_writes_total\{kind="wolconfigs\.wol\.pillon\.org",verb="status",result="changed"\} [1-9]/m,
      /^steward_certificate_expiry_timestamp_seconds\{use="metrics"\} 1\.?\d+/m,
      /^process_resident_memory_bytes \d+/m,
    ];
    let missing: unknown = 'an answer';
    const text = await poll(
      'the config to be reconciled and shown',
      async () => {
        const answer = await scrape(metricsPort, token);
        if (answer.status !== 200) return undefined;
        missing = lines.find((line) => !line.test(answer.text));
        return missing === undefined && answer.text;
      },
      { onTimeout: () => `missing: ${String(missing)}` },
    );
    expect(text.split('\n').filter((line) => line.includes('watched-config') && !line.startsWith('wol_'))).to.deep.equal([]);
  });

  it('show which checks a readiness answer is made of', async () => {
    const { status, text } = await health('/readyz?verbose');
    expect(status).to.equal(200);
    expect(text).to.match(/^\[\+\]kinds ok$/m);
    expect(text).to.match(/^\[\+\]metrics-certificate ok$/m);
    expect(text).to.match(/^\[~\]informers waiting: virtualmachines\.kubevirt\.io is not served/m);
    expect((await health('/healthz?verbose')).text).to.match(/^\[\+\]handlers ok$/m);
  });

  it('are refused, not opened, while the API server is away', async () => {
    const token = await anAccount('late');
    await cluster.controlPlane.stopApiServer();
    try {
      expect((await scrape(metricsPort, token)).status).to.equal(503);
    } finally {
      await cluster.controlPlane.startApiServer();
    }
    await poll('callers to be checked again', async () => (await scrape(metricsPort, token)).status === 403);
  });

  it('come with the certificate from files, which is changed while serving, once there is one', async () => {
    await manager.stop();
    const token = await anAccount('prometheus');
    await allow('prometheus');
    const authority = CertificateAuthority.create('metrics test');
    const folder = cluster.controlPlane.directory;
    const [certFile, keyFile] = [join(folder, 'metrics.crt'), join(folder, 'metrics.key')];
    const install = async (commonName: string): Promise<void> => {
      const { certificate, privateKey } = authority.issue({ commonName, dnsNames: ['localhost'], usage: 'server' });
      await Promise.all([writeFile(`${certFile}.new`, certificate), writeFile(`${keyFile}.new`, privateKey, { mode: 0o600 })]);
      // A manager that looks in between finds no pair, which counts as an error.
      await Promise.all([rename(`${certFile}.new`, certFile), rename(`${keyFile}.new`, keyFile)]);
    };
    const errors = async (): Promise<number> => {
      const count = /^steward_certificate_reload_errors_total\{use="metrics"\} (\d+)$/m.exec((await scrape(metricsPort, token)).text)?.[1];
      return count === undefined ? Number.NaN : Number(count);
    };
    manager = await start([`--metrics-cert-file=${certFile}`, `--metrics-key-file=${keyFile}`]);
    await manager.until('only the certificate is missing', async () => {
      const answer = await health('/readyz?exclude=metrics-certificate').catch(() => undefined);
      return answer?.status === 200;
    });
    expect(await health('/readyz')).to.have.property('status', 503);

    await install('first');
    await ready(manager);
    expect(await shownName(metricsPort)).to.equal('first');

    await poll('the account to be let in', async () => (await scrape(metricsPort, token)).status === 200);
    const before = await errors();
    expect(before).to.be.at.least(1);
    await writeFile(`${certFile}.new`, 'nonsense');
    await rename(`${certFile}.new`, certFile);
    await manager.until('the broken file to be noticed', async () => (await errors()) > before);
    expect(await errors()).to.equal(before + 1);
    expect(await shownName(metricsPort)).to.equal('first');

    await install('second');
    await manager.until('the new certificate', async () => (await shownName(metricsPort)) === 'second');
    expect((await scrape(metricsPort)).status).to.equal(401);
  });

  it('end the start with the name of the flag when their address is taken', async () => {
    const second = new TestProcess('manager', [
      MAIN,
      'manager',
      `--kubeconfig=${cluster.managerKubeconfig}`,
      `--namespace=${NAMESPACE}`,
      '--modules=wol',
      '--grpc-insecure',
      `--grpc-bind-address=127.0.0.1:${await freeTcpPort()}`,
      '--health-probe-bind-address=0',
      `--metrics-bind-address=127.0.0.1:${metricsPort}`,
    ]);
    const { code } = await second.exited;
    expect(code).to.equal(1);
    expect(second.log).to.match(/error: --metrics-bind-address 127\.0\.0\.1:\d+ cannot be bound: .*EADDRINUSE/);
  });
});
