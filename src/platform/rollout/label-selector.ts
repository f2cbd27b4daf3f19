/** Label selectors of objects, as the machine config operator reads them. Pure; a selector that is not understood selects nothing. */
import { isJsonMap, type Json } from '../json';

type Labels = Readonly<Record<string, string>>;

/** Without any term it selects nothing, not everything. @source openshift/machine-config-operator, getPoolsForMachineConfig */
export function selects(selector: Json | undefined, labels: Labels): boolean {
  if (!isJsonMap(selector)) return false;
  const { matchLabels, matchExpressions } = selector;
  const equalities = isJsonMap(matchLabels) ? Object.entries(matchLabels) : [];
  const expressions = Array.isArray(matchExpressions) ? (matchExpressions as readonly Json[]) : [];
  if (equalities.length + expressions.length === 0) return false;
  return equalities.every(([key, value]) => labels[key] === value) && expressions.every((expression) => holds(expression, labels));
}

function holds(expression: Json, labels: Labels): boolean {
  if (!isJsonMap(expression) || typeof expression['key'] !== 'string') return false;
  const { key, operator, values } = expression;
  const isPresent = Object.hasOwn(labels, key);
  const isListed = isPresent && Array.isArray(values) && values.includes(labels[key]);
  if (operator === 'In') return isListed;
  if (operator === 'NotIn') return !isListed;
  if (operator === 'Exists') return isPresent;
  return operator === 'DoesNotExist' && !isPresent;
}
