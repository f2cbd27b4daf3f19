import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { parse, parseAllDocuments } from 'yaml';
import { joinedKubeconfig } from '../../harness/joined-kubeconfig';
import { poll } from '../../harness/poll';
import { RemoteKubeVirt } from '../../harness/remote-kubevirt';
import { MAIN, StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Kubeconfig {
  clusters: { cluster: object }[];
  users: { user: { token: string } }[];
}

const CREDENTIALS = '/api/v1/namespaces/virt-steward/secrets?labelSelector=vitistack.io%2Fcredential-of%3Dvirt-steward';

describe('virt-steward kubeconfig', () => {
  let supervisor: StewardCluster;
  let remote: RemoteKubeVirt;
  let manager: ManagerProcess;
  let file: string;

  const run = async (...args: string[]): Promise<Outcome> => {
    const command = [MAIN, 'kubeconfig', `--kubeconfig=${file}`, '--context=east', '--name=east', '--config-namespace=default', ...args];
    return promisify(execFile)(process.execPath, command, { timeout: 120_000 }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: Outcome) => error,
    );
  };
  const credentials = async (): Promise<string[]> => (await remote.api.list<TestObject>(CREDENTIALS)).map(({ metadata }) => metadata.name);
  /** The API server learns of the account and its rights by watches. */
  const untilAllowed = (token: string): Promise<true> =>
    poll('the rights of the token to be in force', async () => {
      const { status } = await remote.controlPlane.request({ path: '/apis/kubevirt.io/v1/kubevirts' }, token);
      return status === 200 || undefined;
    });

  before(async () => {
    // Only kube-controller-manager puts tokens into Secrets.
    [supervisor, remote] = await Promise.all([
      StewardCluster.start({ modules: 'machines', kubevirt: false }),
      RemoteKubeVirt.start({ controllerManager: true }),
    ]);
    file = supervisor.controlPlane.writeFile(
      'both.kubeconfig',
      joinedKubeconfig({ supervisor: supervisor.controlPlane.kubeconfig, east: remote.controlPlane.kubeconfig }),
    );
    manager = await startManager(supervisor);
  });

  after(async () => {
    await manager?.process.stop();
    await Promise.all([supervisor?.stop(), remote?.stop()]);
  });

  it('prints a Secret and a KubevirtConfig whose kubeconfig has the rights of the module and no others', async () => {
    const { code, stdout } = await run();

    expect(code).to.equal(0);
    const [secret, config] = parseAllDocuments(stdout).map((document) => document.toJS() as TestObject);
    expect(config).to.deep.include({ kind: 'KubevirtConfig', spec: { name: 'east', kubeconfigSecretRef: 'east-kubeconfig' } });
    const text = Buffer.from((secret as unknown as { data: { kubeconfig: string } }).data.kubeconfig, 'base64').toString();
    const { token } = (parse(text) as Kubeconfig).users[0]!.user;
    await untilAllowed(token);
    expect((await remote.controlPlane.request({ path: '/api/v1/secrets' }, token)).status).to.equal(403);
  });

  it('writes to the supervisor, waits until the cluster is Ready, and deletes the credential before', async () => {
    const before = await credentials();
    const { code, stdout, stderr } = await run('--apply', '--supervisor-context=supervisor');

    expect(code, stderr).to.equal(0);
    expect(stdout).to.equal('KubevirtConfig default/east is Ready\n');
    const now = await credentials();
    expect(now).to.have.length(1);
    expect(before).to.not.include(now[0]);
    expect(stderr).to.not.match(/eyJ/);
  });

  it('renews the credential when it is run again, and the cluster stays Ready', async () => {
    const [before] = await credentials();
    const { code } = await run('--apply', '--supervisor-context=supervisor');

    expect(code).to.equal(0);
    expect(await credentials())
      .to.have.length(1)
      .and.not.include(before);
  });

  it('prints a kubeconfig with a token that expires, and when', async () => {
    const { code, stdout, stderr } = await run('--token-ttl=1h', '--output=kubeconfig', '--server=https://10.1.2.3:6443');

    expect(code).to.equal(0);
    expect(stderr).to.match(/the token expires at \d{4}-\d\d-\d\dT/);
    const config = parse(stdout) as Kubeconfig;
    expect(config.clusters[0]!.cluster).to.include({ server: 'https://10.1.2.3:6443' });
    await untilAllowed(config.users[0]!.user.token);
  });

  it('refuses options that do not fit, with one line each', async () => {
    expect((await run('--apply')).stderr).to.equal('error: --apply needs --supervisor-context, the cluster to write to\n');
    expect((await run('--token-ttl=5')).stderr).to.equal('error: --token-ttl is "5"; allowed: 10m or longer, for example 8760h\n');
    expect((await run('--server=http://x')).stderr).to.equal('error: --server is "http://x"; allowed: https://host:port\n');
    expect((await run('--context=nowhere')).code).to.equal(2);
  });
});
