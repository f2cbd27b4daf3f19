/**
 * Checks each engaged cluster: when it answers for the first time or again, when its config changed, and at intervals.
 *
 * Owns: when a check runs, in a queue of the cluster's own, so that one that does not answer delays no other. Never: ends anything.
 */
import {
  type Cluster,
  ClusterRegistry,
  CustomResourceDefinition,
  clusterChanges,
  DaemonSet,
  Deployment,
  defineVirtualKind,
  Handler,
  inject,
  type KeySink,
  type KeySource,
  LOCAL_CLUSTER,
  LOGGER,
  type Logger,
  Namespace,
  type RbacRule,
  Reconcile,
  type ReconcileContext,
  type ReconcileResult,
  Source,
  singleton,
} from '../../framework';
import { checkCluster } from '../clusters/cluster-checks';
import { ClusterFindingsStore } from '../clusters/cluster-findings';
import { keyOfCluster } from '../clusters/cluster-key';
import { COMPARED_CRDS, COMPONENTS, KubeVirt } from '../clusters/remote-kinds';
import { REMOTE_RIGHTS } from '../clusters/remote-rights';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';
import { SupervisorApi } from '../supervisor-api';

/** The check of one cluster; its key is the name of the cluster. */
export interface ClusterCheck {
  readonly cluster: string;
}
export const ClusterCheck = defineVirtualKind<ClusterCheck>('ClusterCheck');

/** Who asks for checks, and who is told of their end. */
@singleton()
export class ClusterCheckQueue {
  private readonly sinks = new Map<string, KeySink>();
  private readonly listeners = new Set<() => void>();
  private readonly identityListeners = new Set<() => void>();

  /** Checks a cluster soon. */
  ask(clusterName: string): void {
    this.sinks.get(clusterName)?.touch(clusterName);
  }

  /** Told of the end of each check. */
  onChecked(listener: () => void): void {
    this.listeners.add(listener);
  }

  /** Told when it is known which cluster one is, or that it is another one. */
  onIdentified(listener: () => void): void {
    this.identityListeners.add(listener);
  }

  checked({ isIdentityNews }: { isIdentityNews: boolean }): void {
    for (const listener of this.listeners) listener();
    if (isIdentityNews) for (const listener of this.identityListeners) listener();
  }

  open(clusterName: string, sink: KeySink): void {
    this.sinks.set(clusterName, sink);
  }

  close(clusterName: string): void {
    this.sinks.delete(clusterName);
  }
}

@Source(ClusterCheck)
export class ClusterCheckSource implements KeySource<ClusterCheck> {
  constructor(private readonly queue: ClusterCheckQueue) {}

  resolve(key: string, cluster: string): ClusterCheck | undefined {
    return cluster === LOCAL_CLUSTER ? undefined : { cluster: key };
  }

  start(sink: KeySink, cluster: string): void {
    if (cluster !== LOCAL_CLUSTER) {
      sink.add(cluster);
      this.queue.open(cluster, sink);
    }
    sink.synced();
  }

  stop(cluster: string): void {
    this.queue.close(cluster);
  }
}

const CHECK_AGAIN_MS = 100;
const FORBIDDEN_AGAIN_MS = 30_000;
const REMOTE = { clusters: 'remotes' } as const;

@Handler({
  rbac: [
    { ...REMOTE, kind: Namespace, verbs: ['get'], why: 'identity of the cluster, and the namespace of KubeVirt' },
    { ...REMOTE, kind: KubeVirt, verbs: ['list'], why: 'whether KubeVirt is available, and its version' },
    { ...REMOTE, kind: Deployment, verbs: ['get'], names: [...COMPONENTS], why: 'whether the components of KubeVirt run' },
    { ...REMOTE, kind: DaemonSet, verbs: ['get'], names: [...COMPONENTS], why: 'whether the components of KubeVirt run' },
    {
      ...REMOTE,
      kind: CustomResourceDefinition,
      verbs: ['get'],
      names: [...COMPARED_CRDS],
      why: 'whether clusters serve the same versions',
    },
  ],
})
export class ClusterCheckHandler {
  /** Findings as they were logged last, by cluster key; they go with the cluster. */
  private readonly logged = new Map<string, string>();

  constructor(
    private readonly findings: ClusterFindingsStore,
    private readonly queue: ClusterCheckQueue,
    private readonly api: SupervisorApi,
    private readonly clusters: ClusterRegistry,
    @inject(REMOTE_RIGHTS) private readonly rights: () => readonly RbacRule[],
    @inject(MACHINES_SETTINGS) private readonly settings: MachinesSettings,
    @inject(LOGGER) private readonly logger: Logger,
  ) {
    clusters.subscribe(({ type, cluster }) => {
      if (type === 'disengaged') this.logged.delete(keyOfCluster(cluster.name, api.home));
    });
  }

  @Reconcile(ClusterCheck, {
    clusters: 'remotes',
    concurrency: 1,
    watches: [clusterChanges(({ name, health }) => (health.state === 'Ready' ? [name] : []))],
  })
  async check(_check: ClusterCheck, ctx: ReconcileContext): Promise<ReconcileResult> {
    if (!isAnswering(ctx.cluster)) return;
    const key = keyOfCluster(ctx.cluster.name, this.api.home);
    const { checkIntervalMs } = this.settings;
    const epoch = this.findings.epochOf(key);
    const { revision } = ctx.cluster;
    const found = await checkCluster(ctx.client, key, this.rights(), { signal: ctx.signal });
    if (this.clusters.get(ctx.cluster.name) !== ctx.cluster) return;
    const before = this.findings.get(key);
    // Another connection has taken over meanwhile: that was the one before.
    if (!this.findings.set(key, { ...found, revision }, epoch)) return { requeueAfterMs: CHECK_AGAIN_MS };
    this.log(key);
    this.queue.checked({ isIdentityNews: before === undefined || before.clusterId !== found.clusterId });
    // Whoever gives a right does not tell us.
    return { requeueAfterMs: found.forbidden === undefined ? checkIntervalMs : Math.min(checkIntervalMs, FORBIDDEN_AGAIN_MS) };
  }

  private log(key: string): void {
    const texts = this.findings.textsOf(key, this.settings.expectsImporter);
    const text = texts.map((finding) => `\n- ${finding}`).join('');
    if (this.logged.get(key) === text) return;
    const isFirst = !this.logged.has(key);
    this.logged.set(key, text);
    if (texts.length > 0) this.logger.warn(`⚠️ KubeVirt cluster checks failed:${text}`, { kubevirtConfig: key });
    else
      this.logger.info(`✅ ${isFirst ? 'KubeVirt cluster checks passed' : 'KubeVirt cluster checks pass again'}`, { kubevirtConfig: key });
  }
}

function isAnswering({ health }: Cluster): boolean {
  return health.state === 'Ready' || health.state === 'Degraded';
}
