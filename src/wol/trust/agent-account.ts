/**
 * The service account that agents run as, as deployed and as believed: one answer for the pods, for the client certificate and for the
 * gate that lets reports in.
 *
 * Owns: finding it by its labels where no flag names it. Never: creates one.
 */
import { Cluster, inject, type KubernetesObject, objectKey, ServiceAccount, type StoreReader, singleton } from '../../framework';
import { agentAccount, SERVICE_ACCOUNTS } from '../deployment/agent-environment';
import { serviceAccountUser } from '../protocol/identity';
import { WOL_SETTINGS, type WolSettings } from '../settings';

@singleton()
export class AgentAccount {
  constructor(
    private readonly cluster: Cluster,
    @inject(WOL_SETTINGS) private readonly settings: WolSettings,
  ) {}

  /** The accounts have been listed, or do not matter. */
  get isKnown(): boolean {
    return this.settings.agents.serviceAccount !== undefined || this.accounts.synced;
  }

  get name(): string {
    return this.settings.agents.serviceAccount ?? agentAccount(this.accounts.list());
  }

  /** It was looked for and is not there, so that no pod of an agent can be made. */
  get isMissing(): boolean {
    return this.accounts.synced && this.accounts.get(objectKey(this.settings.namespace, this.name)) === undefined;
  }

  /** As the API server names it. */
  get user(): string {
    return serviceAccountUser(this.settings.namespace, this.name);
  }

  private get accounts(): StoreReader<KubernetesObject> {
    return this.cluster.store(ServiceAccount, SERVICE_ACCOUNTS);
  }
}
