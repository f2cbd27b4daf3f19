/**
 * Label selectors with the semantics of Kubernetes.
 *
 * Owns: checking and matching. Never: knows whose labels they are.
 */

export type Labels = Readonly<Record<string, string>>;

export interface LabelSelector {
  matchLabels?: Readonly<Record<string, string>>;
  matchExpressions?: readonly { key: string; operator: string; values?: readonly string[] }[];
}

const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;
type Operator = (typeof OPERATORS)[number];

interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: ReadonlySet<string>;
}

/** Each problem names the field below `path`, its value and what is allowed; none means that the selector is valid. */
export function selectorProblems(selector: LabelSelector, path: string): string[] {
  return (selector.matchExpressions ?? []).flatMap(({ operator, values = [] }, index) => {
    const field = `${path}.matchExpressions[${index}]`;
    if (!isOperator(operator)) return [`${field}.operator is "${operator}"; allowed: ${OPERATORS.join(', ')}`];
    if (takesValues(operator) === values.length > 0) return [];
    const allowed = takesValues(operator) ? 'at least one value' : 'no values';
    return [`${field}.values is ${JSON.stringify(values)}; allowed: ${allowed} with operator ${operator}`];
  });
}

/**
 * A predicate for a valid selector: all of matchLabels and all of matchExpressions hold; an empty selector matches everything.
 *
 * NotIn and DoesNotExist also match labels without the key.
 *
 * @throws {RangeError} for an operator that `selectorProblems` reports.
 */
export function compileSelector(selector: LabelSelector): (labels: Labels) => boolean {
  const equalities = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => requirementOf(key, 'In', [value]));
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => requirementOf(key, operator, values));
  const requirements = [...equalities, ...expressions];
  return (labels) => requirements.every((requirement) => holds(requirement, labels));
}

function requirementOf(key: string, operator: string, values: readonly string[]): Requirement {
  if (!isOperator(operator)) throw new RangeError(`operator of ${key} is "${operator}"; allowed: ${OPERATORS.join(', ')}`);
  return { key, operator, values: new Set(values) };
}

function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.has(value);
    case 'NotIn':
      return value === undefined || !values.has(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

function isOperator(text: string): text is Operator {
  return (OPERATORS as readonly string[]).includes(text);
}

function takesValues(operator: Operator): boolean {
  return operator === 'In' || operator === 'NotIn';
}
