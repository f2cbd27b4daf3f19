/**
 * Rules of API rights: what one is, and how many become the fewest that say the same.
 *
 * Owns: merging and order. Never: knows where a right comes from.
 * Invariant: `mergeRules` grants exactly what its input grants, whatever the order of the input, keeps every reason, and is idempotent.
 */
import { API_VERBS, type ApiVerb } from '../decorators/handler';
import { OPERATOR_NAMESPACE } from '../kinds/operator-namespace';

/** Why a right is needed. */
export interface RbacReason {
  /** Handler or class id; `undefined` = the framework itself. */
  readonly by: string | undefined;
  readonly why: string;
  /** Those of the rule's verbs that it asks for. */
  readonly verbs: readonly ApiVerb[];
}

/** Rights on one resource in one place, with their reasons. */
export interface RbacRule {
  readonly group: string;
  /** `plural` or `plural/subresource`. */
  readonly resource: string;
  readonly verbs: readonly ApiVerb[];
  /** Empty = every name. */
  readonly names: readonly string[];
  /** `undefined` = everywhere (ClusterRole); a name or OPERATOR_NAMESPACE = there (Role). */
  readonly namespace: string | typeof OPERATOR_NAMESPACE | undefined;
  readonly reasons: readonly RbacReason[];
}

/** `WolConfigHandler.reconcile: watch`. */
export function reasonText({ by, why }: Pick<RbacReason, 'by' | 'why'>): string {
  return by === undefined ? why : `${by}: ${why}`;
}

/** `configmaps`, `wolconfigs/status.wol.pillon.org`: how kubectl writes resources. */
export function resourceText({ group, resource }: Pick<RbacRule, 'group' | 'resource'>): string {
  return group === '' ? resource : `${resource}.${group}`;
}

/** One verb of a rule as one line of text, for lists of rights: `get leases.coordination.k8s.io named a, b in the operator namespace`. */
export function rightText(verb: string, rule: Omit<RbacRule, 'verbs' | 'reasons'>): string {
  const named = rule.names.length === 0 ? '' : ` named ${rule.names.join(', ')}`;
  return `${verb} ${resourceText(rule)}${named}${placeText(rule)}`;
}

function placeText({ namespace }: Pick<RbacRule, 'namespace'>): string {
  if (namespace === undefined) return '';
  return namespace === OPERATOR_NAMESPACE ? ' in the operator namespace' : ` in namespace ${namespace}`;
}

/** One rule for each resource, names and place; nothing that a wider rule of the same resource grants anyway; sorted. */
export function mergeRules(rules: readonly RbacRule[]): RbacRule[] {
  const byPlace = new Map<string, Collected>();
  for (const rule of rules) {
    const id = placeOf(rule);
    const collected = byPlace.get(id) ?? { rule: { ...rule, names: sorted(rule.names) }, reasons: [] };
    byPlace.set(id, collected);
    collected.reasons.push(...rule.reasons.map((reason) => ({ ...reason })));
  }
  // From the widest on, so that what moves up comes to rest at once.
  const all = [...byPlace.values()].sort((a, b) => breadth(b.rule) - breadth(a.rule) || compare(placeOf(a.rule), placeOf(b.rule)));
  for (const [index, collected] of all.entries()) moveUp(collected, all.slice(0, index));
  return all
    .filter(({ reasons }) => reasons.length > 0)
    .sort((a, b) => compare(placeOf(a.rule), placeOf(b.rule)))
    .map(({ rule, reasons }) => ({ ...rule, verbs: inOrder(reasons.flatMap(({ verbs }) => verbs)), reasons: joined(reasons) }));
}

interface Collected {
  readonly rule: RbacRule;
  reasons: RbacReason[];
}

/** Hands verbs that a wider rule has as well over to it, with their reasons. */
function moveUp(narrow: Collected, wider: readonly Collected[]): void {
  for (const wide of wider.filter(({ rule }) => includesRule(rule, narrow.rule))) {
    const has = new Set(wide.reasons.flatMap(({ verbs }) => verbs));
    const split = (taken: boolean): RbacReason[] =>
      narrow.reasons
        .map((reason) => ({ ...reason, verbs: reason.verbs.filter((verb) => has.has(verb) === taken) }))
        .filter(({ verbs }) => verbs.length > 0);
    wide.reasons.push(...split(true));
    narrow.reasons = split(false);
  }
}

function includesRule(wide: RbacRule, narrow: RbacRule): boolean {
  if (wide.group !== narrow.group || wide.resource !== narrow.resource) return false;
  if (wide.namespace !== undefined && wide.namespace !== narrow.namespace) return false;
  return wide.names.length === 0 || (narrow.names.length > 0 && narrow.names.every((name) => wide.names.includes(name)));
}

function breadth({ names, namespace }: RbacRule): number {
  return (namespace === undefined ? 1e6 : 0) + (names.length === 0 ? 1e5 : names.length);
}

/** Sorts by place, group, resource and names. */
function placeOf({ group, resource, names, namespace }: RbacRule): string {
  const place = namespace === OPERATOR_NAMESPACE ? '\u0001' : (namespace ?? '');
  return [place, group, resource, ...sorted(names)].join('\u0000');
}

/** One entry for each author and purpose, sorted. */
function joined(reasons: readonly RbacReason[]): RbacReason[] {
  const byText = Map.groupBy(reasons, reasonText);
  return [...byText]
    .sort(([a], [b]) => compare(a, b))
    .map(([, same]) => ({ ...same[0]!, verbs: inOrder(same.flatMap(({ verbs }) => verbs)) }));
}

function inOrder(verbs: readonly ApiVerb[]): ApiVerb[] {
  return API_VERBS.filter((verb) => verbs.includes(verb));
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

/** By code unit, the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
