/** Rights for a person to read: for every rule which handler or class asks for which verbs, and why. Pure. */
import { OPERATOR_NAMESPACE, type RbacRule, resourceText } from '../../framework';

/** Who asks when no handler does. */
const FRAMEWORK = '(framework)';

/** One paragraph a rule. */
export function explanation(rules: readonly RbacRule[]): string {
  return rules.map(paragraph).join('\n\n');
}

function paragraph(rule: RbacRule): string {
  const rows = rule.reasons.map(({ verbs, by = FRAMEWORK, why }) => [verbs.join(', '), by, why] as const);
  const width = (column: 0 | 1): number => Math.max(...rows.map((row) => row[column].length));
  const lines = rows.map(([verbs, by, why]) => `  ${verbs.padEnd(width(0))}  ${by.padEnd(width(1))}  ${why}`);
  return [`${resourceText(rule)}${namesText(rule)}, ${placeText(rule)}: ${rule.verbs.join(', ')}`, ...lines].join('\n');
}

function namesText({ names }: RbacRule): string {
  return names.length === 0 ? '' : ` named ${names.join(', ')}`;
}

/** Where a rule holds. */
export function placeText({ namespace }: Pick<RbacRule, 'namespace'>): string {
  if (namespace === undefined) return 'everywhere';
  return namespace === OPERATOR_NAMESPACE ? "in the manager's namespace" : `in namespace ${namespace}`;
}
