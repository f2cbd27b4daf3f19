/**
 * Compares rights that were granted with calls that were made. Pure.
 *
 * Owns: what counts as used, and what may stay unused. Invariant: a right is one verb on one resource, for one name where names are given.
 */
import { OPERATOR_NAMESPACE, type RbacRule, rightText } from '../../src/framework';
import type { ApiCall } from './audit-log';

/** Rights that no test uses, with the reason why they are granted all the same. */
export interface UnusedEntry {
  readonly reason: string;
  /** As `rightText` writes them. */
  readonly rights: readonly string[];
}

/** Calls of the manager in one cluster. */
export interface Journal {
  /** Where the manager runs. */
  readonly namespace: string;
  readonly calls: readonly ApiCall[];
}

export interface RightsInUse {
  /** Every right, sorted as the rules are. */
  readonly granted: readonly string[];
  /** Granted, used by no call, and not listed. */
  readonly unused: readonly string[];
  /** Listed, and granted by no rule. */
  readonly outdated: readonly string[];
}

export function rightsInUse(rules: readonly RbacRule[], journals: readonly Journal[], listed: readonly UnusedEntry[]): RightsInUse {
  const used = new Map<string, boolean>();
  for (const rule of rules.flatMap(singleRights)) {
    const text = rightText(rule.verbs[0]!, rule);
    used.set(
      text,
      journals.some(({ namespace, calls }) => calls.some((call) => call.allowed && isCovered(call, rule, namespace))),
    );
  }
  const excused = new Set(listed.flatMap(({ rights }) => rights));
  return {
    granted: [...used.keys()],
    unused: [...used].filter(([text, isUsed]) => !isUsed && !excused.has(text)).map(([text]) => text),
    outdated: [...excused].filter((text) => !used.has(text)),
  };
}

/** One rule a verb and name. */
function singleRights(rule: RbacRule): RbacRule[] {
  const names = rule.names.length === 0 ? [[]] : rule.names.map((name) => [name]);
  return rule.verbs.flatMap((verb) => names.map((some) => ({ ...rule, verbs: [verb], names: some })));
}

function isCovered(call: ApiCall, { group, resource, verbs, names, namespace }: RbacRule, operatorNamespace: string): boolean {
  if (call.group !== group || call.resource !== resource || !verbs.some((verb) => verb === call.verb)) return false;
  if (names.length > 0 && !names.includes(call.name)) return false;
  return namespace === undefined || call.namespace === (namespace === OPERATOR_NAMESPACE ? operatorNamespace : namespace);
}

/** `patch wolconfigs/status.wol.pillon.org`: what was refused, whatever the object. */
export function callText({ verb, group, resource }: ApiCall): string {
  return rightText(verb, { group, resource, names: [], namespace: undefined });
}

export interface DenialOptions {
  /** Refusals that the test has arranged, as {@link callText} writes them. */
  readonly expected: ReadonlySet<string>;
  /** The API server was started more than once: for a moment it refused what it allows otherwise. */
  readonly restarted: boolean;
}

/** Refusals that nobody expects, and expectations that nothing met; one line each. */
export function denialProblems(calls: readonly ApiCall[], { expected, restarted }: DenialOptions): string[] {
  const allowed = new Set(calls.filter((call) => call.allowed).map(callText));
  const denied = new Map(calls.filter((call) => !call.allowed).map((call) => [callText(call), call]));
  const isPassing = (text: string): boolean => restarted && allowed.has(text);
  return [
    ...[...denied]
      .filter(([text]) => !expected.has(text) && !isPassing(text))
      .map(([text, call]) => `the manager was not allowed to ${text}${about(call)}`),
    ...[...expected].filter((text) => !denied.has(text)).map((text) => `the manager was never refused to ${text}, which the test expects`),
  ];
}

function about({ namespace, name, refusal }: ApiCall): string {
  const object = [namespace, name].filter((part) => part !== '').join('/');
  return `${object === '' ? '' : ` (${object})`}${refusal === undefined ? '' : `: ${refusal}`}`;
}
