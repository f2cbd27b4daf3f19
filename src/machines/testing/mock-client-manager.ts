/**
 * A ClientManager without clusters, for tests of whoever needs one: answers with what the test gave it and records what it was asked.
 *
 * Owns: the simplified placement that tests need. Never: the rules of the module; placement-rules.ts has those.
 */
import { KubeConfig } from '@kubernetes/client-node';
import type { CallOptions, ClientManager, KubernetesClient, MachineClient, RestConfig } from '../clusters/client-manager';
import { CONFIG_ANNOTATION } from '../keys';
import type { KubevirtConfig, Machine } from '../kinds';

export class MockClientManager implements ClientManager {
  /** Cluster keys, in the order of the calls. */
  readonly getClientCalls: string[] = [];
  readonly invalidateCalls: string[] = [];
  readonly validateCalls: string[] = [];
  getOrCreateFromMachineCalls = 0;
  /** Thrown by every call for a client. */
  getClientError: Error | undefined;
  /** Thrown by every list. */
  listError: Error | undefined;
  /** What validating a cluster throws. */
  validateError: (name: string) => Error | undefined = () => undefined;
  /** Takes the place of the answer. */
  onGetClientForConfig: ((name: string) => Promise<KubernetesClient>) | undefined;
  onGetOrCreateClientFromMachine: ((machine: Machine) => Promise<MachineClient>) | undefined;
  private readonly clients = new Map<string, KubernetesClient>();
  private readonly configs = new Map<string, KubevirtConfig>();
  private supervisor: KubernetesClient | undefined;
  private defaultConfig = '';

  constructor(private readonly configNamespace = 'default') {}

  addMockedClient(name: string, client: KubernetesClient): this {
    this.clients.set(name, client);
    return this;
  }

  addMockedConfig(config: KubevirtConfig): this {
    this.configs.set(config.metadata?.name ?? '', config);
    return this;
  }

  setSupervisorClient(client: KubernetesClient): this {
    this.supervisor = client;
    return this;
  }

  setDefaultConfig(name: string): this {
    this.defaultConfig = name;
    return this;
  }

  /** As it was made, without anything that was added, injected or recorded. */
  reset(): void {
    for (const calls of [this.getClientCalls, this.invalidateCalls, this.validateCalls]) calls.length = 0;
    this.getOrCreateFromMachineCalls = 0;
    this.getClientError = undefined;
    this.listError = undefined;
    this.validateError = () => undefined;
    this.onGetClientForConfig = undefined;
    this.onGetOrCreateClientFromMachine = undefined;
    this.clients.clear();
    this.configs.clear();
    this.supervisor = undefined;
    this.defaultConfig = '';
  }

  async getClientForConfig(name: string): Promise<KubernetesClient> {
    this.getClientCalls.push(name);
    if (this.onGetClientForConfig !== undefined) return this.onGetClientForConfig(name);
    if (this.getClientError !== undefined) throw this.getClientError;
    const client = this.clients.get(name);
    if (client === undefined) throw new Error(`mock: KubevirtConfig ${name} not found`);
    return client;
  }

  async getOrCreateClientFromMachine(machine: Machine): Promise<MachineClient> {
    this.getOrCreateFromMachineCalls++;
    if (this.onGetOrCreateClientFromMachine !== undefined) return this.onGetOrCreateClientFromMachine(machine);
    const annotated = (machine.metadata?.annotations?.[CONFIG_ANNOTATION] ?? '').trim();
    const placed = async (configName: string, rule: MachineClient['rule']): Promise<MachineClient> => {
      const client = await this.getClientForConfig(configName);
      return { client, configName, needsAnnotationUpdate: rule !== 'Annotation', rule };
    };
    if (annotated !== '') return placed(annotated, 'Annotation');
    if (this.defaultConfig !== '') return placed(this.defaultConfig, 'Default');
    const [only, ...others] = this.configs.size > 0 ? this.configs.keys() : this.clients.keys();
    if (only !== undefined && others.length === 0) return placed(only, 'Single');
    const why = this.configs.size > 1 ? `${this.configs.size} configs are available - cannot determine placement` : 'no configs available';
    throw new Error(`mock: machine has no kubevirt-config annotation and ${why}`);
  }

  async listKubevirtConfigs(): Promise<readonly KubevirtConfig[]> {
    if (this.listError !== undefined) throw this.listError;
    return [...this.configs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, config]) => config);
  }

  async validateConnection(name: string): Promise<void> {
    this.validateCalls.push(name);
    const error = this.validateError(name);
    if (error !== undefined) throw error;
  }

  async healthCheck(_options?: CallOptions): Promise<ReadonlyMap<string, Error>> {
    const errors = [...this.clients.keys()].map((name) => [name, this.validateError(name)] as const);
    return new Map(errors.filter((entry): entry is readonly [string, Error] => entry[1] !== undefined));
  }

  invalidateClient(name: string): void {
    this.invalidateCalls.push(name);
  }

  invalidateAll(): void {
    for (const name of this.clients.keys()) this.invalidateClient(name);
  }

  async getRestConfigForConfig(name: string): Promise<RestConfig> {
    const server = `https://mock-${name}.example.com:6443`;
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromClusterAndUser({ name, server, skipTLSVerify: false }, { name: 'mock', token: 'mock' });
    return { server, kubeConfig };
  }

  getSupervisorClient(): KubernetesClient {
    if (this.supervisor === undefined) throw new Error('mock: no supervisor client was set');
    return this.supervisor;
  }

  getConfigNamespace(): string {
    return this.configNamespace;
  }
}
