/**
 * Which objects an informer is about.
 *
 * Owns: the query parameters of a selection, its identity, and judging locally whether an object is in it.
 * Never: guesses: what only the server can judge is answered with `unknown`.
 * @source label selector grammar: Kubernetes, "Labels and Selectors"; field selectors beyond name and namespace differ from kind to kind.
 */
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import type { Selection } from './informer-contract';

/** Selections with equal keys choose the same objects in the same form, so one informer can serve both. */
export function selectionKey(selection: Selection = {}): string {
  const namespaces = selection.namespaces === undefined ? undefined : [...new Set(selection.namespaces.map(String))].sort();
  return JSON.stringify([namespaces, selection.labels ?? '', selection.fields ?? '', selection.metadataOnly ?? false]);
}

/** Query parameters of a list or watch. */
export function selectionQuery(selection: Selection): Record<string, string | undefined> {
  return { labelSelector: selection.labels || undefined, fieldSelector: selection.fields || undefined };
}

/** The name of the one object that is selected by it; `undefined` when the selection is wider. */
export function selectedName({ fields = '' }: Selection = {}): string | undefined {
  return /^metadata\.name==?([^,=!]+)$/.exec(fields)?.[1];
}

/** Rights can be narrowed to names, not to labels: whoever may list Secrets by label may list them all. */
export function mayWatch({ sensitive, scope }: Kind, selection: Selection = {}): boolean {
  if (!sensitive) return true;
  return (scope === 'Cluster' || (selection.namespaces?.length ?? 0) > 0) && selectedName(selection) !== undefined;
}

/** Whether the server would choose this object. */
export function matchesSelection(object: KubernetesObject, selection: Selection): boolean | 'unknown' {
  const { namespace = '', name = '', labels = {} } = object.metadata ?? {};
  if (selection.namespaces !== undefined && !selection.namespaces.includes(namespace)) return false;
  const answers = [
    ...requirements(selection.labels).map((term) => matchesLabel(term, labels)),
    ...requirements(selection.fields).map((term) => matchesField(term, { 'metadata.name': name, 'metadata.namespace': namespace })),
  ];
  if (answers.includes(false)) return false;
  return answers.includes('unknown') ? 'unknown' : true;
}

/** Splits at the commas that stand outside of parentheses. */
function requirements(selector = ''): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '');
}

function matchesLabel(term: string, labels: Readonly<Record<string, string>>): boolean | 'unknown' {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(term);
  if (set !== null) {
    const value = labels[set[1]!];
    const listed = value !== undefined && set[3]!.split(',').some((one) => one.trim() === value);
    return set[2] === 'in' ? listed : !listed;
  }
  const equality = /^([^\s=!]+)\s*(==|=|!=)\s*(\S*)$/.exec(term);
  if (equality !== null) return (labels[equality[1]!] === equality[3]) === (equality[2] !== '!=');
  const presence = /^(!?)\s*([^\s=!<>()]+)$/.exec(term);
  if (presence !== null) return Object.hasOwn(labels, presence[2]!) === (presence[1] === '');
  return 'unknown';
}

function matchesField(term: string, fields: Readonly<Record<string, string>>): boolean | 'unknown' {
  const equality = /^([^=!]+?)(==|=|!=)(.*)$/.exec(term);
  const value = equality === null ? undefined : fields[equality[1]!];
  if (equality === null || value === undefined) return 'unknown';
  return (value === equality[3]) === (equality[2] !== '!=');
}
