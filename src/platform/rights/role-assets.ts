/**
 * Rights that follow from assets which are roles or bindings: nobody may grant what he does not hold.
 *
 * Never: grants with a wildcard, or paths of the API server.
 */
import type { ApiVerb, RbacRule } from '../../framework';
import type { CatalogAsset } from '../catalog';
import { CatalogError } from '../catalog';
import { EMPTY_CONTEXT } from '../catalog/empty-context';
import { ExpressionScope } from '../expressions';
import { isJsonMap, type Json, type JsonMap } from '../json';

const RBAC_GROUP = 'rbac.authorization.k8s.io';
const ROLE_KINDS = ['ClusterRole', 'Role'];
const BINDING_KINDS = ['ClusterRoleBinding', 'RoleBinding'];
const VERBS: readonly string[] = [
  'get',
  'list',
  'watch',
  'create',
  'update',
  'patch',
  'delete',
  'deletecollection',
  'use',
  'bind',
  'escalate',
];

/** Everything that role assets grant, and `bind` for bindings to roles that are no assets. @throws {CatalogError} */
export function roleRights(assets: readonly CatalogAsset[]): RbacRule[] {
  const roles = assets.filter((asset) => isOf(asset, ROLE_KINDS));
  const bindings = assets.filter((asset) => isOf(asset, BINDING_KINDS));
  return [...roles.flatMap(grantedBy), ...bindings.flatMap((binding) => bindOf(binding, roles))];
}

function isOf({ identity }: CatalogAsset, kinds: readonly string[]): boolean {
  return identity.apiVersions[0]!.startsWith(`${RBAC_GROUP}/`) && kinds.includes(identity.kind);
}

function grantedBy(role: CatalogAsset): RbacRule[] {
  const rules = objectOf(role)['rules'] ?? [];
  if (!Array.isArray(rules)) throw refusal(role, 'rules have to be a list');
  return (rules as readonly Json[]).flatMap((rule) => granted(role, isJsonMap(rule) ? rule : {}));
}

function granted(role: CatalogAsset, rule: JsonMap): RbacRule[] {
  const list = (member: string): readonly string[] => (rule[member] ?? []) as readonly string[];
  const [groups, resources, verbs, names] = [list('apiGroups'), list('resources'), list('verbs'), list('resourceNames')];
  if (rule['nonResourceURLs'] !== undefined) throw refusal(role, 'rules with nonResourceURLs are not granted');
  const other = [...groups, ...resources, ...verbs].find((part) => part.includes('*')) ?? verbs.find((verb) => !VERBS.includes(verb));
  if (other !== undefined)
    throw refusal(role, `has ${JSON.stringify(other)} in a rule; allowed: no wildcard, and verbs ${VERBS.join(', ')}`);
  const held = verbs as readonly ApiVerb[];
  const reasons = [{ by: `asset ${role.name}`, why: 'granted by this role, so it has to be held', verbs: held }];
  return groups.flatMap((group) => resources.map((resource) => ({ group, resource, verbs: held, names, namespace: undefined, reasons })));
}

function bindOf(binding: CatalogAsset, roles: readonly CatalogAsset[]): RbacRule[] {
  const roleRef = objectOf(binding)['roleRef'];
  const { kind, name } = (isJsonMap(roleRef) ? roleRef : {}) as { kind?: Json; name?: Json };
  if (typeof kind !== 'string' || !ROLE_KINDS.includes(kind) || typeof name !== 'string')
    throw refusal(binding, 'roleRef has to name a role');
  if (roles.some(({ identity }) => identity.kind === kind && identity.names?.includes(name))) return [];
  const verbs = ['bind'] as const;
  const reasons = [{ by: `asset ${binding.name}`, why: 'binds this role', verbs }];
  return [{ group: RBAC_GROUP, resource: `${kind.toLowerCase()}s`, verbs, names: [name], namespace: undefined, reasons }];
}

/** What it renders to without a cluster. @throws {CatalogError} when that cannot be told. */
function objectOf(asset: CatalogAsset): JsonMap {
  const { constant, expressions } = asset.document;
  if (isJsonMap(constant)) return constant;
  const fixed = expressions.every(
    ({ reads, options, locals }) => reads.size + options.length === 0 && !locals.has('item') && !locals.has('vars'),
  );
  const object = fixed ? asset.document.evaluateNow(new ExpressionScope({ context: EMPTY_CONTEXT, params: asset.params })) : undefined;
  if (isJsonMap(object)) return object;
  throw refusal(asset, 'depends on the cluster; what it grants has to be known beforehand');
}

function refusal({ file, name }: CatalogAsset, text: string): CatalogError {
  return new CatalogError([{ file, text: `${name}: ${text}` }]);
}
