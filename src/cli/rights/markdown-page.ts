/** The reference page of the manager's rights: a table for each part, a row for each rule. Pure. */
import { type RbacRule, reasonText } from '../../framework';
import { placeText } from './explanation';
import type { RightsPart, RightsPartName } from './manager-rights';

const TITLES: Readonly<Partial<Record<RightsPartName, string>>> = {
  core: 'Every manager',
  leaderElection: 'With `--leader-elect`',
  secureMetrics: 'With `--metrics-secure`',
};

const INTRODUCTION = `# Rights of the manager

What the service account of \`virt-steward manager\` may do in the cluster it runs in, and what for. These rules follow from the
handlers' decorators and from the calls that handlers declare; there is no other place where rights are written down.
\`virt-steward rbac\` prints them as Kubernetes objects, \`virt-steward rbac --explain\` tells for each verb who needs it.

A rule without a place holds in all namespaces. No rule has a wildcard, and none lists or watches Secrets without naming them.
Agents have no rights at all.`;

export function markdownPage(parts: readonly RightsPart[]): string {
  return `${[INTRODUCTION, ...parts.map(section)].join('\n\n')}\n`;
}

function section({ name, rules }: RightsPart): string {
  const head = ['| API group | resource | verbs | where | why |', '|---|---|---|---|---|'];
  return [`## ${TITLES[name] ?? `Module ${name}`}`, '', ...head, ...rules.map(row)].join('\n');
}

function row(rule: RbacRule): string {
  const { group, resource, names, verbs, namespace, reasons } = rule;
  const named = names.length === 0 ? '' : ` named ${names.map(code).join(', ')}`;
  const place = namespace === undefined ? '' : placeText(rule);
  const why = reasons.map((reason) => cell(reasonText(reason))).join('<br>');
  return `| ${group === '' ? '(core)' : code(group)} | ${code(resource)}${named} | ${verbs.join(', ')} | ${place} | ${why} |`;
}

const code = (text: string): string => `\`${text}\``;

/** Text that cannot end a table cell or start markup of HTML. */
function cell(text: string): string {
  return text.replaceAll(/[|\\]/g, '\\$&').replaceAll('<', '&lt;').replaceAll(/\s+/g, ' ');
}
