/**
 * What agents need to know of the operator's namespace: the address of the manager and the service account to run as. Pure.
 *
 * Owns: the order of preference among Services and ServiceAccounts. Never: reads the cluster.
 */
import type { KubernetesObject, Selection, Service } from '../../framework';
import { OPERATOR_NAMESPACE } from '../../framework';
import { AGENT_SERVICE_ACCOUNT, GRPC_SERVICE } from '../protocol/identity';
import { APP } from './agent-names';

/** The operator's own name first: beside an older operator, agents shall talk to us. */
const SERVICE_NAMES = ['virt-steward', 'kubevirt-wol'] as const;
const NAME_LABEL = 'app.kubernetes.io/name';
const COMPONENT_LABEL = 'app.kubernetes.io/component';
const GRPC_PORT = 9090;

/** Every DaemonSet where we run: one that has our name without our labels has to be seen as well. */
export const DAEMON_SETS: Selection = { namespaces: [OPERATOR_NAMESPACE] };

/** Services through which agents may reach a manager. */
export const GRPC_SERVICES: Selection = {
  namespaces: [OPERATOR_NAMESPACE],
  labels: `${COMPONENT_LABEL}=grpc,${NAME_LABEL} in (${SERVICE_NAMES.join(',')})`,
};

/** Every ServiceAccount where we run: the one that agents use may have no labels, and that it is missing has to be seen. */
export const SERVICE_ACCOUNTS: Selection = { namespaces: [OPERATOR_NAMESPACE], metadataOnly: true };

/** `host:port` of the manager. @param services those of GRPC_SERVICES. */
export function operatorAddress(services: Iterable<Service>, namespace: string): string {
  const usable = [...services].filter(({ spec }) => (spec?.ports ?? []).length > 0).sort(byPreference);
  const [service] = usable;
  return `${nameIn(service) ?? GRPC_SERVICE}.${namespace}.svc:${portOf(service)}`;
}

/** The first of those that are labelled as meant for agents. @param accounts those of SERVICE_ACCOUNTS. */
export function agentAccount(accounts: Iterable<KubernetesObject>): string {
  const names = [...accounts].filter(isForAgents).map((account) => nameIn(account) ?? '');
  return names.sort()[0] ?? AGENT_SERVICE_ACCOUNT;
}

function isForAgents({ metadata }: KubernetesObject): boolean {
  return metadata?.labels?.[NAME_LABEL] === APP && metadata.labels[COMPONENT_LABEL] === 'agent';
}

function byPreference(a: Service, b: Service): number {
  return rankOf(a) - rankOf(b) || ((nameIn(a) ?? '') < (nameIn(b) ?? '') ? -1 : 1);
}

function rankOf({ metadata }: Service): number {
  return (SERVICE_NAMES as readonly (string | undefined)[]).indexOf(metadata?.labels?.[NAME_LABEL]);
}

function portOf(service: Service | undefined): number {
  const ports = service?.spec?.ports ?? [];
  return (ports.find(({ name }) => name === 'grpc') ?? ports.find(({ port }) => port === GRPC_PORT) ?? ports[0])?.port ?? GRPC_PORT;
}

function nameIn(object: KubernetesObject | undefined): string | undefined {
  return object?.metadata?.name;
}
