/**
 * What the manager has made for Wake-on-LAN and nobody removes once it is gone, and what stays for the next installation.
 *
 * Owns: the names, and the proof that a DaemonSet is ours. Never: deletes.
 */
import { ConfigMap, DaemonSet, type KubeClient, NotFoundError, Secret } from '../framework';
import { APP, APP_LABEL } from './deployment/agent-names';
import { LEARNED_MAC_CONFIG_MAPS } from './manager/learned-macs';
import { AGENT_SECRET, AUTHORITY_SECRET, BUNDLE_CONFIG_MAP, SERVER_SECRET } from './protocol/identity';
import { WolConfig } from './wol-config';

/** Objects of one name each in the manager's namespace; those that carry another operator's label are somebody else's. */
const made = [
  { kind: Secret, name: SERVER_SECRET },
  { kind: Secret, name: AUTHORITY_SECRET },
  { kind: Secret, name: AGENT_SECRET },
  { kind: ConfigMap, name: BUNDLE_CONFIG_MAP },
];

export const wolRemoval = {
  made,
  kept: LEARNED_MAC_CONFIG_MAPS.map((name) => ({ kind: ConfigMap, name, why: 'addresses learned for WolConfigs' })),
  ownKinds: [WolConfig],
  workload: { kind: DaemonSet, ours: agentsOf },
};

/** DaemonSets that carry the label of agents and are controlled by a WolConfig that there is. */
async function agentsOf(client: Pick<KubeClient, 'list'>, namespace: string): Promise<DaemonSet[]> {
  const configs = await configUids(client);
  if (configs.size === 0) return [];
  const agents = await client.list(DaemonSet, { namespace, labels: `${APP_LABEL}=${APP}` }).toArray();
  return agents.filter(({ metadata }) =>
    metadata?.ownerReferences?.some(({ controller, kind, uid }) => controller === true && kind === WolConfig.kind && configs.has(uid)),
  );
}

async function configUids(client: Pick<KubeClient, 'list'>): Promise<Set<string>> {
  try {
    const configs = await client.list(WolConfig).toArray();
    return new Set(configs.flatMap(({ metadata }) => metadata?.uid ?? []));
  } catch (error) {
    // Without their definition there are none, and what they owned is removed with them.
    if (error instanceof NotFoundError) return new Set();
    throw error;
  }
}
