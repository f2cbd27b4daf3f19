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
import { KubeconfigSecrets } from './kubeconfig-secrets';
import { SupervisorIdentity } from './supervisor-identity';

/** What is known of the kubeconfig in use. */
export interface ConnectionFacts {
  readonly server: string;
  readonly expiresAtMs: number | undefined;
}

interface Known {
  readonly facts: ConnectionFacts | undefined;
  readonly hash: string | undefined;
  /** Why the kubeconfig that is named now is not in use. */
  readonly problem: KubevirtConfigError | undefined;
}

/** How the connection of a config has changed. */
export type EngageOutcome = 'engaged' | 'rotated' | 'unchanged' | 'problem';

@singleton()
export class ClusterConnections {
  private readonly known = new Map<string, Known>();
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
    });
  }

  clusterOf(key: string): Cluster | undefined {
    return this.clusters.get(clusterNameOf(key, this.api.home));
  }

  problemOf(key: string): KubevirtConfigError | undefined {
    return this.known.get(key)?.problem;
  }

  factsOf(key: string): ConnectionFacts | undefined {
    return this.known.get(key)?.facts;
  }

  /**
   * Uses what config and Secret say now.
   * @param anew read the Secret again, whatever its watch has told: the credential was refused.
   */
  async engage(config: KubevirtConfig, { anew }: { anew: boolean }): Promise<EngageOutcome> {
    const key = this.directory.keyOf(config);
    const before = this.known.get(key);
    let vetted: { bytes: Buffer; kubeConfig: KubeConfig };
    try {
      vetted = await this.read(config, key, anew);
    } catch (error) {
      if (!isOperatorError(error, 'KUBEVIRT_CONFIG')) throw error;
      const problem = error as KubevirtConfigError;
      // Our own API server is in trouble: nothing follows for the cluster.
      if (problem.problem === 'SecretUnreadable') throw problem;
      if (problem.problem !== 'InvalidKubeconfig') await this.end(key);
      this.known.set(key, { facts: before?.facts, hash: before?.hash, problem });
      return 'problem';
    }
    const { bytes, kubeConfig } = vetted;
    const labels = `vitistack.io/supervisor-id=${await this.identity.id()}`;
    await this.clusters.engage(clusterNameOf(key, this.api.home), bytes, { ...engageOptionsOf(config, this.settings), labels });
    const hash = sha256(bytes);
    this.known.set(key, { facts: { server: serverOf(kubeConfig), expiresAtMs: expiryMsOf(kubeConfig) }, hash, problem: undefined });
    if (before?.hash === undefined) return 'engaged';
    return before.hash === hash ? 'unchanged' : 'rotated';
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

  private async read(config: KubevirtConfig, key: string, anew: boolean): Promise<{ bytes: Buffer; kubeConfig: KubeConfig }> {
    const place = this.directory.placeOf(key);
    const secret = secretPlaceOf(config, place);
    this.secrets.follow(key, secret);
    const bytes = await this.secrets.kubeconfig(place, secret, { anew });
    // Reading YAML takes longer than all the rest, and a config is looked at often while Machines come and go.
    const options = engageOptionsOf(config, this.settings);
    const question = `${sha256(bytes)} ${JSON.stringify(options)} ${JSON.stringify(place)}`;
    const known = this.vetted.get(key);
    if (known?.question === question) return { bytes, kubeConfig: known.kubeConfig };
    const kubeConfig = vettedKubeconfig(bytes, place, options);
    this.vetted.set(key, { question, kubeConfig });
    return { bytes, kubeConfig };
  }
}
