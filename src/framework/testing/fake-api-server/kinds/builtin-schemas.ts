/**
 * How lists and maps of the built-in kinds merge in server-side apply.
 *
 * Owns: the list types that operators meet (pods and what holds them, services, service accounts). Never: validation or defaults of
 * built-in kinds; a member that is not named here is a struct, a scalar, or an atomic list.
 * Source: the x-kubernetes-list-type and x-kubernetes-map-type markers of k8s.io/api v0.36.
 */
import type { Schema } from '../schema/schema';
import { CONDITIONS } from '../schema/schema';

const ATOMIC_MAP: Schema = { type: 'object', 'x-kubernetes-map-type': 'atomic' };
const STRING_MAP: Schema = { type: 'object', additionalProperties: { type: 'string' } };

const listMap = (keys: readonly string[], item: Schema['properties'] = {}): Schema => ({
  type: 'array',
  items: { type: 'object', properties: item },
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
});
const object = (properties: NonNullable<Schema['properties']>): Schema => ({ type: 'object', properties });

const CONDITIONS_STATUS = object({ conditions: CONDITIONS });

const PROTOCOL: Schema = { type: 'string', default: 'TCP' };

const ENV = listMap(['name'], {
  valueFrom: object({ fieldRef: ATOMIC_MAP, resourceFieldRef: ATOMIC_MAP, configMapKeyRef: ATOMIC_MAP, secretKeyRef: ATOMIC_MAP }),
});

const CONTAINERS = listMap(['name'], {
  env: ENV,
  ports: listMap(['containerPort', 'protocol'], { protocol: PROTOCOL }),
  volumeMounts: listMap(['mountPath']),
  volumeDevices: listMap(['devicePath']),
  resources: object({ limits: STRING_MAP, requests: STRING_MAP, claims: listMap(['name']) }),
});

const POD_SPEC = object({
  containers: CONTAINERS,
  initContainers: CONTAINERS,
  ephemeralContainers: CONTAINERS,
  volumes: listMap(['name']),
  imagePullSecrets: listMap(['name']),
  hostAliases: listMap(['ip']),
  topologySpreadConstraints: listMap(['topologyKey', 'whenUnsatisfiable'], { labelSelector: ATOMIC_MAP }),
  resourceClaims: listMap(['name']),
  schedulingGates: listMap(['name']),
  nodeSelector: { ...ATOMIC_MAP, additionalProperties: { type: 'string' } },
  affinity: object({ nodeAffinity: object({ requiredDuringSchedulingIgnoredDuringExecution: ATOMIC_MAP }) }),
});

const POD_TEMPLATE = object({
  metadata: object({ labels: STRING_MAP, annotations: STRING_MAP, finalizers: { type: 'array', 'x-kubernetes-list-type': 'set' } }),
  spec: POD_SPEC,
});

const WORKLOAD: Schema = object({ spec: object({ selector: ATOMIC_MAP, template: POD_TEMPLATE }), status: CONDITIONS_STATUS });
const DATA: Schema = object({ data: STRING_MAP, binaryData: STRING_MAP, stringData: STRING_MAP });

/** By `<plural>.<group>`. */
export const BUILTIN_SCHEMAS: Readonly<Record<string, Schema>> = {
  pods: object({ spec: POD_SPEC, status: object({ conditions: CONDITIONS, podIPs: listMap(['ip']), hostIPs: { type: 'array' } }) }),
  'daemonsets.apps': WORKLOAD,
  'deployments.apps': WORKLOAD,
  'replicasets.apps': WORKLOAD,
  'statefulsets.apps': WORKLOAD,
  'jobs.batch': WORKLOAD,
  configmaps: DATA,
  secrets: DATA,
  nodes: object({
    spec: object({ taints: { type: 'array' }, podCIDRs: { type: 'array', 'x-kubernetes-list-type': 'set' } }),
    status: object({ conditions: CONDITIONS, addresses: listMap(['type']), capacity: STRING_MAP, allocatable: STRING_MAP }),
  }),
  services: object({
    spec: object({
      ports: listMap(['port', 'protocol'], { protocol: PROTOCOL }),
      selector: { ...ATOMIC_MAP, additionalProperties: { type: 'string' } },
    }),
    status: CONDITIONS_STATUS,
  }),
  serviceaccounts: object({ secrets: listMap(['name']), imagePullSecrets: { type: 'array' } }),
  namespaces: object({ status: CONDITIONS_STATUS }),
  persistentvolumeclaims: object({ spec: object({ selector: ATOMIC_MAP, dataSource: ATOMIC_MAP }), status: CONDITIONS_STATUS }),
  'customresourcedefinitions.apiextensions.k8s.io': object({ status: CONDITIONS_STATUS }),
};
