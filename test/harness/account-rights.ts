/** What the accounts of an installation must and must not be allowed to do, as questions to the API server's authorizer. */

export interface ResourceAttributes {
  readonly verb: string;
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  /** Absent = in all namespaces. */
  readonly namespace?: string;
  readonly name?: string;
}

const RBAC = 'rbac.authorization.k8s.io';

/** A sample of what a manager does. @param namespace it runs in. */
export function neededActions(namespace: string): ResourceAttributes[] {
  const start = { group: 'subresources.kubevirt.io', resource: 'virtualmachines', subresource: 'start' };
  return [
    { verb: 'update', ...start, namespace: 'lab', name: 'vm' },
    { verb: 'watch', group: 'kubevirt.io', resource: 'virtualmachines' },
    { verb: 'create', group: 'apps', resource: 'daemonsets', namespace },
    { verb: 'update', group: 'coordination.k8s.io', resource: 'leases', namespace, name: 'virt-steward-manager' },
  ];
}

/** What neither a manager with the module wol nor an agent may do. @param namespace they run in. */
export function forbiddenActions(namespace: string): ResourceAttributes[] {
  const machines = { group: 'kubevirt.io', resource: 'virtualmachines', namespace: 'lab' };
  return [
    { verb: 'list', resource: 'secrets' },
    { verb: 'list', resource: 'secrets', namespace },
    { verb: 'get', resource: 'secrets', namespace: 'lab', name: 'any' },
    ...['patch', 'update', 'delete', 'create'].map((verb) => ({ verb, ...machines })),
    { verb: 'create', resource: 'pods', subresource: 'exec', namespace },
    { verb: 'create', resource: 'pods', namespace },
    { verb: 'create', group: 'apps', resource: 'daemonsets', namespace: 'lab' },
    { verb: 'update', group: 'apps', resource: 'deployments', namespace },
    { verb: 'create', group: RBAC, resource: 'clusterroles' },
    { verb: 'bind', group: RBAC, resource: 'clusterroles' },
    { verb: 'escalate', group: RBAC, resource: 'roles', namespace },
    { verb: 'impersonate', resource: 'users' },
    { verb: 'patch', resource: 'nodes' },
    { verb: 'get', resource: 'nodes', subresource: 'proxy' },
    { verb: 'create', resource: 'serviceaccounts', subresource: 'token', namespace },
    { verb: 'create', group: 'wol.pillon.org', resource: 'wolconfigs' },
    { verb: 'delete', group: 'wol.pillon.org', resource: 'wolconfigs' },
    { verb: 'update', group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' },
  ];
}

/** As a person would write it. */
export function actionText({ verb, group = '', resource, subresource, namespace, name }: ResourceAttributes): string {
  const what = `${resource}${subresource === undefined ? '' : `/${subresource}`}${group === '' ? '' : `.${group}`}`;
  return `${verb} ${what}${name === undefined ? '' : ` ${name}`} ${namespace === undefined ? 'everywhere' : `in ${namespace}`}`;
}
