/**
 * The Secrets and ConfigMaps that security between agents and manager rests on, as the caches have them.
 *
 * Owns: which objects are watched, each by its name, and reading them. Never: writes, and reads no other Secret.
 */
import {
  Cluster,
  ConfigMap,
  inject,
  type Kind,
  type KubernetesObject,
  mapped,
  type ObjectKey,
  OPERATOR_NAMESPACE,
  Secret,
  type Selection,
  ServiceAccount,
  singleton,
  type Watch,
} from '../../framework';
import { secretValues } from '../certificates/certificate-store';
import { SERVICE_ACCOUNTS } from '../deployment/agent-environment';
import { authoritySource, watchedSecrets } from '../grpc-settings';
import { BUNDLE_CONFIG_MAP } from '../protocol/identity';
import { WOL_SETTINGS, type WolSettings } from '../settings';

/** Key of the one thing that is reconciled: the trust between agents and manager as a whole. */
export const GRPC_TRUST_KEY: ObjectKey = 'grpc';

/** Which objects there are, from the settings alone: also what rights are derived from. */
@singleton()
export class GrpcObjectNames {
  constructor(@inject(WOL_SETTINGS) private readonly settings: WolSettings) {}

  /** A change of any of them is looked at. */
  watches(): Watch[] {
    const { grpc } = this.settings;
    if (grpc.insecure) return [];
    const source = authoritySource(grpc);
    const configMaps = source.kind === 'ConfigMap' ? [BUNDLE_CONFIG_MAP, source.name] : [BUNDLE_CONFIG_MAP];
    const watch = <T extends KubernetesObject>(kind: Kind<T>, name: string): Watch =>
      mapped(kind, () => [GRPC_TRUST_KEY], { select: selectionOf(name) });
    const accounts = grpc.mtls ? [mapped(ServiceAccount, () => [GRPC_TRUST_KEY], { select: SERVICE_ACCOUNTS })] : [];
    return [...accounts, ...watchedSecrets(grpc).map((name) => watch(Secret, name)), ...configMaps.map((name) => watch(ConfigMap, name))];
  }
}

@singleton()
export class GrpcObjects {
  constructor(
    private readonly cluster: Cluster,
    @inject(WOL_SETTINGS) private readonly settings: WolSettings,
  ) {}

  /** Values of a Secret that is watched; `undefined` when there is none. */
  secret(name: string): Promise<Record<string, string> | undefined> {
    return this.values(Secret, name, secretValues);
  }

  configMap(name: string): Promise<Record<string, string> | undefined> {
    return this.values(ConfigMap, name, ({ data }) => data ?? {});
  }

  /** Calls back inline after a change of a Secret or ConfigMap that is watched. */
  onChange(kind: typeof Secret | typeof ConfigMap, name: string, listener: () => void): void {
    this.cluster.informers.ensure(kind as Kind, selectionOf(name)).subscribe(listener);
  }

  /** From the cache; before it is filled, as at start, from the API server. */
  private async values<T extends KubernetesObject>(
    kind: Kind<T>,
    name: string,
    read: (object: T) => Record<string, string>,
  ): Promise<Record<string, string> | undefined> {
    const key = `${this.settings.namespace}/${name}`;
    const store = this.cluster.store(kind, selectionOf(name));
    const object = store.synced ? store.get(key) : await this.cluster.client.find(kind, key);
    return object === undefined ? undefined : read(object);
  }
}

/** One object in the namespace of the manager. */
export function selectionOf(name: string): Selection {
  return { namespaces: [OPERATOR_NAMESPACE], fields: `metadata.name=${name}` };
}
