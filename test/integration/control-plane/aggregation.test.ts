import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { CertificateAuthority, type ControlPlane, FRONT_PROXY_CLIENT, startControlPlane } from '../../../hack/control-plane';
import { poll } from '../../harness/poll';

const GROUP_VERSION = '/apis/sample.example.com/v1';

interface SeenRequest {
  readonly path: string | undefined;
  readonly user: string | string[] | undefined;
  readonly groups: string[];
  readonly proxy: string | string[] | undefined;
  readonly isTrusted: boolean;
}

describe('an aggregated API server behind a control plane', () => {
  let controlPlane: ControlPlane;
  let aggregated: Server;
  const seen: SeenRequest[] = [];

  before(async function () {
    this.timeout(0);
    controlPlane = await startControlPlane();
    const authority = CertificateAuthority.create('aggregated server');
    const serving = authority.issue({ commonName: 'sample', dnsNames: ['sample.default.svc'], usage: 'server' });
    aggregated = createServer(
      { cert: serving.certificate, key: serving.privateKey, ca: await frontProxyCa(), requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        seen.push(seenIn(request));
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'sample.example.com/v1', resources: [] }));
      },
    );
    await new Promise<void>((resolve) => aggregated.listen(0, '127.0.0.1', () => resolve()));
    const account = { metadata: { name: 'caller' } };
    await controlPlane.request({ method: 'POST', path: '/api/v1/namespaces/default/serviceaccounts', body: account });
    await register(authority.keyPair.certificate, (aggregated.address() as AddressInfo).port);
  });

  after(async () => {
    aggregated?.closeAllConnections();
    aggregated?.close();
    await controlPlane?.stop();
  });

  /** As a real aggregated server finds it. */
  async function frontProxyCa(): Promise<string> {
    const path = '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication';
    const { body } = await controlPlane.request({ path });
    return (body as { data: Record<string, string> }).data['requestheader-client-ca-file'] ?? '';
  }

  async function register(ca: string, port: number): Promise<void> {
    await controlPlane.request({
      method: 'POST',
      path: '/api/v1/namespaces/default/services',
      body: { metadata: { name: 'sample' }, spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] } },
    });
    const service = { namespace: 'default', name: 'sample', port };
    await controlPlane.request({
      method: 'POST',
      path: '/apis/apiregistration.k8s.io/v1/apiservices',
      body: {
        metadata: { name: 'v1.sample.example.com' },
        spec: {
          group: 'sample.example.com',
          version: 'v1',
          groupPriorityMinimum: 1000,
          versionPriority: 10,
          caBundle: Buffer.from(ca).toString('base64'),
          service,
        },
      },
    });
    await poll('the aggregated API', async () => (await controlPlane.request({ path: GROUP_VERSION })).status === 200);
  }

  it('is told who asks, by a proxy it can verify', async () => {
    const token = await controlPlane.serviceAccountToken('default', 'caller');
    seen.length = 0;

    const { status } = await controlPlane.request({ path: GROUP_VERSION }, token);

    expect(status).to.equal(200);
    const request = seen.find(({ user }) => user === 'system:serviceaccount:default:caller');
    expect(request).to.include({ path: GROUP_VERSION, proxy: FRONT_PROXY_CLIENT, isTrusted: true });
    expect(request?.groups).to.include('system:serviceaccounts:default');
  });

  it('is not reached by requests that RBAC denies', async () => {
    const token = await controlPlane.serviceAccountToken('default', 'caller');
    const path = `${GROUP_VERSION}/namespaces/default/things/one/start`;
    seen.length = 0;

    const { status } = await controlPlane.request({ method: 'PUT', path, body: {} }, token);

    expect(status).to.equal(403);
    expect(seen.filter((request) => request.path === path)).to.deep.equal([]);
    expect((await controlPlane.request({ method: 'PUT', path, body: {} })).status, 'the administrator').to.equal(200);
  });
});

function seenIn(request: IncomingMessage): SeenRequest {
  const socket = request.socket as TLSSocket;
  return {
    path: request.url,
    user: request.headers['x-remote-user'],
    groups: request.headersDistinct['x-remote-group'] ?? [],
    proxy: socket.getPeerCertificate().subject?.CN,
    isTrusted: socket.authorized,
  };
}
