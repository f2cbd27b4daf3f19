/**
 * Turns the options that choose objects into what the runtime works from: on the server (`select`) and here (`labels` to `when`).
 *
 * Owns: their ranges. Never: judges an object.
 */
import type { ClusterChoice, ValueFilter } from '../decorators/options';
import { ABSENT, PRESENT } from '../decorators/options';
import type { Kind } from '../kinds/kind';
import { OPERATOR_NAMESPACE } from '../kinds/operator-namespace';
import type { Selection } from '../watch/informer-contract';
import { mayWatch } from '../watch/selection';
import { fieldSelectorMistake, labelSelectorMistake, QUALIFIED_NAME } from '../watch/selector-syntax';
import { CLUSTER_CHOICES, clusterTest } from './cluster-choice';
import type { ClusterTest, CompiledFilters } from './handler-spec';
import { type OptionCheck, textOf } from './option-check';

const SELECTION = ['namespaces', 'labels', 'fields', 'metadataOnly'] as const;
/** RFC 1123 label, as the API server demands of namespaces. */
export const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const NAMESPACES = 'a list of at least one name of a namespace, or OPERATOR_NAMESPACE; leave it out for all';
const VALUES = 'text, a list of texts, RegExp, PRESENT, ABSENT, a function';

export function compileFilters(check: OptionCheck): CompiledFilters {
  return {
    labels: compileValues('labels', check),
    annotations: compileValues('annotations', check),
    fields: check.paths('field'),
    when: check.callable('when'),
  };
}

function compileValues(name: string, check: OptionCheck): [string, ValueFilter][] {
  const given = check.value<Record<string, unknown>>(name);
  if (given === undefined) return [];
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    check.range(name, given, `an object of key and ${VALUES}`);
    return [];
  }
  for (const [key, filter] of Object.entries(given)) {
    if (!QUALIFIED_NAME.test(key)) check.problem('OPTION_RANGE', `${name} has the key ${JSON.stringify(key)}; allowed: [<domain>/]<name>`);
    const odd = Array.isArray(filter) ? filter.find((value) => typeof value !== 'string') : undefined;
    if (odd !== undefined) check.problem('OPTION_RANGE', `${name}.${key} is a list with ${textOf(odd)}; allowed: ${VALUES}`);
    else if (!isValueFilter(filter)) check.range(`${name}.${key}`, filter, VALUES);
  }
  return Object.entries(given as Record<string, ValueFilter>);
}

function isValueFilter(filter: unknown): boolean {
  if (['string', 'function'].includes(typeof filter) || Array.isArray(filter)) return true;
  return filter === PRESENT || filter === ABSENT || filter instanceof RegExp;
}

/** The option `select` of a watch on this kind. */
export function compileSelection(kind: Kind, check: OptionCheck): Selection | undefined {
  const select = check.nested('select', SELECTION);
  if (select === undefined) {
    if (check.value('select') === undefined) checkSensitive(kind, undefined, check);
    return undefined;
  }
  checkNamespaces(kind, select);
  checkSelector('labels', labelSelectorMistake, 'label selector', select);
  checkSelector('fields', fieldSelectorMistake, 'field selector', select);
  select.boolean('metadataOnly', false);
  const selection = check.value<Selection>('select');
  const hasTexts = Array.isArray(selection?.namespaces ?? []) && typeof (selection?.fields ?? '') === 'string';
  if (hasTexts) checkSensitive(kind, selection, check);
  return selection;
}

function checkNamespaces(kind: Kind, select: OptionCheck): void {
  const given = select.value<unknown>('namespaces');
  if (given === undefined) return;
  if (!Array.isArray(given) || given.length === 0) {
    select.range('namespaces', given, NAMESPACES);
    return;
  }
  if (kind.scope === 'Cluster') {
    select.range('namespaces', given, `nothing, because ${kind.kind} is not in namespaces`);
    return;
  }
  for (const name of given as unknown[]) {
    if (name === OPERATOR_NAMESPACE || (typeof name === 'string' && NAMESPACE.test(name))) continue;
    select.problem('OPTION_RANGE', `${select.pathOf('namespaces')} has ${textOf(name)}; allowed: ${NAMESPACES}`);
  }
}

function checkSelector(name: string, mistakeIn: (text: string) => string | undefined, what: string, select: OptionCheck): void {
  const text = select.text(name);
  const mistake = text === undefined ? undefined : mistakeIn(text);
  if (mistake === undefined) return;
  select.problem('SELECTOR_SYNTAX', `${select.pathOf(name)} is ${JSON.stringify(text)}, which is no ${what}: ${mistake}`);
}

function checkSensitive(kind: Kind, select: Selection | undefined, check: OptionCheck): void {
  if (mayWatch(kind, select)) return;
  check.problem('SENSITIVE_UNFILTERED', `a watch on ${kind.kind} needs select.namespaces and select.fields "metadata.name=<name>"`);
}

export function compileClusters(choice: ClusterChoice = 'local', check: OptionCheck): ClusterTest {
  const test = clusterTest(choice);
  if (test === undefined) check.range('clusters', choice, CLUSTER_CHOICES);
  return test ?? (() => false);
}
