/**
 * The rights that a kubeconfig needs on its cluster, as the handlers declare them, and how a cluster is asked for them.
 *
 * Owns: the questions and what is said of a right that is missing. Never: a list of its own; it follows from the handlers.
 */
import type { InjectionToken, KubeClient, RbacRule } from '../../framework';
import type { CallOptions } from './client-manager';

/** Inject with `@inject(REMOTE_RIGHTS)`; computed when first asked for. */
export const REMOTE_RIGHTS: InjectionToken<() => readonly RbacRule[]> = Symbol('RemoteRights');

interface Question {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly name?: string;
}

/** Questions asked of one cluster at the same time: a check must not take the places of those who work. */
const AT_A_TIME = 4;

/** @returns `<verb> <resource>` of what is not granted, in the order of the rules. */
export async function missingRights(client: KubeClient, rules: readonly RbacRule[], { signal }: CallOptions): Promise<string[]> {
  const questions = rules.flatMap(questionsOf);
  const missing = new Set<Question>();
  for (let start = 0; start < questions.length; start += AT_A_TIME) {
    const part = questions.slice(start, start + AT_A_TIME);
    const answers = await Promise.all(part.map((question) => isAllowed(client, question, signal)));
    for (const [index, allowed] of answers.entries()) if (!allowed) missing.add(part[index]!);
  }
  return [...new Set([...missing].map(textOf))];
}

function questionsOf({ group, resource, verbs, names }: RbacRule): Question[] {
  const [plural = '', subresource] = resource.split('/');
  const of = names.length === 0 ? [undefined] : names;
  return verbs.flatMap((verb) =>
    of.map((name) => ({
      ...{ verb, group, resource: plural },
      ...(subresource === undefined ? {} : { subresource }),
      ...(name === undefined ? {} : { name }),
    })),
  );
}

async function isAllowed(client: KubeClient, resourceAttributes: Question, signal: AbortSignal | undefined): Promise<boolean> {
  const { body } = await client.raw({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } },
    signal,
  });
  return (body as { status?: { allowed?: boolean } } | undefined)?.status?.allowed === true;
}

function textOf({ verb, group, resource, subresource }: Question): string {
  const path = subresource === undefined ? resource : `${resource}/${subresource}`;
  return `${verb} ${group === '' ? path : `${path}.${group}`}`;
}
