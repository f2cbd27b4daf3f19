/**
 * Gives an account what the roles among some objects allow, or takes it away, and waits for that to be in force.
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

/** Changes the rules of a role and waits until its account is refused what it is not to have any more. @param lost of one verb. */
export async function withdrawRight(api: AdminApi, role: RoleObject, rules: readonly Rule[], lost: Rule, user: string): Promise<void> {
  await api.mergePatch(role, { rules });
  const { name, namespace } = role.metadata;
  await poll(`the rights in ${name} not to be in force any more`, async () => !(await isAllowed(api, lost, user, namespace)));
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
