/**
 * Engaged clusters, one for each KubevirtConfig that can be used. Leader only: informers of remote clusters run nowhere else.
 *
 * Expected flow: a config appears -> Secret read and judged -> engaged -> other content offered -> ... -> disengaged with config or Secret.
 * Guarantees: a kubeconfig that is refused never reaches the network and takes no working connection away; one config's trouble is its own.
 * Errors: none thrown for what somebody has to mend: it is in `problemOf`.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import { type Cluster, ClusterRegistry, inject, isOperatorError, singleton } from '../../framework';
import type { KubevirtConfig } from '../kinds';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';
import { SupervisorApi } from '../supervisor-api';
import { ClusterFindingsStore } from './cluster-findings';
import { clusterNameOf, keyOfCluster } from './cluster-key';
import { ConfigDirectory } from './config-directory';
import type { KubevirtConfigError } from './config-error';
import { engageOptionsOf, expiryMsOf, secretPlaceOf, serverOf, sha256, vettedKubeconfig } from './kubeconfig';
import { type FoundKubeconfig, KubeconfigSecrets, type SecretVersion } from './kubeconfig-secrets';
import { SupervisorIdentity } from './supervisor-identity';

/** What is known of a kubeconfig that was accepted. */
export interface ConnectionFacts {
  readonly server: string;
  readonly expiresAtMs: number | undefined;
  /** Where it was read when it was new. */
  readonly origin: SecretVersion;
}

interface Known {
  /** By hash: of the newest kubeconfig that was accepted, and of the one in use. */
  readonly facts: ReadonlyMap<string, ConnectionFacts>;
  /** Of the newest that was accepted. */
  readonly hash: string | undefined;
  /** What was judged last, with where it was read when it was new. */
  readonly observed: { readonly hash: string; readonly origin: SecretVersion } | undefined;
  /** Hash of the one in use. */
  readonly used: string | undefined;
  /** The newest that was accepted was found not to work, while the one in use does. */
  readonly isFailed: boolean;
  /** Why the kubeconfig that is named now is not in use. */
  readonly problem: KubevirtConfigError | undefined;
}

/** How the connection of a config has changed since it was asked last. */
export type EngageOutcome =
  | 'engaged'
  /** Another kubeconfig is in use. */
  | 'rotated'
  /** The kubeconfig was accepted and does not work; the one before is still in use. */
  | 'failed'
  | 'unchanged'
  /** The kubeconfig was not accepted. */
  | 'problem';

@singleton()
export class ClusterConnections {
  private readonly known = new Map<string, Known>();
  private readonly judgedListeners = new Set<(key: string) => void>();
  /** What was accepted last, with everything that the judgement depends on. */
  private readonly vetted = new Map<string, { readonly question: string; readonly kubeConfig: KubeConfig }>();

  constructor(
    private readonly clusters: ClusterRegistry,
    private readonly directory: ConfigDirectory,
    private readonly secrets: KubeconfigSecrets,
    private readonly findings: ClusterFindingsStore,
    private readonly api: SupervisorApi,
    private readonly identity: SupervisorIdentity,
    @inject(MACHINES_SETTINGS) private readonly settings: MachinesSettings,
  ) {
    clusters.subscribe(({ type, cluster }) => {
      if (type === 'recovered') findings.expire(keyOfCluster(cluster.name, api.home));
      if (type === 'judged') for (const listener of this.judgedListeners) listener(keyOfCluster(cluster.name, api.home));
    });
  }

  clusterOf(key: string): Cluster | undefined {
    return this.clusters.get(clusterNameOf(key, this.api.home));
  }

  problemOf(key: string): KubevirtConfigError | undefined {
    return this.known.get(key)?.problem;
  }

  /** Told when a kubeconfig that was offered came to be used, or was found not to work, while its cluster works as before. */
  onJudged(listener: (key: string) => void): void {
    this.judgedListeners.add(listener);
  }

  /** Of the kubeconfig in use; before there is a connection, of the one that it is made with. */
  factsOf(key: string): ConnectionFacts | undefined {
    const { facts, hash } = this.known.get(key) ?? {};
    return facts?.get(this.clusterOf(key)?.revision ?? '') ?? facts?.get(hash ?? '');
  }

