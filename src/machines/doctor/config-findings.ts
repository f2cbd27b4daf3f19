/**
 * What a KubevirtConfig says of its cluster, and whether its kubeconfig may be used.
 *
 * Owns: the remedies. Never: connects to the cluster; prints content of a Secret.
 */
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import { type Finding, fail, ok, unchecked, warn } from '../../kubevirt/diagnosis/finding';
import { keyOfConfig } from '../clusters/cluster-key';
import { type ConfigPlace, KubevirtConfigError, secretGone } from '../clusters/config-error';
import { engageOptionsOf, expiryMsOf, kubeconfigIn, secretPlaceOf, serverOf, vettedKubeconfig } from '../clusters/kubeconfig';
import type { KubevirtConfig } from '../kinds';
import type { MachinesSettings } from '../settings';
import type { SupervisorApi } from '../supervisor-api';

const RENEW = 'virt-steward kubeconfig --apply makes a new one';
const SOON_MS = 7 * 24 * 60 * 60 * 1_000;

/** By type of the condition that says False (or True, where it is bad news). */
const REMEDIES: Readonly<Record<string, string>> = {
  CredentialsValid: `see the message; ${RENEW}`,
  Connected: 'look at the network between the manager and that API server',
  KubeVirtAvailable: 'mend KubeVirt on that cluster; it is looked at again by itself',
  PermissionsGranted: 'on that cluster: virt-steward rbac --modules=machines --remote | kubectl apply -f -',
  CRDVersionsMatch: 'bring KubeVirt to the same version on all clusters',
  CredentialsExpiring: RENEW,
  DuplicateCluster: 'delete one of the two KubevirtConfigs',
  DeletionBlocked: 'delete or move away the Machines that are placed there',
};
const BAD_NEWS: ReadonlySet<string> = new Set(['CredentialsExpiring', 'DuplicateCluster', 'DeletionBlocked']);
/** Told by another one: Ready sums up, CDI is needed by few. */
const SILENT: ReadonlySet<string> = new Set(['Ready', 'CDIAvailable']);

export interface ConfigParts {
  readonly view: ClusterView;
  readonly api: SupervisorApi;
  readonly settings: MachinesSettings;
  readonly nowMs: number;
}

/** The cluster, as the manager sees it. */
export function clusterFindings({ metadata, status }: KubevirtConfig, key: string): Finding[] {
  const { phase, status: word = '', message = '', conditions = [], observedGeneration = 0 } = status ?? {};
  const remedy = 'is a manager with the module machines running, and this namespace among KUBEVIRT_CONFIGS_NAMESPACE?';
  if (phase === undefined) return [fail('cluster', `KubevirtConfig ${key}: no manager has looked at it yet`, remedy)];
  const stale =
    observedGeneration < (metadata?.generation ?? 1)
      ? [warn('cluster', `KubevirtConfig ${key}: its last change has not been taken up yet`, 'wait and ask again')]
      : [];
  const problems = conditions.flatMap(({ type = '', status: is, reason = '', message: text = '' }) => {
    if (SILENT.has(type) || is !== (BAD_NEWS.has(type) ? 'True' : 'False')) return [];
    const found = `KubevirtConfig ${key}: ${type} ${is}: ${reason}${text === '' ? '' : `: ${text}`}`;
    return [(BAD_NEWS.has(type) || type === 'CRDVersionsMatch' ? warn : fail)('cluster', found, REMEDIES[type] ?? describe(key))];
  });
  if (phase === 'Ready') return [ok('cluster', `KubevirtConfig ${key} is Ready: ${factsOf(status)}`), ...stale, ...problems];
  const summary = `KubevirtConfig ${key} is ${phase} (${word})${message === '' ? '' : `: ${message}`}`;
  return [...stale, ...(problems.some(({ outcome }) => outcome === 'fail') ? [] : [fail('cluster', summary, describe(key))]), ...problems];
}

/** Whether its Secret holds a kubeconfig that may be used. */
export async function secretFindings(config: KubevirtConfig, { view, api, settings, nowMs }: ConfigParts): Promise<Finding[]> {
  const { name = '', namespace = '' } = config.metadata ?? {};
  const place: ConfigPlace = { profile: api.profile, key: keyOfConfig(config, api.home), name, namespace };
  try {
    const secret = secretPlaceOf(config, place);
    const found = await view.secret(secret.name, secret.namespace);
    if (found.kind === 'absent') throw secretGone(place, secret, new Error('it does not exist'));
    if (found.kind !== 'read') return [unchecked('secret', `Secret ${secret.namespace}/${secret.name}`, found)];
    const kubeConfig = vettedKubeconfig(kubeconfigIn({ data: found.value }, place, secret), place, engageOptionsOf(config, settings));
    const text = `Secret ${secret.namespace}/${secret.name} holds a kubeconfig for ${serverOf(kubeConfig)}`;
    const expiryMs = expiryMsOf(kubeConfig);
    if (expiryMs === undefined) return [ok('secret', text)];
    const expires = `${text}, whose credential expires at ${new Date(expiryMs).toISOString()}`;
    if (expiryMs <= nowMs) return [fail('secret', expires, RENEW)];
    return [expiryMs - nowMs < SOON_MS ? warn('secret', expires, RENEW) : ok('secret', expires)];
  } catch (error) {
    if (!(error instanceof KubevirtConfigError)) throw error;
    return [fail('secret', error.message, RENEW)];
  }
}

function factsOf(status: KubevirtConfig['status']): string {
  const { server, kubernetesVersion, kubeVirtVersion, machines = 0 } = status ?? {};
  return [
    server,
    kubernetesVersion && `Kubernetes ${kubernetesVersion}`,
    kubeVirtVersion && `KubeVirt ${kubeVirtVersion}`,
    `${machines} Machines`,
  ]
    .filter((text) => text !== undefined && text !== '')
    .join(', ');
}

function describe(key: string): string {
  const [name, namespace] = key.split('/').reverse();
  return `kubectl describe kubevirtconfig ${name}${namespace === undefined ? '' : ` -n ${namespace}`}`;
}
