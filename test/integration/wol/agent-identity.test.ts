import { expect } from 'chai';
import { NAMESPACE } from '../../harness/steward-cluster';
import { aWolConfig } from '../../harness/virtual-machines';
import { conditionOf, untilStatus } from '../../harness/wol-objects';
import { containerOf, DeploymentBench, variable } from './agent-deployment-bench';

const FOLDER = '/var/run/secrets/virt-steward/grpc';
const BUNDLE = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'virt-steward-grpc-ca', namespace: NAMESPACE } };

describe('what agents are given to be known by', () => {
  let bench: DeploymentBench;

  before(async function () {
    this.timeout(0);
    bench = await DeploymentBench.start({ secure: true, rbacFlags: ['--grpc-mtls'] });
    await bench.cluster.api.apply(aWolConfig('lab'));
  });

  after(() => bench?.stop());

  it('is a token for the manager alone and the authority that the manager has published', async () => {
    const daemonSet = await bench.until('lab', 'to exist');

    const { volumes } = daemonSet.spec.template.spec;
    expect(volumes).to.deep.equal([
      {
        name: 'grpc-identity',
        projected: {
          defaultMode: 420,
          sources: [
            { serviceAccountToken: { audience: 'wol-manager', expirationSeconds: 3_600, path: 'token' } },
            { configMap: { name: BUNDLE.metadata.name, items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          ],
        },
      },
    ]);
    expect(containerOf(daemonSet)['volumeMounts']).to.deep.equal([{ name: 'grpc-identity', mountPath: FOLDER, readOnly: true }]);
    expect(variable(daemonSet, 'GRPC_CA_FILE')).to.equal(`${FOLDER}/ca.crt`);
    expect(variable(daemonSet, 'GRPC_TOKEN_FILE')).to.equal(`${FOLDER}/token`);
    expect(variable(daemonSet, 'GRPC_INSECURE')).to.equal(undefined);
    expect(await bench.cluster.api.get(BUNDLE), 'what the volume names is there').not.to.equal(undefined);
  });

  it('is a client certificate as well where the manager asks for one', async () => {
    await bench.restart({ secure: true, flags: ['--grpc-mtls'] });

    const daemonSet = await bench.until('lab', 'to have a pair', (found) => variable(found, 'GRPC_KEY_FILE') !== undefined);

    const [{ projected }] = daemonSet.spec.template.spec['volumes'] as [{ projected: { sources: object[] } }];
    const items = ['tls.crt', 'tls.key'].map((path) => ({ key: path, path }));
    expect(projected.sources.at(-1)).to.deep.equal({ secret: { name: 'virt-steward-wol-agent-tls', items } });
    expect(variable(daemonSet, 'GRPC_CERT_FILE')).to.equal(`${FOLDER}/tls.crt`);
  });

  it('has to be there first: without a published authority nothing is deployed, and the config says what is missing', async () => {
    // It runs with the rights of another mode; what matters here is that there is no certificate.
    bench.cluster.expectDenial('list secrets');
    await bench.manager.process.stop();
    await bench.cluster.api.delete(BUNDLE);
    await bench.restart({ secure: true, flags: ['--grpc-tls-mode=existingSecret', '--grpc-tls-secret=not-there'], waitUntilReady: false });
    await bench.cluster.api.apply(aWolConfig('early'));

    const missing = 'ConfigMap virt-steward-grpc-ca, by which agents verify the manager, is missing';
    // A status that is written before the first look at the DaemonSet does not know why there is none.
    await untilStatus(bench.cluster.api, 'early', `to say: ${missing}`, (_, config) => {
      const { status, reason, message = '' } = conditionOf(config, 'AgentReady') ?? {};
      return status === 'False' && reason === 'DaemonSetMissing' && message.includes(missing);
    });
    expect(await bench.daemonSet('early')).to.equal(undefined);

    await bench.cluster.api.apply({ ...BUNDLE, data: { 'ca.crt': 'made by hand' } });
    await bench.until('early', 'to exist');
  });
});
