/**
 * Kinds of which a patch could take a node or the cluster, so that they take none.
 *
 * Owns: the list, by group and kind whatever the version, and what host access of a workload is. Pure. Ignoring fields and the mode
 * `unmanaged` stay allowed: both leave a value as it is and can put none there.
 */
import { isJsonMap, isSameJson, type Json, type JsonMap } from '../json';
import { valueAt } from './json-pointer';

const SENSITIVE: Readonly<Record<string, readonly string[] | 'all'>> = {
  'machineconfiguration.openshift.io': ['MachineConfig', 'KubeletConfig', 'ContainerRuntimeConfig'],
  'rbac.authorization.k8s.io': ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
  '': ['Namespace', 'Secret', 'ServiceAccount', 'Pod'],
  policy: ['PodSecurityPolicy'],
  'security.openshift.io': ['SecurityContextConstraints'],
  'admissionregistration.k8s.io': 'all',
  'apiextensions.k8s.io': ['CustomResourceDefinition'],
  'apiregistration.k8s.io': ['APIService'],
  'fence-agents-remediation.medik8s.io': ['FenceAgentsRemediationTemplate'],
  'perses.dev': ['PersesDatasource', 'PersesGlobalDatasource'],
  'operators.coreos.com': ['Subscription', 'OperatorGroup', 'CatalogSource'],
};

/** Kinds with a pod template, and where it is. */
const WORKLOADS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  apps: {
    DaemonSet: ['spec', 'template', 'spec'],
    Deployment: ['spec', 'template', 'spec'],
    StatefulSet: ['spec', 'template', 'spec'],
    ReplicaSet: ['spec', 'template', 'spec'],
  },
  batch: {
    Job: ['spec', 'template', 'spec'],
    CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
  },
};

export function groupOf(apiVersion: string): string {
  const slash = apiVersion.lastIndexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

/**
 * Why an object takes no patch.
 * @param after the object as the patch would leave it; `before` when that is not known yet.
 * @returns a sentence; `undefined` when it may be patched.
 */
export function patchRefusal(before: JsonMap, after: JsonMap): string | undefined {
  const [group, kind] = [groupOf(String(before['apiVersion'])), String(before['kind'])];
  const kinds = Object.hasOwn(SENSITIVE, group) ? SENSITIVE[group] : undefined;
  const name = group === '' ? kind : `${kind} of ${group}`;
  if (kinds === 'all' || kinds?.includes(kind) === true) return `${name} takes no patch, because a patch could give away the cluster`;
  const place = WORKLOADS[group]?.[kind];
  if (place === undefined) return undefined;
  const access = hostAccess(valueAt(before, place)) ?? hostAccess(valueAt(after, place));
  if (access !== undefined) return `${name} with ${access} takes no patch, because a patch could give away its node`;
  const isOtherAccount = ACCOUNT_MEMBERS.some(
    (member) => !isSameJson(valueAt(before, [...place, member]), valueAt(after, [...place, member])),
  );
  return isOtherAccount ? `${name} takes no patch that changes its service account` : undefined;
}

/** The second is the older name, which the API server still reads. */
const ACCOUNT_MEMBERS: readonly string[] = ['serviceAccountName', 'serviceAccount'];

/** @returns what gives pods of this template access to their host; `undefined` when nothing does. */
function hostAccess(pod: Json | undefined): string | undefined {
  if (!isJsonMap(pod)) return undefined;
  const flag = ['hostNetwork', 'hostPID', 'hostIPC'].find((name) => pod[name] === true);
  if (flag !== undefined) return flag;
  if (listOf(pod['volumes']).some((volume) => Object.hasOwn(volume, 'hostPath') && volume['hostPath'] !== null)) return 'a hostPath volume';
  const containers = ['containers', 'initContainers', 'ephemeralContainers'].flatMap((name) => listOf(pod[name]));
  const podContext = isJsonMap(pod['securityContext']) ? pod['securityContext'] : {};
  return containers.map((container) => containerAccess(container, podContext)).find((access) => access !== undefined);
}

function containerAccess(container: JsonMap, podContext: JsonMap): string | undefined {
  const context = isJsonMap(container['securityContext']) ? container['securityContext'] : {};
  if (context['privileged'] === true) return 'a privileged container';
  const added = valueAt(context, ['capabilities', 'add']);
  if (Array.isArray(added) && added.length > 0) return 'added capabilities';
  const user = context['runAsUser'] ?? podContext['runAsUser'];
  return user === 0 && context['allowPrivilegeEscalation'] !== false ? 'a container that may become root' : undefined;
}

function listOf(value: Json | undefined): readonly JsonMap[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isJsonMap) : [];
}
