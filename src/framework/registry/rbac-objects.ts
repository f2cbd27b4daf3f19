/**
 * Generated rights as Kubernetes objects: one ClusterRole, one Role a namespace, and their bindings to a service account.
 *
 * Owns: the objects' shape and the comments that say why each rule is there. Invariant: the output depends on its input alone.
 */
import { Document, isMap, isSeq, visit } from 'yaml';
import type { KubernetesObject } from '../kinds/object';
import { OPERATOR_NAMESPACE } from '../kinds/operator-namespace';
import { type RbacRule, reasonText } from './rbac-merge';

export interface RbacObjectsOptions {
  /** Name of roles and bindings. */
  readonly name: string;
  /** Namespace the operator runs in. */
  readonly namespace: string;
  readonly serviceAccount: string;
}

export interface PolicyRule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

export interface RoleObject extends KubernetesObject {
  rules?: PolicyRule[];
}

export const RBAC_API_VERSION = 'rbac.authorization.k8s.io/v1';
const LINE_WIDTH = 140;

export function rbacObjects(rules: readonly RbacRule[], options: RbacObjectsOptions): RoleObject[] {
  return roles(rules, options).flatMap(([role, ruleList]) => [{ ...role, rules: ruleList.map(policyRule) }, bindingOf(role, options)]);
}

/** The same as a YAML stream in which every rule is preceded by its reasons. */
export function rbacYaml(rules: readonly RbacRule[], options: RbacObjectsOptions): string {
  return roles(rules, options)
    .flatMap(([role, ruleList]) => [`${yamlOf(role)}rules:${listText(ruleList)}`, yamlOf(bindingOf(role, options))])
    .join('---\n');
}

/** A list of PolicyRules in YAML, each preceded by its reasons, without indentation. */
export function policyRulesYaml(rules: readonly RbacRule[]): string {
  const document = new Document(rules.map(policyRule));
  if (isSeq(document.contents)) {
    document.contents.items.forEach((item, index) => {
      if (isMap(item)) item.commentBefore = rules[index]!.reasons.map((reason) => ` ${reasonText(reason)}`).join('\n');
    });
  }
  visit(document, {
    Seq: (_key, node) => {
      node.flow = !node.items.some(isMap);
    },
  });
  return document.toString({ lineWidth: LINE_WIDTH, flowCollectionPadding: false });
}

/** Puts spaces in front of every line that is not empty. */
export function indented(text: string, spaces: number): string {
  return text.replaceAll(/^(?=.)/gm, ' '.repeat(spaces));
}

function listText(rules: readonly RbacRule[]): string {
  return rules.length === 0 ? ' []\n' : `\n${indented(policyRulesYaml(rules), 2)}`;
}

/** Rules by where they hold: first everywhere, then namespace by namespace. */
function roles(rules: readonly RbacRule[], { name, namespace }: RbacObjectsOptions): [KubernetesObject, RbacRule[]][] {
  const byNamespace = new Map<string | undefined, RbacRule[]>();
  for (const rule of rules) {
    const place = rule.namespace === OPERATOR_NAMESPACE ? namespace : rule.namespace;
    byNamespace.set(place, [...(byNamespace.get(place) ?? []), rule]);
  }
  return [...byNamespace].map(([place, ruleList]) => {
    const kind = place === undefined ? 'ClusterRole' : 'Role';
    const metadata = place === undefined ? { name } : { name, namespace: place };
    return [{ apiVersion: RBAC_API_VERSION, kind, metadata }, ruleList];
  });
}

export function policyRule({ group, resource, names, verbs }: RbacRule): PolicyRule {
  return { apiGroups: [group], resources: [resource], ...(names.length === 0 ? {} : { resourceNames: [...names] }), verbs: [...verbs] };
}

function bindingOf({ kind, metadata }: KubernetesObject, { namespace, serviceAccount }: RbacObjectsOptions): KubernetesObject {
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name: metadata?.name };
  const subjects = [{ kind: 'ServiceAccount', name: serviceAccount, namespace }];
  const binding = { apiVersion: RBAC_API_VERSION, kind: `${kind}Binding`, metadata: { ...metadata }, roleRef, subjects };
  return binding as KubernetesObject;
}

function yamlOf(object: KubernetesObject): string {
  return new Document(object).toString({ lineWidth: LINE_WIDTH });
}
