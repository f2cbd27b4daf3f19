/**
 * Generated rights as Kubernetes objects: one ClusterRole, one Role a namespace, and their bindings to a service account.
 *
 * Owns: the objects' shape and the comments that say why each rule is there. Invariant: the output depends on its input alone.
 */
import { Document, isMap, isSeq, visit } from 'yaml';
import type { KubernetesObject } from '../kinds/object';
import { OPERATOR_NAMESPACE } from '../kinds/operator-namespace';
import type { RbacRule } from './rbac-rules';

export interface RbacObjectsOptions {
  /** Name of roles and bindings. */
  readonly name: string;
  /** Namespace the operator runs in. */
  readonly namespace: string;
  readonly serviceAccount: string;
}

interface PolicyRule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

export interface RoleObject extends KubernetesObject {
  rules?: PolicyRule[];
}

const API_VERSION = 'rbac.authorization.k8s.io/v1';

export function rbacObjects(rules: readonly RbacRule[], options: RbacObjectsOptions): RoleObject[] {
  return roles(rules, options).flatMap(([role]) => [role, bindingOf(role, options)]);
}

/** The same as a YAML stream in which every rule is preceded by its reasons. */
export function rbacYaml(rules: readonly RbacRule[], options: RbacObjectsOptions): string {
  return roles(rules, options)
    .flatMap(([role, ruleList]) => [commented(role, ruleList), new Document(bindingOf(role, options)).toString()])
    .join('---\n');
}

function roles(rules: readonly RbacRule[], { name, namespace }: RbacObjectsOptions): [RoleObject, RbacRule[]][] {
  const byNamespace = new Map<string | undefined, RbacRule[]>();
  for (const rule of rules) {
    const place = rule.namespace === OPERATOR_NAMESPACE ? namespace : rule.namespace;
    byNamespace.set(place, [...(byNamespace.get(place) ?? []), rule]);
  }
  return [...byNamespace].map(([place, ruleList]) => {
    const kind = place === undefined ? 'ClusterRole' : 'Role';
    const metadata = place === undefined ? { name } : { name, namespace: place };
    return [{ apiVersion: API_VERSION, kind, metadata, rules: ruleList.map(policyRule) }, ruleList];
  });
}

function policyRule({ group, resource, names, verbs }: RbacRule): PolicyRule {
  return { apiGroups: [group], resources: [resource], ...(names.length === 0 ? {} : { resourceNames: [...names] }), verbs: [...verbs] };
}

function bindingOf({ kind, metadata }: RoleObject, { namespace, serviceAccount }: RbacObjectsOptions): KubernetesObject {
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name: metadata?.name };
  const subjects = [{ kind: 'ServiceAccount', name: serviceAccount, namespace }];
  const binding = { apiVersion: API_VERSION, kind: `${kind}Binding`, metadata: { ...metadata }, roleRef, subjects };
  return binding as KubernetesObject;
}

function commented(role: RoleObject, rules: readonly RbacRule[]): string {
  const document = new Document(role);
  const list = document.get('rules');
  if (isSeq(list)) {
    list.items.forEach((item, index) => {
      if (isMap(item)) item.commentBefore = rules[index]!.why.map((reason) => ` ${reason}`).join('\n');
    });
  }
  visit(document, {
    Seq: (_key, node) => {
      node.flow = !node.items.some(isMap);
    },
  });
  return document.toString({ lineWidth: 140, flowCollectionPadding: false });
}
