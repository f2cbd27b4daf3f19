/**
 * The manager's rights for a bundle of the Operator Lifecycle Manager.
 *
 * Owns: what goes into the ClusterServiceVersion and what into manifests of its own. Never: writes the rest of a bundle.
 * Invariant: rights in one namespace are never `permissions` of the ClusterServiceVersion: for an operator that serves all
 * namespaces OLM turns those into rights everywhere. They are a Role; the subject of its binding has no namespace, which Kubernetes
 * reads as the binding's own, so that any namespace of installation works.
 */
import { indented, OPERATOR_NAMESPACE, policyRulesYaml, type RbacRule } from '../../framework';

export interface OlmOptions {
  /** Of the Role and its binding. */
  readonly name: string;
  readonly serviceAccount: string;
}

export function olmPermissions(rules: readonly RbacRule[], options: OlmOptions): string {
  const everywhere = rules.filter(({ namespace }) => namespace === undefined);
  const here = rules.filter(({ namespace }) => namespace === OPERATOR_NAMESPACE);
  const elsewhere = Map.groupBy(
    rules.filter(({ namespace }) => typeof namespace === 'string'),
    ({ namespace }) => String(namespace),
  );
  const documents = [
    `# For spec.install.spec of the ClusterServiceVersion.\n${permissions(everywhere, options)}`,
    ...(here.length === 0 ? [] : roleAndBinding('# For manifests/ of the bundle.', here, undefined, options)),
    ...[...elsewhere].flatMap(([namespace, list]) =>
      roleAndBinding('# To be applied beside the bundle, which reaches no other namespace.', list, namespace, options),
    ),
  ];
  return documents.join('---\n');
}

/** Some versions of OLM want a Role of their own for every account: it gets Events, which the account may send everywhere anyway. */
function permissions(rules: readonly RbacRule[], { serviceAccount }: OlmOptions): string {
  const events = rules.filter(({ group, resource, names }) => group === 'events.k8s.io' && resource === 'events' && names.length === 0);
  const list = (key: string, granted: readonly RbacRule[]): string =>
    granted.length === 0
      ? `${key}: []\n`
      : `${key}:\n  - serviceAccountName: ${serviceAccount}\n    rules:\n${indented(policyRulesYaml(granted), 6)}`;
  return list('clusterPermissions', rules) + list('permissions', events);
}

function roleAndBinding(comment: string, rules: readonly RbacRule[], namespace: string | undefined, options: OlmOptions): string[] {
  const { name, serviceAccount } = options;
  const head = (kind: string): string[] => [
    'apiVersion: rbac.authorization.k8s.io/v1',
    `kind: ${kind}`,
    'metadata:',
    `  name: ${name}`,
    ...(namespace === undefined ? [] : [`  namespace: ${namespace}`]),
  ];
  const role = [comment, ...head('Role'), 'rules:', indented(policyRulesYaml(rules), 2)].join('\n');
  const binding = [
    comment,
    ...head('RoleBinding'),
    'roleRef:',
    '  apiGroup: rbac.authorization.k8s.io',
    '  kind: Role',
    `  name: ${name}`,
    'subjects:',
    '  - kind: ServiceAccount',
    `    name: ${serviceAccount}`,
    '',
  ].join('\n');
  return [role, binding];
}
