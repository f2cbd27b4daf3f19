/** Judges requests by PolicyRules. Never: reads Role objects. Semantics: k8s.io/kubernetes pkg/apis/rbac/v1 evaluation helpers. */
export interface PolicyRule {
  readonly apiGroups?: readonly string[];
  /** `pods`, `pods/status`, `*`, `*` + `/status`. */
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
  /** The rule holds in this namespace only, as a Role would. @default everywhere */
  readonly namespace?: string;
}

export interface AccessRequest {
  readonly verb: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  /** For requests outside the resource tree. */
  readonly path?: string;
}

const includes = (list: readonly string[] | undefined, value: string): boolean =>
  list?.some((item) => item === value || item === '*') ?? false;

function coversPath(rule: PolicyRule, path: string): boolean {
  return rule.nonResourceURLs?.some((url) => url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1)))) ?? false;
}

function coversResource(
  rule: PolicyRule,
  { group = '', resource = '', subresource = '', namespace = '', name = '' }: AccessRequest,
): boolean {
  if (rule.namespace !== undefined && rule.namespace !== namespace) return false;
  if (!includes(rule.apiGroups, group)) return false;
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  const matches = includes(rule.resources, full) || (subresource !== '' && (rule.resources?.includes(`*/${subresource}`) ?? false));
  return matches && (rule.resourceNames === undefined || rule.resourceNames.length === 0 || rule.resourceNames.includes(name));
}

/** The first rule that allows the request. */
export function allowingRule(rules: readonly PolicyRule[], request: AccessRequest): PolicyRule | undefined {
  return rules.find((rule) => {
    if (!includes(rule.verbs, request.verb)) return false;
    return request.path === undefined ? coversResource(rule, request) : coversPath(rule, request.path);
  });
}

/** What a discovery client may read: the ClusterRoles system:discovery and system:public-info-viewer. */
export const DISCOVERY_RULE: PolicyRule = {
  verbs: ['get'],
  nonResourceURLs: [
    '/api',
    '/api/*',
    '/apis',
    '/apis/*',
    '/healthz',
    '/livez',
    '/readyz',
    '/openapi',
    '/openapi/*',
    '/version',
    '/version/',
  ],
};

export const PUBLIC_RULE: PolicyRule = { verbs: ['get'], nonResourceURLs: ['/healthz', '/livez', '/readyz', '/version', '/version/'] };
