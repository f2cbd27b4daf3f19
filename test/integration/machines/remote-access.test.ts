import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { parse, parseAllDocuments } from 'yaml';
import type { KubevirtConfigStatus } from '../../../src/api/vitistack/v1alpha1';
import { TestProcess } from '../../harness/child-process';
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

interface KubeconfigSecret extends TestObject {
  readonly metadata: TestObject['metadata'] & { readonly resourceVersion: string };
  readonly data: Record<string, string>;
}

interface Config extends TestObject {
  readonly status?: KubevirtConfigStatus;
}

const SECRET: TestObject = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'east-kubeconfig', namespace: 'default' } };
const CONFIG: TestObject = {
  apiVersion: 'vitistack.io/v1alpha1',
  kind: 'KubevirtConfig',
  metadata: { name: 'east', namespace: 'default' },
};
const FREQUENT_CHECKS = { env: { CLUSTER_CHECK_INTERVAL: '10s' } };
const CREDENTIALS = '/api/v1/namespaces/virt-steward/secrets?labelSelector=vitistack.io%2Fcredential-of%3Dvirt-steward';

describe('virt-steward kubeconfig', () => {
  let supervisor: StewardCluster;
  let remote: RemoteKubeVirt;
  let manager: ManagerProcess;
  let file: string;

  const command = (...args: string[]): string[] => {
    return [MAIN, 'kubeconfig', `--kubeconfig=${file}`, '--context=east', '--name=east', '--config-namespace=default', ...args];
  };
  const run = async (...args: string[]): Promise<Outcome> =>
    // Longer than the command waits.
    promisify(execFile)(process.execPath, command(...args), { timeout: 280_000 }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: Outcome) => error,
    );
  const credentials = async (): Promise<string[]> => (await remote.api.list<TestObject>(CREDENTIALS)).map(({ metadata }) => metadata.name);
  const config = async (): Promise<Config> => (await supervisor.api.get<Config>(CONFIG))!;
  const secret = async (): Promise<KubeconfigSecret> => (await supervisor.api.get<KubeconfigSecret>(SECRET))!;
  const version = async (): Promise<string> => (await secret()).metadata.resourceVersion;
  const untilConfig = (what: string, isIt: (found: Config) => boolean | Promise<boolean>): Promise<true> => {
    let last: Config | undefined;
    return poll(
      `KubevirtConfig east ${what}`,
      async () => {
        last = await config();
        return (await isIt(last)) || undefined;
      },
      { intervalMs: 100, onTimeout: () => `${JSON.stringify(last)}\n${manager.process.log.slice(-4_000)}` },
    );
  };
  const untilStatus = (status: string): Promise<true> => untilConfig(`to be ${status}`, (found) => found.status?.status === status);
  /** What a manager that starts finds, and what the remote cluster lets in. */
  const held = async (): Promise<unknown> => [(await secret()).data, (await config()).spec, await credentials()];
  /** Only who is let in can tell that KubeVirt has changed. */
  const isUsedAfterRestart = async (): Promise<void> => {
    await manager.process.stop();
    await remote.setKubeVirtAvailable('False');
    manager = await startManager(supervisor, FREQUENT_CHECKS);
    await untilStatus('KubeVirtNotReady');
    await remote.setKubeVirtAvailable('True');
    await untilStatus('Connected');
  };
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
    manager = await startManager(supervisor, FREQUENT_CHECKS);
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

  it('writes to the supervisor, waits until the cluster is Ready, and keeps the printed credential, which somebody else may use', async () => {
    const [printed] = await credentials();
    const { code, stdout, stderr } = await run('--apply', '--supervisor-context=supervisor');

    expect(code, stderr).to.equal(0);
    expect(stdout).to.equal('KubevirtConfig default/east is Ready\n');
    expect(stderr).to.include(`may use them: ${printed}; delete those`);
    expect(await credentials())
      .to.have.length(2)
      .and.include(printed);
    expect(stderr).to.not.match(/eyJ/);
    await remote.api.delete({ apiVersion: 'v1', kind: 'Secret', metadata: { name: printed!, namespace: 'virt-steward' } });
  });

  it('renews the credential when it is run again, and the cluster stays Ready', async () => {
    const [before] = await credentials();
    const { code } = await run('--apply', '--supervisor-context=supervisor');

    expect(code).to.equal(0);
    expect(await credentials())
      .to.have.length(1)
      .and.not.include(before);
    // What the command has waited for is never taken back.
    const { status } = await config();
    expect(status).to.include({ phase: 'Ready' });
    expect(status?.credentialsInUse).to.deep.equal({ namespace: 'default', name: 'east-kubeconfig', resourceVersion: await version() });
  });

  it('renews it for several people at once, and a credential that is let in stays in the Secret', async () => {
    const outcomes = await Promise.all([1, 2, 3].map(() => run('--apply', '--supervisor-context=supervisor')));

    expect(outcomes.some(({ code }) => code === 0)).to.equal(true);
    await isUsedAfterRestart();
  });

  it('keeps the credential before when the manager refuses the new kubeconfig, also for a manager that starts anew', async () => {
    const before = await held();
    const { code, stdout, stderr } = await run('--apply', '--supervisor-context=supervisor', '--server=https://169.254.1.1:6443');

    expect(code).to.equal(1);
    expect(stdout).to.equal('');
    expect(stderr).to.match(/is Ready with the credential before, and of the new one it says: InvalidKubeconfig: .*169\.254\.1\.1/);
    expect(stderr).to.include('the credential before is still in use and was kept: Secret default/east-kubeconfig');
    expect(await held()).to.deep.equal(before);
    await isUsedAfterRestart();
  });

  it('keeps the credential before when it is interrupted while a wrong --server does not connect', async () => {
    const before = await held();
    const known = await credentials();
    const args = command('--apply', '--supervisor-context=supervisor', '--server=https://127.0.0.1:1');
    const interrupted = new TestProcess('virt-steward kubeconfig', args);
    try {
      await untilConfig('to have taken up the new kubeconfig', async ({ status }) => {
        const { credentialsInUse: used, observedCredentials: observed } = status ?? {};
        return observed?.resourceVersion === (await version()) && used?.resourceVersion !== observed?.resourceVersion;
      });
      expect((await config()).status?.phase).to.equal('Ready');
      expect(await credentials()).to.have.length(known.length + 1);
      interrupted.signal('SIGINT');

      const { code } = await interrupted.exited;
      expect(code, interrupted.log).to.equal(1);
    } finally {
      await interrupted.stop();
    }
    expect(interrupted.log).to.include('the credential before is still in use and was kept');
    expect(await held()).to.deep.equal(before);
    await isUsedAfterRestart();
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
