/**
 * Checks the rights that handlers claim for calls of their own.
 *
 * Owns: what no claim may ask for, and what needs an entry in a list of exceptions beside its reason. Never: derives a right.
 * Invariant: a right that lets its holder get further rights, or read Secrets it does not name, is in that list or is refused.
 */
import { API_VERBS, type ApiVerb, type RbacClaim } from '../decorators/handler';
import type { ConfigProblem } from '../errors/config-error';
import { CLUSTER_CHOICES, clusterTest } from './cluster-choice';
import { rightText } from './rbac-merge';

const SUBRESOURCE = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const WIDENING: ReadonlySet<ApiVerb> = new Set(['bind', 'escalate', 'impersonate']);
/** Answer with other objects than the one meant. */
const OF_MANY: ReadonlySet<ApiVerb> = new Set(['list', 'watch', 'deletecollection']);
/** Subresources through which one acts as somebody else. */
const BACK_DOORS: ReadonlySet<string> = new Set(['pods/exec', 'pods/attach', 'nodes/proxy', 'serviceaccounts/token']);

/** @param exceptions rights as {@link rightText} writes them. @returns every problem of the claims of one class. */
export function claimProblems(Class: { name: string }, claims: readonly RbacClaim[], exceptions: readonly string[]): ConfigProblem[] {
  return claims.flatMap((claim, index) => {
    const place = `${Class.name}: rbac[${index}]`;
    const mistakes = mistakesOf(claim).map((text) => ({ code: 'RBAC_CLAIM', text: `${place} ${text}` }));
    if (mistakes.length > 0) return mistakes;
    return claim.verbs.flatMap((verb) => {
      const danger = dangerOf(verb, claim);
      const right = rightText(verb, { names: [], namespace: undefined, ...claim, group: claim.kind.group, resource: resourceOf(claim) });
      if (danger === undefined || exceptions.includes(right)) return [];
      return [{ code: 'RBAC_EXCEPTION', text: `${place} asks for "${right}", which ${danger}; narrow it, or add it to exceptionalRights` }];
    });
  });
}

function mistakesOf({ verbs, why, subresource, clusters }: RbacClaim): string[] {
  const mistakes = verbs
    .filter((verb) => !API_VERBS.includes(verb))
    .map((verb) => `has the verb ${JSON.stringify(verb)}; allowed: ${API_VERBS.join(', ')}`);
  if (verbs.length === 0) mistakes.push('has no verbs');
  if (subresource !== undefined && !SUBRESOURCE.test(subresource)) {
    mistakes.push(`has the subresource ${JSON.stringify(subresource)}; allowed: a name in lower case, without wildcard`);
  }
  if (clusters !== undefined && clusterTest(clusters) === undefined) {
    mistakes.push(`has clusters ${JSON.stringify(clusters)}; allowed: ${CLUSTER_CHOICES}`);
  }
  if (why.trim() === '') mistakes.push('has no why; say what the right is used for');
  return mistakes;
}

/** What is wrong with granting this lightly; `undefined` = nothing. */
function dangerOf(verb: ApiVerb, claim: RbacClaim): string | undefined {
  const { kind, names = [], namespace } = claim;
  if (WIDENING.has(verb)) return 'lets its holder get further rights';
  if (BACK_DOORS.has(resourceOf(claim)) && kind.group === '') return 'lets its holder act as somebody else';
  if (!kind.sensitive) return undefined;
  if (kind.scope === 'Namespaced' && namespace === undefined) return `reaches every ${kind.kind} of the cluster`;
  return OF_MANY.has(verb) && names.length === 0 ? `shows every ${kind.kind} instead of the named one` : undefined;
}

function resourceOf({ kind, subresource }: RbacClaim): string {
  return subresource === undefined ? kind.plural : `${kind.plural}/${subresource}`;
}
