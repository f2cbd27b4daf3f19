/**
 * The manager's rights as a template of the Helm chart.
 *
 * Owns: which objects there are, and the values under which each rule is rendered. Never: renders anything; text in, text out.
 * Invariant: rendered with everything on, the objects grant what `--output=yaml` grants; a part whose value is off leaves no rule behind.
 *
 * The chart brings the helpers `virt-steward.fullname`, `virt-steward.labels` and `virt-steward.serviceAccountName`.
 */
import { indented, OPERATOR_NAMESPACE, policyRulesYaml, type RbacRule } from '../../framework';
import type { RightsPart, RightsPartName } from './manager-rights';

const FULLNAME = '{{ include "virt-steward.fullname" . }}';
/** Quoted: a name of digits alone is text too. */
const ACCOUNT = '{{ include "virt-steward.serviceAccountName" . | quote }}';
const NAMESPACE = '{{ .Release.Namespace | quote }}';

/** Rules that are rendered while a value of the chart is on; `undefined` = always. */
interface Block {
  readonly condition: string | undefined;
  readonly rules: readonly RbacRule[];
}

/** Conditions of the parts that are no modules; a module has one of its own name. */
const CONDITIONS: Readonly<Partial<Record<RightsPartName, string | undefined>>> = {
  core: undefined,
  leaderElection: '.Values.manager.leaderElection',
  secureMetrics: 'and .Values.metrics.enabled .Values.metrics.secure',
};

export function helmTemplate(parts: readonly RightsPart[]): string {
  const [core, modules] = [parts.filter(({ name }) => name in CONDITIONS), parts.filter(({ name }) => !(name in CONDITIONS))];
  const objects = [
    roleAndBinding('manager', undefined, blocksIn(core, undefined)),
    ...[...Map.groupBy(modules, ({ name }) => name)].map(([name, own]) => roleAndBinding(name, undefined, blocksIn(own, undefined))),
    ...namespacesOf(parts).map((namespace) => roleAndBinding('manager', namespace, blocksIn(parts, namespace))),
  ];
  return ['{{- if .Values.rbac.create }}', ...objects.filter((text) => text !== ''), '{{- end }}', ''].join('\n');
}

/** In the order of the rules: the namespace of the release first. */
function namespacesOf(parts: readonly RightsPart[]): NonNullable<RbacRule['namespace']>[] {
  const named = parts.flatMap(({ rules }) => rules.flatMap(({ namespace }) => (typeof namespace === 'string' ? [namespace] : [])));
  const hasOwn = parts.some(({ rules }) => rules.some(({ namespace }) => namespace === OPERATOR_NAMESPACE));
  return [...(hasOwn ? ([OPERATOR_NAMESPACE] as const) : []), ...[...new Set(named)].sort()];
}

function blocksIn(parts: readonly RightsPart[], place: RbacRule['namespace']): Block[] {
  return parts
    .map(({ name, rules, condition }) => ({
      condition: name in CONDITIONS ? CONDITIONS[name] : moduleCondition(name, condition),
      rules: rules.filter(({ namespace }) => namespace === place),
    }))
    .filter(({ rules }) => rules.length > 0);
}

function moduleCondition(module: RightsPartName, further: string | undefined): string {
  const enabled = `.Values.${module}.enabled`;
  return further === undefined ? enabled : `and ${enabled} (${further})`;
}

/** What all blocks together need goes around both objects, so that no empty role is left. */
function roleAndBinding(suffix: string, namespace: RbacRule['namespace'], blocks: readonly Block[]): string {
  if (blocks.length === 0) return '';
  const conditions = new Set(blocks.map(({ condition }) => condition));
  const isShared = conditions.size === 1;
  const around = conditions.has(undefined) ? undefined : oneOf([...conditions] as string[]);
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  const name = `${FULLNAME}-${suffix}`;
  const rules = blocks.map((block) => blockText(isShared ? { ...block, condition: undefined } : block)).join('\n');
  const role = [...head(kind, name, namespace), 'rules:', rules];
  const binding = [
    ...head(`${kind}Binding`, name, namespace),
    'roleRef:',
    '  apiGroup: rbac.authorization.k8s.io',
    `  kind: ${kind}`,
    `  name: ${name}`,
    'subjects:',
    '  - kind: ServiceAccount',
    `    name: ${ACCOUNT}`,
    `    namespace: ${NAMESPACE}`,
  ];
  return when(around, [...role, ...binding].join('\n'));
}

/** A condition that implies another one of them adds nothing. */
function oneOf(conditions: readonly string[]): string {
  const [first = '', ...others] = conditions.filter((one) => !conditions.some((other) => one.startsWith(`and ${other} (`)));
  return others.length === 0 ? first : `or ${[first, ...others].map((condition) => `(${condition})`).join(' ')}`;
}

function head(kind: string, name: string, namespace: RbacRule['namespace']): string[] {
  const place = namespace === undefined ? [] : [`  namespace: ${namespace === OPERATOR_NAMESPACE ? NAMESPACE : namespace}`];
  return [
    '---',
    'apiVersion: rbac.authorization.k8s.io/v1',
    `kind: ${kind}`,
    'metadata:',
    `  name: ${name}`,
    ...place,
    '  labels:',
    '    {{- include "virt-steward.labels" . | nindent 4 }}',
  ];
}

function blockText({ condition, rules }: Block): string {
  return when(condition, indented(literal(policyRulesYaml(rules).trimEnd()), 2), '  ');
}

function when(condition: string | undefined, text: string, indent = ''): string {
  return condition === undefined ? text : `${indent}{{- if ${condition} }}\n${text}\n${indent}{{- end }}`;
}

/** Text in which the template engine sees no action. */
function literal(text: string): string {
  return text.replaceAll('{{', '{{ "{{" }}');
}
