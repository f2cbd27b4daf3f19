/**
 * Whether the manager's account has the rights that its handlers need.
 *
 * Owns: finding the account, and asking the API server's authorizer. Never: guesses from roles; several may grant one right.
 */
import { defineKind, type KubernetesObject, OPERATOR_NAMESPACE, type RbacRule, resourceText } from '../../framework';
import type { AccessQuestion } from '../../kubevirt/diagnosis/cluster-view';
import { type Finding, fail, ok, unchecked, warn } from '../../kubevirt/diagnosis/finding';
import { serviceAccountUser } from '../protocol/identity';
import type { Check, DoctorContext } from './context';

const CHECK = 'rights';
/** What `virt-steward rbac` calls roles, bindings and account. */
const DEFAULT_NAME = 'virt-steward-manager';
/** Named in one line; the rest is counted. */
const NAMED = 5;

interface Binding extends KubernetesObject {
  subjects?: { kind: string; name: string; namespace?: string }[];
}
const ClusterRoleBinding = defineKind<Binding>('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'clusterrolebindings', {
  scope: 'Cluster',
  status: false,
});

/** As the API server names it: the one known, else the one that roles of the usual name are bound to. */
export async function managerUser({ view, namespace, serviceAccount }: DoctorContext): Promise<string> {
  if (serviceAccount !== undefined) return serviceAccountUser(namespace, serviceAccount);
  const binding = await view.get(ClusterRoleBinding, DEFAULT_NAME);
  const bound =
    binding.kind === 'read'
      ? binding.value.subjects?.find(({ kind, namespace: at }) => kind === 'ServiceAccount' && at === namespace)
      : undefined;
  return serviceAccountUser(namespace, bound?.name ?? DEFAULT_NAME);
}

export const rightsChecks: Check = async (context) => {
  const user = await managerUser(context);
  const needed = await missingOf(context, user, context.rules);
  if (!Array.isArray(needed)) return [needed];
  const optional = await missingOf(context, user, context.optionalRules);
  const [, , namespace, name] = user.split(':');
  const remedy = `virt-steward rbac --namespace=${namespace} --service-account=${name} | kubectl apply -f -; another account: --service-account`;
  const findings: Finding[] = [];
  if (needed.length > 0) findings.push(fail(CHECK, `${user} may not ${listed(needed)}`, remedy));
  const further = Array.isArray(optional) ? optional.filter((right) => !needed.includes(right)) : [];
  if (further.length > 0) {
    findings.push(warn(CHECK, `${user} may not ${listed(further)}: needed with --leader-elect and --metrics-secure`, remedy));
  }
  return findings.length > 0 ? findings : [ok(CHECK, `${user} has every right that the manager needs`)];
};

/** Whether the manager may have the tokens of agents checked; those that are connected stay so for a while without it. */
export async function tokenReviewFindings(context: DoctorContext): Promise<Finding[]> {
  const user = await managerUser(context);
  const question = { verb: 'create', group: 'authentication.k8s.io', resource: 'tokenreviews' };
  const answer = await context.view.isAllowed(user, question);
  if (answer.kind !== 'read') return [unchecked('manager', `rights of ${user}`, answer)];
  if (answer.value) return [];
  const found = `Forbidden: ${user} may not ${questionText({ ...question, namespace: undefined })}, so no agent can connect anew`;
  return [fail('manager', found, 'virt-steward rbac | kubectl apply -f -; another account: --service-account')];
}

/** What is missing, one text a right; a finding when nobody could be asked. */
async function missingOf({ view, namespace }: DoctorContext, user: string, rules: readonly RbacRule[]): Promise<string[] | Finding> {
  const questions = rules.flatMap((rule) => questionsOf(rule, namespace));
  const answers = await Promise.all(questions.map((question) => view.isAllowed(user, question)));
  const unanswered = answers.find(({ kind }) => kind !== 'read');
  if (unanswered !== undefined) return unchecked(CHECK, `rights of ${user}`, unanswered);
  const missing = questions.filter((_, index) => (answers[index] as { value: boolean }).value === false);
  // Several rules may grant one right.
  return [...new Set(missing.map(questionText))];
}

function questionsOf({ group, resource, verbs, names, namespace }: RbacRule, own: string): AccessQuestion[] {
  const place = namespace === OPERATOR_NAMESPACE ? own : (namespace as string | undefined);
  const wanted = names.length === 0 ? [undefined] : names;
  return verbs.flatMap((verb) => wanted.map((name) => ({ verb, group, resource, namespace: place, name })));
}

function questionText({ verb, group, resource, namespace, name }: AccessQuestion): string {
  const named = name === undefined ? '' : ` ${name}`;
  return `${verb} ${resourceText({ group, resource })}${named}${namespace === undefined ? '' : ` in ${namespace}`}`;
}

function listed(texts: readonly string[]): string {
  const shown = texts.slice(0, NAMED).join(', ');
  return texts.length <= NAMED ? shown : `${shown} and ${texts.length - NAMED} more`;
}
