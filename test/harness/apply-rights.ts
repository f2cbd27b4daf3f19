/**
 * Gives an account what the roles among some objects allow, and waits until rights that are given, or taken away, are in force.
 *
 * Owns: the waiting; the API server learns of roles and bindings by watches, like anybody.
 */
import type { AdminApi } from './admin-api';
import { poll } from './poll';
import type { TestObject } from './steward-cluster';

export interface RoleObject extends TestObject {
  rules?: { apiGroups: string[]; resources: string[]; resourceNames?: string[]; verbs: string[] }[];
}
type Rule = NonNullable<RoleObject['rules']>[number];

/** @param user as the API server names it: `system:serviceaccount:<namespace>:<name>`. */
export async function applyRights(api: AdminApi, objects: readonly TestObject[], user: string): Promise<void> {
  for (const object of objects) await api.apply(object);
  for (const { metadata, rules } of objects as readonly RoleObject[]) {
    const rule = rules?.at(-1);
    if (rule === undefined) continue;
    await poll(`the rights in ${metadata.name} to be in force`, () => isAllowed(api, rule, user, metadata.namespace));
  }
}

/** Resolves when a right that was taken away is in force no more. @param lost of one verb. */
export async function untilRefused(api: AdminApi, lost: Rule, user: string, namespace: string): Promise<void> {
  await poll(
    `${user} not to be allowed any more to ${lost.verbs[0]} ${lost.resources[0]}`,
    async () => !(await isAllowed(api, lost, user, namespace)),
  );
}

async function isAllowed(api: AdminApi, rule: Rule, user: string, namespace = 'default'): Promise<boolean> {
  const [resource, subresource] = rule.resources[0]!.split('/');
  const resourceAttributes = {
    verb: rule.verbs[0],
    group: rule.apiGroups[0],
    resource,
    subresource,
    namespace,
    name: rule.resourceNames?.[0],
  };
  const { status } = await api.ask<{ status: { allowed: boolean } }>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user, resourceAttributes },
    },
  });
  return status.allowed;
}
