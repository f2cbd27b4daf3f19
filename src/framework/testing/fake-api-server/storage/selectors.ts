/**
 * Label and field selectors in their text form.
 *
 * Owns: parsing and matching. Never: reads a store. Grammar: k8s.io/apimachinery pkg/labels and pkg/fields.
 */
import { type JsonObject, objectOr, valueAt } from '../json';
import { badRequest } from '../status-error';

/** `true` when the object is chosen. */
export type Selector = (object: JsonObject) => boolean;

type LabelTest = (labels: JsonObject) => boolean;

const KEY = '[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?';
const SET_TERM = new RegExp(`^(${KEY})\\s+(in|notin)\\s+\\(([^()]*)\\)$`);
const NOT_TERM = new RegExp(`^!\\s*(${KEY})$`);
const EXISTS_TERM = new RegExp(`^(${KEY})$`);
const COMPARE_TERM = new RegExp(`^(${KEY})\\s*(==|=|!=|>|<)\\s*([-A-Za-z0-9_.]*)$`);

/** Splits at commas outside parentheses. */
function terms(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '');
}

/** @throws {StatusError} 400 when the text is no label selector. */
export function labelSelector(text: string): Selector {
  const tests = terms(text).map(labelTest);
  return (object) => {
    const labels = objectOr(objectOr(object['metadata'])['labels']);
    return tests.every((test) => test(labels));
  };
}

function labelTest(term: string): LabelTest {
  const set = SET_TERM.exec(term);
  if (set !== null) {
    const [key, operator] = [set[1]!, set[3]!];
    const values = set[4]!.split(',').map((value) => value.trim());
    return operator === 'in'
      ? (labels) => values.includes(String(labels[key] ?? '\0'))
      : (labels) => !values.includes(String(labels[key] ?? '\0'));
  }
  const absent = NOT_TERM.exec(term);
  if (absent !== null) return (labels) => labels[absent[1]!] === undefined;
  const present = EXISTS_TERM.exec(term);
  if (present !== null) return (labels) => labels[present[1]!] !== undefined;
  const comparison = COMPARE_TERM.exec(term);
  if (comparison === null) throw badRequest(`unable to parse requirement: found '${term}', expected: in, notin, =, ==, !=, gt, lt`);
  return comparisonTest(comparison[1]!, comparison[3]!, comparison[4]!);
}

function comparisonTest(key: string, operator: string, value: string): LabelTest {
  switch (operator) {
    case '!=':
      return (labels) => labels[key] !== value;
    case '>':
      return (labels) => labels[key] !== undefined && Number(labels[key]) > Number(value);
    case '<':
      return (labels) => labels[key] !== undefined && Number(labels[key]) < Number(value);
    default:
      return (labels) => labels[key] === value;
  }
}

/**
 * @param selectable dotted paths beyond metadata.name and metadata.namespace.
 * @param isCustom decides the words of the refusal, as on the real server.
 * @throws {StatusError} 400 when the text is no field selector or names another field.
 */
export function fieldSelector(text: string, selectable: readonly string[], isCustom: boolean): Selector {
  const tests = terms(text).map((term): Selector => {
    const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(term);
    if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    const [field, operator, value] = [match[1]!, match[2]!, match[3]!];
    if (field !== 'metadata.name' && field !== 'metadata.namespace' && !selectable.includes(field)) {
      const only = '"metadata.name", "metadata.namespace"';
      throw badRequest(
        isCustom || selectable.length > 0
          ? `field label not supported: ${field}`
          : `"${field}" is not a known field selector: only ${only}`,
      );
    }
    const path = field.split('.');
    return (object) => (String(valueAt(object, path) ?? '') === value) === (operator !== '!=');
  });
  return (object) => tests.every((test) => test(object));
}
