/**
 * Clients of remote clusters: that of the engaged cluster on the leader, one of its own on a standby.
 *
 * Expected flow: asked for -> the engaged cluster answers | a cached client | KubevirtConfig and Secret are read, judged and a client built.
 * Guarantees: concurrent misses share one build; nothing is cached after an error; what a changed Secret or config made old is closed.
 * Assumptions: somebody tells of changes through `invalidateClient`.
 * Caveats: an engaged cluster outlives its entry here; engagement alone ends it.
 * Errors: KubevirtConfigError with the texts of config-error.ts, PlacementError.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import {
  CLOCK,
  type Clock,
  Cluster,
  ClusterRegistry,
  inject,
  isOperatorError,
  Namespace,
  type OpenedClient,
  openClient,
  singleton,
  sleep,
  userAgentOf,
} from '../../framework';
import { KubevirtConfig, type Machine } from '../kinds';
import { PlacementDecider } from '../placement/placement-decider';
import { PlacementError } from '../placement/placement-rules';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';
import { SupervisorApi } from '../supervisor-api';
import type { CallOptions, ClientManager, KubernetesClient, MachineClient, RestConfig } from './client-manager';
import { clusterNameOf, objectKeyOf } from './cluster-key';
import { ConfigDirectory } from './config-directory';
import { clientFailed, configBeingDeleted, configNotFound, configUnreadable, listFailed, validationFailed } from './config-error';
import { engageOptionsOf, secretPlaceOf, serverOf, vettedKubeconfig } from './kubeconfig';
import { KubeconfigSecrets } from './kubeconfig-secrets';

/** Longest wait for the answer that says whether a cluster is well. */
const VALIDATION_MS = 5_000;

@singleton()
export class ClusterClients implements ClientManager {
  private readonly own = new Map<string, OpenedClient>();
  private readonly building = new Map<string, Promise<KubernetesClient>>();

  constructor(
    private readonly supervisor: Cluster,
    private readonly clusters: ClusterRegistry,
    private readonly directory: ConfigDirectory,
    private readonly secrets: KubeconfigSecrets,
    private readonly api: SupervisorApi,
    private readonly placement: PlacementDecider,
    @inject(CLOCK) private readonly clock: Clock,
    @inject(MACHINES_SETTINGS) private readonly settings: MachinesSettings,
  ) {}

  async getClientForConfig(name: string, options: CallOptions = {}): Promise<KubernetesClient> {
    options.signal?.throwIfAborted();
    const engaged = this.clusters.get(clusterNameOf(name, this.api.home));
    if (engaged !== undefined && engaged.health.state !== 'Refused') return engaged.client;
    const cached = this.own.get(name);
    if (cached !== undefined) return cached.client;
    const known = this.building.get(name);
    if (known !== undefined) return known;
    const building = this.build(name).finally(() => {
      if (this.building.get(name) === building) this.building.delete(name);
    });
    this.building.set(name, building);
    return building;
  }

  async getOrCreateClientFromMachine(machine: Machine, options: CallOptions = {}): Promise<MachineClient> {
    const decision = await this.placement.decide(machine, (key, { signal }) => this.getClientForConfig(key, { signal }), options);
    if (decision.type === 'unplaced') throw new PlacementError(decision);
    const { key, rule, needsAnnotation } = decision;
    if (rule !== 'Recorded' && this.directory.get(key)?.metadata?.deletionTimestamp !== undefined) {
      throw configBeingDeleted(this.directory.placeOf(key));
    }
    const client = await this.getClientForConfig(key, options);
    return { client, configName: key, needsAnnotationUpdate: needsAnnotation, rule };
  }

  async listKubevirtConfigs({ signal }: CallOptions = {}): Promise<readonly KubevirtConfig[]> {
    try {
      const configs: KubevirtConfig[] = [];
      for await (const config of this.supervisor.client.list(KubevirtConfig, { signal })) {
        if (this.directory.counts(config.metadata?.namespace ?? '')) configs.push(config);
      }
      return configs.sort((a, b) => (this.directory.keyOf(a) < this.directory.keyOf(b) ? -1 : 1));
    } catch (cause) {
      throw listFailed(cause);
    }
  }

