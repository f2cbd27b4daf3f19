/** Rights that the module needs whatever is in its catalog: to know the cluster it works on, and to tell how it is doing. */
import { OPERATOR_NAMESPACE, type RbacRule } from '../../framework';
import { OLDER_LEASES } from '../context/older-operator';
import { STATUS_NAME } from '../observability/status-document';

const READ = ['get', 'list', 'watch'] as const;

/** Group, plural, object if it is a single one, what for. */
const READ_KINDS: readonly (readonly [string, string, string | undefined, string])[] = [
  ['hco.kubevirt.io', 'hyperconvergeds', undefined, 'anchor, and the source of settings'],
  ['kubevirt.io', 'kubevirts', undefined, 'anchor where there is no HyperConverged'],
  ['', 'nodes', undefined, 'hardware and topology, from labels; extended resources'],
  ['', 'namespaces', undefined, 'nothing is written to a namespace that is not there'],
  ['apiextensions.k8s.io', 'customresourcedefinitions', undefined, 'kinds that appear and disappear; schemas that expressions ask for'],
  ['apiregistration.k8s.io', 'apiservices', undefined, 'kinds that appear and disappear'],
  ['machineconfiguration.openshift.io', 'machineconfigpools', undefined, 'nodes are changed only while their pool is at rest'],
  ['topology.node.k8s.io', 'noderesourcetopologies', undefined, 'NUMA'],
  ['config.openshift.io', 'infrastructures', 'cluster', 'topology'],
  ['config.openshift.io', 'schedulers', 'cluster', 'topology'],
  ['config.openshift.io', 'networks', 'cluster', 'topology'],
  ['config.openshift.io', 'clusterversions', 'version', 'topology'],
];

export function contextRights(): RbacRule[] {
  return [...READ_KINDS.map(readRule), ...leases(), ...statusObject()];
}

function readRule([group, resource, name, why]: (typeof READ_KINDS)[number]): RbacRule {
  return {
    group,
    resource,
    verbs: READ,
    names: name === undefined ? [] : [name],
    namespace: undefined,
    reasons: [{ by: 'context', why, verbs: READ }],
  };
}

/** They lie in the namespace of the anchor, which can be any. */
function leases(): RbacRule[] {
  const verbs = ['get'] as const;
  const reasons = [{ by: 'context', why: 'nothing is written while the older operator runs', verbs }];
  return [{ group: 'coordination.k8s.io', resource: 'leases', verbs, names: OLDER_LEASES, namespace: undefined, reasons }];
}

/** Creation cannot be limited to a name. */
function statusObject(): RbacRule[] {
  const rule = (verbs: RbacRule['verbs'], names: readonly string[]): RbacRule => ({
    group: '',
    resource: 'configmaps',
    verbs,
    names,
    namespace: OPERATOR_NAMESPACE,
    reasons: [{ by: 'status', why: 'state of every asset', verbs }],
  });
  return [rule(['create'], []), rule(['get', 'patch'], [STATUS_NAME])];
}
