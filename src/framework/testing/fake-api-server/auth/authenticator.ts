/**
 * Who calls, and what they may do.
 *
 * Owns: bearer tokens, users and their rules; the answers to TokenReview and SubjectAccessReview. Never: stores objects.
 * As long as no user is known everybody is `system:admin` and everything is allowed. From the first user on, unknown tokens are 401 and
 * requests without a token come from `system:anonymous`.
 */
import { createHash } from 'node:crypto';
import { type JsonObject, objectOr } from '../json';
import { forbidden, StatusError, unauthorized } from '../status-error';
import { type AccessRequest, allowingRule, DISCOVERY_RULE, type PolicyRule, PUBLIC_RULE } from './rbac';

export interface FakeUser {
  /** Bearer token. */
  token: string;
  name: string;
  /** @default system:authenticated only */
  groups?: readonly string[];
  /** @default everything is allowed */
  rules?: readonly PolicyRule[];
}

const EVERYTHING: readonly PolicyRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

const ADMIN: FakeUser = { token: '', name: 'system:admin', groups: ['system:masters'], rules: EVERYTHING };
const ANONYMOUS: FakeUser = { token: '', name: 'system:anonymous', groups: ['system:unauthenticated'], rules: [] };

export class Authenticator {
  private readonly users = new Map<string, FakeUser>();
  private isOpen = true;

  /** Adds a user, or replaces the one with the same token. */
  addUser(user: FakeUser): void {
    this.isOpen = false;
    this.users.set(user.token, user);
  }

  /** The token is 401 from now on. */
  revoke(token: string): void {
    this.users.delete(token);
  }

  /** Changes what a user may do; open watches go on, as on a real server. */
  setRules(name: string, rules: readonly PolicyRule[]): void {
    for (const [token, user] of this.users) if (user.name === name) this.users.set(token, { ...user, rules });
  }

  /** @throws {StatusError} 401 for an unknown token. */
  userOf(authorization: string | undefined): FakeUser {
    if (this.isOpen) return ADMIN;
    const token = /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return ANONYMOUS;
    const user = this.users.get(token);
    if (user === undefined) throw unauthorized();
    return user;
  }

  /** @throws {StatusError} 403 when no rule allows it. */
  authorize(user: FakeUser, request: AccessRequest): void {
    if (this.allows(user, request)) return;
    if (request.path !== undefined) {
      throw new StatusError(403, 'Forbidden', `forbidden: User "${user.name}" cannot ${request.verb} path "${request.path}"`, {});
    }
    const { group = '', resource = '', subresource = '', namespace = '', name = '', verb } = request;
    const full = subresource === '' ? resource : `${resource}/${subresource}`;
    const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
    throw forbidden(
      { group, name: resource },
      name,
      `User "${user.name}" cannot ${verb} resource "${full}" in API group "${group}" ${where}`,
    );
  }

  /** The status of a TokenReview. */
  reviewToken(spec: JsonObject): JsonObject {
    const user = this.users.get(String(spec['token'] ?? ''));
    if (user === undefined) return { user: {}, error: 'invalid bearer token' };
    const audiences = Array.isArray(spec['audiences']) ? spec['audiences'] : undefined;
    return { authenticated: true, user: userInfo(user), ...(audiences === undefined ? {} : { audiences }) };
  }

  /** The status of a SubjectAccessReview; with `user` given, of a SelfSubjectAccessReview. */
  reviewAccess(spec: JsonObject, user: FakeUser = this.named(String(spec['user'] ?? ''))): JsonObject {
    const resource = objectOr(spec['resourceAttributes']);
    const path = objectOr(spec['nonResourceAttributes']);
    const text = (member: string): string => String(resource[member] ?? '');
    const request: AccessRequest =
      path['path'] === undefined
        ? {
            verb: text('verb'),
            group: text('group'),
            resource: text('resource'),
            subresource: text('subresource'),
            namespace: text('namespace'),
            name: text('name'),
          }
        : { verb: String(path['verb'] ?? ''), path: String(path['path']) };
    return this.allows(user, request) ? { allowed: true, reason: 'RBAC: allowed by a rule of the fake API server' } : { allowed: false };
  }

  private named(name: string): FakeUser {
    if (this.isOpen) return ADMIN;
    for (const user of this.users.values()) if (user.name === name) return user;
    return { ...ANONYMOUS, name };
  }

  private allows(user: FakeUser, request: AccessRequest): boolean {
    const isKnown = user.name !== ANONYMOUS.name;
    const rules = [...(user.rules ?? EVERYTHING), PUBLIC_RULE, ...(isKnown ? [DISCOVERY_RULE] : [])];
    return allowingRule(rules, request) !== undefined;
  }
}

export function userInfo({ name, groups = [] }: FakeUser): JsonObject {
  const uid = createHash('sha256').update(name).digest('hex').slice(0, 32);
  return { username: name, uid, groups: [...groups, 'system:authenticated'] };
}
