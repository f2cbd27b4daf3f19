/** A fake supervisor and one fake remote cluster, for tests of connections alone. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContainer, Handler, MetricsRegistry, Namespace, OnStartup, Secret, StewardOperator } from '../../../../src/framework';
import { FakeApiServer, FakeClock, RecordingLogger, TestOperator } from '../../../../src/framework/testing';
import { exceptionalSecretRights, KubevirtConfig, machinesHandlersFor, provideMachines } from '../../../../src/machines';
import { ClusterClients } from '../../../../src/machines/clusters/cluster-clients';
import { KubeVirt } from '../../../../src/machines/clusters/remote-kinds';
import { ROOT } from '../../../harness/steward-cluster';
import { theSettings } from '../the-settings';

export interface ClustersWorld extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly supervisor: FakeApiServer;
  readonly remote: FakeApiServer;
  readonly operator: TestOperator;
  readonly log: RecordingLogger;
  /** Of the operator that runs now. */
  clients(): ClusterClients;
  /** Kubeconfigs of config `east` that are counted by the operator that runs now. */
  rotations(result: 'used' | 'refused'): Promise<number | undefined>;
  /** Creates a Secret with a kubeconfig of the remote. */
  secret(namespace: string, name: string, kubeconfig?: string): void;
  config(name: string, namespace: string | undefined, spec?: Partial<KubevirtConfig['spec']>): void;
}

export interface ClustersWorldOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The CRD of KubevirtConfig is that of the second generation. @default false */
  readonly clusterScoped?: boolean;
  /** CRDs that are there from the start. @default all */
  readonly crds?: readonly string[];
  readonly election?: 'leader' | 'standby';
}

const CRDS = ['machines', 'kubevirtconfigs', 'networkconfigurations'];

@Handler()
class ClientsProbe {
  static latest: ClusterClients | undefined;
  static metrics: MetricsRegistry | undefined;

  constructor(
    private readonly clients: ClusterClients,
    private readonly metrics: MetricsRegistry,
  ) {}

  @OnStartup()
  see(): void {
    ClientsProbe.latest = this.clients;
    ClientsProbe.metrics = this.metrics;
  }
}

export function crdText(name: string, clusterScoped = false): string {
  const text = readFileSync(join(ROOT, 'crds', `vitistack.io_${name}.yaml`), 'utf8');
  return clusterScoped ? text.replace('scope: Namespaced', 'scope: Cluster') : text;
}

export async function aClustersWorld(options: ClustersWorldOptions = {}): Promise<ClustersWorld> {
  const { env = {}, clusterScoped = false, crds = CRDS, election } = options;
  const clock = new FakeClock();
  const log = new RecordingLogger();
  const supervisor = await FakeApiServer.start({ clock });
  for (const crd of crds) supervisor.installCrd(crdText(crd, clusterScoped && crd === 'kubevirtconfigs'));
  supervisor.objects.create(Namespace, { metadata: { name: 'kube-system' } });
  const remote = await FakeApiServer.start({ clock, tls: true, kinds: [KubeVirt] });
  for (const name of ['kube-system', 'kubevirt']) remote.objects.create(Namespace, { metadata: { name } });
  const settings = theSettings(env);
  const operator = await TestOperator.start({
    handlers: [...machinesHandlersFor(settings), ClientsProbe],
    exceptionalRights: exceptionalSecretRights(settings),
    ...{ server: supervisor, remotes: [remote], clock, logger: log, domain: 'virt-steward.io' },
    ...(election === undefined ? {} : { election }),
    create: (given) => {
      const container = createContainer();
      provideMachines(container, settings);
      return new StewardOperator({ ...given, container });
    },
  });
  const put = (namespace: string, name: string, kubeconfig: string): void => {
    const data = { kubeconfig: Buffer.from(kubeconfig).toString('base64') };
    supervisor.objects.create(Secret, { metadata: { namespace, name }, data });
  };
  return {
    ...{ clock, supervisor, remote, operator, log },
    clients: () => ClientsProbe.latest!,
    rotations: async (result) => {
      const series = `steward_machines_credential_rotations_total{cluster="east",result="${result}"} `;
      const line = (await ClientsProbe.metrics?.metrics())?.split('\n').find((text) => text.startsWith(series));
      return line === undefined ? undefined : Number(line.slice(series.length));
    },
    secret: (namespace, name, kubeconfig = remote.kubeconfig('token')) => put(namespace, name, kubeconfig),
    config: (name, namespace, spec = {}) => {
      const metadata = namespace === undefined ? { name } : { name, namespace };
      supervisor.objects.create(KubevirtConfig, { metadata, spec: { name, kubeconfigSecretRef: `${name}-kubeconfig`, ...spec } });
    },
    [Symbol.asyncDispose]: async () => {
      await operator.kill();
      await Promise.all([supervisor.stop(), remote.stop()]);
    },
  };
}
