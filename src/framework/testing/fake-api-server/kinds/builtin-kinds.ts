/**
 * The built-in kinds the fake serves unless told otherwise.
 *
 * Owns: names, scopes and traits as kube-apiserver 1.36 has them. Never: the CRD machinery.
 */
import type { Scope } from '../../../kinds/kind';
import type { JsonObject } from '../json';
import { BUILTIN_SCHEMAS } from './builtin-schemas';
import { idOf, rootSchema, type ServedKind } from './served-kind';

interface Row {
  apiVersion: string;
  kind: string;
  plural: string;
  scope: Scope;
  short?: readonly string[];
  status?: boolean;
  generation?: boolean;
  createOnUpdate?: boolean;
  needsVersion?: boolean;
  returnsDeleted?: boolean;
  selectable?: readonly string[];
}

const EVENT_FIELDS = [
  'involvedObject.kind',
  'involvedObject.namespace',
  'involvedObject.name',
  'involvedObject.uid',
  'reason',
  'source',
  'type',
  'reportingComponent',
];
const EVENTS_V1_FIELDS = EVENT_FIELDS.map((field) => field.replace('involvedObject', 'regarding'));

const ROWS: readonly Row[] = [
  {
    apiVersion: 'v1',
    kind: 'Namespace',
    plural: 'namespaces',
    scope: 'Cluster',
    short: ['ns'],
    status: true,
    selectable: ['status.phase'],
  },
  { apiVersion: 'v1', kind: 'Node', plural: 'nodes', scope: 'Cluster', short: ['no'], status: true, selectable: ['spec.unschedulable'] },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    plural: 'pods',
    scope: 'Namespaced',
    short: ['po'],
    status: true,
    generation: true,
    returnsDeleted: true,
    selectable: [
      'spec.nodeName',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'spec.hostNetwork',
      'status.phase',
      'status.podIP',
    ],
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    plural: 'services',
    scope: 'Namespaced',
    short: ['svc'],
    status: true,
    createOnUpdate: true,
    returnsDeleted: true,
  },
  { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', scope: 'Namespaced', short: ['sa'], returnsDeleted: true },
  { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', scope: 'Namespaced', short: ['cm'] },
  { apiVersion: 'v1', kind: 'Secret', plural: 'secrets', scope: 'Namespaced', selectable: ['type'] },
  { apiVersion: 'v1', kind: 'Event', plural: 'events', scope: 'Namespaced', short: ['ev'], createOnUpdate: true, selectable: EVENT_FIELDS },
  {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    plural: 'persistentvolumeclaims',
    scope: 'Namespaced',
    short: ['pvc'],
    status: true,
    returnsDeleted: true,
  },
  {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    plural: 'persistentvolumes',
    scope: 'Cluster',
    short: ['pv'],
    status: true,
    returnsDeleted: true,
  },
  {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    plural: 'events',
    scope: 'Namespaced',
    short: ['ev'],
    createOnUpdate: true,
    selectable: EVENTS_V1_FIELDS,
  },
  { apiVersion: 'apps/v1', kind: 'DaemonSet', plural: 'daemonsets', scope: 'Namespaced', short: ['ds'], status: true, generation: true },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    plural: 'deployments',
    scope: 'Namespaced',
    short: ['deploy'],
    status: true,
    generation: true,
  },
  { apiVersion: 'apps/v1', kind: 'ReplicaSet', plural: 'replicasets', scope: 'Namespaced', short: ['rs'], status: true, generation: true },
  {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    plural: 'statefulsets',
    scope: 'Namespaced',
    short: ['sts'],
    status: true,
    generation: true,
  },
  { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs', scope: 'Namespaced', status: true, generation: true },
  { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases', scope: 'Namespaced', createOnUpdate: true, needsVersion: true },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    plural: 'storageclasses',
    scope: 'Cluster',
    short: ['sc'],
    returnsDeleted: true,
  },
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', plural: 'roles', scope: 'Namespaced', createOnUpdate: true },
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', plural: 'rolebindings', scope: 'Namespaced', createOnUpdate: true },
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', plural: 'clusterroles', scope: 'Cluster', createOnUpdate: true },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    plural: 'clusterrolebindings',
    scope: 'Cluster',
    createOnUpdate: true,
  },
  {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    scope: 'Cluster',
    short: ['crd', 'crds'],
    status: true,
    generation: true,
    needsVersion: true,
  },
];

/** Kinds with neither spec nor status in their Go type. */
const FLAT_KINDS = [
  'ConfigMap',
  'Secret',
  'ServiceAccount',
  'Event',
  'StorageClass',
  'Role',
  'RoleBinding',
  'ClusterRole',
  'ClusterRoleBinding',
];

const IN_ALL = ['Pod', 'Service', 'DaemonSet', 'Deployment', 'ReplicaSet', 'StatefulSet', 'Job'];

function blankOf({ kind, status = false, apiVersion }: Row): JsonObject {
  if (FLAT_KINDS.includes(kind)) return {};
  const template = apiVersion === 'apps/v1' || apiVersion === 'batch/v1' ? { template: { metadata: {}, spec: {} } } : {};
  return { spec: template, ...(status ? { status: {} } : {}) };
}

function servedKind(row: Row): ServedKind {
  const slash = row.apiVersion.indexOf('/');
  const group = slash < 0 ? '' : row.apiVersion.slice(0, slash);
  const schema = rootSchema(BUILTIN_SCHEMAS[idOf({ group, plural: row.plural })] ?? {});
  return {
    group,
    kind: row.kind,
    plural: row.plural,
    singular: row.kind.toLowerCase(),
    shortNames: row.short ?? [],
    scope: row.scope,
    versions: [
      { name: row.apiVersion.slice(slash + 1), schema, statusSubresource: row.status ?? false, selectableFields: row.selectable ?? [] },
    ],
    traits: {
      custom: false,
      generation: row.generation ?? false,
      createOnUpdate: row.createOnUpdate ?? false,
      unconditionalUpdate: !(row.needsVersion ?? false),
      returnsDeleted: row.returnsDeleted ?? false,
      categories: IN_ALL.includes(row.kind) ? ['all'] : [],
      blank: blankOf(row),
    },
  };
}

export const BUILTIN_KINDS: readonly ServedKind[] = ROWS.map(servedKind);
export const CRD_RESOURCE_ID = 'customresourcedefinitions.apiextensions.k8s.io';