  async validateConnection(name: string, options: CallOptions = {}): Promise<void> {
    const client = await this.getClientForConfig(name, options);
    const limit = new AbortController();
    const signal = options.signal === undefined ? limit.signal : AbortSignal.any([limit.signal, options.signal]);
    const timeout = sleep(this.clock, VALIDATION_MS, limit.signal).then(
      () => limit.abort(new Error(`no answer within ${VALIDATION_MS / 1_000} s`)),
      () => undefined,
    );
    try {
      await client.get(Namespace, 'kube-system', { signal });
    } catch (cause) {
      throw validationFailed(cause);
    } finally {
      limit.abort();
      await timeout;
    }
  }

  async healthCheck(options: CallOptions = {}): Promise<ReadonlyMap<string, Error>> {
    const engaged = this.directory.all().map((config) => this.directory.keyOf(config));
    const isEngaged = (key: string): boolean => this.clusters.get(clusterNameOf(key, this.api.home)) !== undefined;
    const names = [...new Set([...this.own.keys(), ...engaged.filter(isEngaged)])].sort();
    const results = await Promise.all(
      names.map(async (name) => {
        const error = await this.validateConnection(name, options).then(() => undefined, errorOf);
        return [name, error] as const;
      }),
    );
    return new Map(results.filter((result): result is readonly [string, Error] => result[1] !== undefined));
  }

  invalidateClient(name: string): void {
    this.building.delete(name);
    this.own.get(name)?.close();
    this.own.delete(name);
  }

  invalidateAll(): void {
    for (const name of [...this.own.keys(), ...this.building.keys()]) this.invalidateClient(name);
  }

  async getRestConfigForConfig(name: string, options: CallOptions = {}): Promise<RestConfig> {
    const { kubeConfig } = await this.read(name, options);
    return { server: serverOf(kubeConfig), kubeConfig };
  }

  getSupervisorClient(): KubernetesClient {
    return this.supervisor.client;
  }

  getConfigNamespace(): string {
    return this.api.home;
  }

  private async build(name: string): Promise<KubernetesClient> {
    const { kubeConfig, config } = await this.read(name, {});
    const { maxInFlight, qps, burst, requestTimeoutMs } = engageOptionsOf(config, this.settings);
    const limits = {
      compress: true,
      ...(maxInFlight === undefined ? {} : { maxInFlight }),
      ...(qps === undefined ? {} : { qps }),
      ...(burst === undefined ? {} : { burst }),
    };
    try {
      const opened = openClient(kubeConfig, {
        ...{ clock: this.clock, userAgent: userAgentOf('machines', 'virt-steward'), cluster: name, limits },
        ...(requestTimeoutMs === undefined ? {} : { totalTimeoutMs: requestTimeoutMs }),
      });
      this.invalidateClient(name);
      this.own.set(name, opened);
      return opened.client;
    } catch (cause) {
      throw clientFailed(this.directory.placeOf(name), cause);
    }
  }

  /** KubevirtConfig and Secret as they are now. @throws {KubevirtConfigError} */
  private async read(name: string, { signal }: CallOptions): Promise<{ config: KubevirtConfig; kubeConfig: KubeConfig }> {
    const place = this.directory.placeOf(name);
    if (!this.directory.counts(place.namespace)) throw configNotFound(place);
    let config: KubevirtConfig;
    try {
      config = await this.supervisor.client.get(KubevirtConfig, objectKeyOf(name, this.api.home), { signal });
    } catch (cause) {
      throw isOperatorError(cause, 'NOT_FOUND') ? configNotFound(place) : configUnreadable(place, cause);
    }
    const secret = secretPlaceOf(config, place);
    const { bytes } = await this.secrets.kubeconfig(place, secret, { anew: true });
    return { config, kubeConfig: vettedKubeconfig(bytes, place, engageOptionsOf(config, this.settings)) };
  }
}

function errorOf(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