  /** Where the kubeconfig was read that the cluster was checked with last; `undefined` = it cannot be said now. */
  inUse(key: string): SecretVersion | undefined {
    return this.known.get(key)?.facts.get(this.findings.get(key)?.revision ?? '')?.origin;
  }

  /** Where the kubeconfig was read that was judged last, used or not; `undefined` = there is none. */
  observed(key: string): SecretVersion | undefined {
    return this.known.get(key)?.observed?.origin;
  }

  /**
   * Uses what config and Secret say now.
   * @param anew read the Secret again, whatever its watch has told: the credential was refused.
   */
  async engage(config: KubevirtConfig, { anew }: { anew: boolean }): Promise<EngageOutcome> {
    const key = this.directory.keyOf(config);
    const before = this.known.get(key);
    let observed: Known['observed'];
    let vetted: { bytes: Buffer; kubeConfig: KubeConfig };
    try {
      const { bytes, origin } = await this.read(config, key, anew);
      observed = observedNow(before?.observed, sha256(bytes), origin);
      vetted = { bytes, kubeConfig: this.vet(config, key, bytes) };
    } catch (error) {
      if (!isOperatorError(error, 'KUBEVIRT_CONFIG')) throw error;
      const problem = error as KubevirtConfigError;
      // Our own API server is in trouble: nothing follows for the cluster.
      if (problem.problem === 'SecretUnreadable') throw problem;
      if (problem.problem !== 'InvalidKubeconfig') await this.end(key);
      const { facts = new Map(), hash, used, isFailed = false } = before ?? {};
      this.known.set(key, { facts, hash, used, isFailed, observed, problem });
      return 'problem';
    }
    const { bytes, kubeConfig } = vetted;
    const labels = `vitistack.io/supervisor-id=${await this.identity.id()}`;
    const { hash, origin } = observed;
    const options = { ...engageOptionsOf(config, this.settings), labels, revision: hash };
    const { revision = hash, health } = await this.clusters.engage(clusterNameOf(key, this.api.home), bytes, options);
    const facts = new Map([[hash, { server: serverOf(kubeConfig), expiresAtMs: expiryMsOf(kubeConfig), origin }]]);
    const inUse = before?.facts.get(revision);
    if (revision !== hash && inUse !== undefined) facts.set(revision, inUse);
    const isFailed = health.problem !== undefined;
    this.known.set(key, { facts, hash, used: revision, isFailed, observed, problem: undefined });
    if (before?.used === undefined) return 'engaged';
    if (before.used !== revision) return 'rotated';
    return isFailed && !before.isFailed ? 'failed' : 'unchanged';
  }

  /** The config is gone. */
  async disengage(key: string): Promise<void> {
    this.known.delete(key);
    this.vetted.delete(key);
    await this.end(key);
  }

  /** This process leads no more. */
  async disengageAll(): Promise<void> {
    const keys = [...this.known.keys()];
    await Promise.all(keys.map((key) => this.disengage(key)));
  }

  private async end(key: string): Promise<void> {
    this.findings.forget(key);
    await this.clusters.disengage(clusterNameOf(key, this.api.home));
  }

  private async read(config: KubevirtConfig, key: string, anew: boolean): Promise<FoundKubeconfig> {
    const place = this.directory.placeOf(key);
    const secret = secretPlaceOf(config, place);
    this.secrets.follow(key, secret);
    return this.secrets.kubeconfig(place, secret, { anew });
  }

  private vet(config: KubevirtConfig, key: string, bytes: Buffer): KubeConfig {
    const place = this.directory.placeOf(key);
    // Reading YAML takes longer than all the rest, and a config is looked at often while Machines come and go.
    const options = engageOptionsOf(config, this.settings);
    const question = `${sha256(bytes)} ${JSON.stringify(options)} ${JSON.stringify(place)}`;
    const known = this.vetted.get(key);
    if (known?.question === question) return known.kubeConfig;
    const kubeConfig = vettedKubeconfig(bytes, place, options);
    this.vetted.set(key, { question, kubeConfig });
    return kubeConfig;
  }
}

/** A Secret that holds the same under another resourceVersion is no news. */
function observedNow(before: Known['observed'], hash: string, origin: SecretVersion): NonNullable<Known['observed']> {
  const { namespace, name } = before?.origin ?? {};
  return before?.hash === hash && namespace === origin.namespace && name === origin.name ? before : { hash, origin };
}
