/** Discovery documents, made from the table of served kinds at every request. Never: aggregated discovery, OpenAPI. */
import type { JsonObject } from '../json';
import { apiVersionOf, idOf, type ServedKind, type ServedVersion } from '../kinds/served-kind';
import type { ServedKinds } from '../kinds/served-kinds';

/** Kubernetes version the fake speaks as. */
export const VERSION = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.3',
  gitCommit: '0000000000000000000000000000000000000000',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: 'go1.26.0',
  compiler: 'gc',
  platform: 'linux/amd64',
} as const;

/** A subresource served by a registered handler. */
export interface ExtraSubresource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly kind: string;
}

const ALL_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const CUSTOM_VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const STATUS_VERBS = ['get', 'patch', 'update'];

/** Review kinds: created only, never stored. */
const REVIEWS: readonly { group: string; kind: string; plural: string }[] = [
  { group: 'authentication.k8s.io', kind: 'TokenReview', plural: 'tokenreviews' },
  { group: 'authorization.k8s.io', kind: 'SubjectAccessReview', plural: 'subjectaccessreviews' },
  { group: 'authorization.k8s.io', kind: 'SelfSubjectAccessReview', plural: 'selfsubjectaccessreviews' },
];

export class Discovery {
  constructor(
    private readonly kinds: ServedKinds,
    private readonly extras: () => readonly ExtraSubresource[],
  ) {}

  /** The document at a path, `undefined` when there is none. */
  document(path: string, address: string): JsonObject | undefined {
    const parts = path.split('/').filter((part) => part !== '');
    if (parts[0] === 'api' && parts.length === 1) return versions(address);
    if (parts[0] === 'api' && parts.length === 2) return this.resources('', parts[1]!);
    if (parts[0] !== 'apis') return undefined;
    if (parts.length === 1) return { kind: 'APIGroupList', apiVersion: 'v1', groups: this.groups().map((name) => this.group(name)!) };
    if (parts.length === 2) {
      const group = this.group(parts[1]!);
      return group === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...group };
    }
    return parts.length === 3 ? this.resources(parts[1]!, parts[2]!) : undefined;
  }

  private groups(): string[] {
    const names = [...this.kinds.all(), ...REVIEWS, ...this.extras()].map(({ group }) => group);
    return [...new Set(names)].filter((name) => name !== '');
  }

  private versionsOf(group: string): string[] {
    const served = this.kinds.all().filter((kind) => kind.group === group);
    const names = served.flatMap((kind) => kind.versions.map(({ name }) => name));
    const extra = this.extras().filter((item) => item.group === group);
    const reviews = REVIEWS.some((review) => review.group === group) ? ['v1'] : [];
    return [...new Set([...names, ...extra.map(({ version }) => version), ...reviews])];
  }

  private group(name: string): JsonObject | undefined {
    const versionsOfGroup = this.versionsOf(name).map((version) => ({ groupVersion: `${name}/${version}`, version }));
    return versionsOfGroup.length === 0 ? undefined : { name, versions: versionsOfGroup, preferredVersion: versionsOfGroup[0] };
  }

  private resources(group: string, version: string): JsonObject | undefined {
    if (!this.versionsOf(group).includes(version) && !(group === '' && version === 'v1')) return undefined;
    const groupVersion = group === '' ? version : `${group}/${version}`;
    const resources = this.kinds.all().flatMap((kind) => {
      const served = kind.group === group ? kind.versions.find(({ name }) => name === version) : undefined;
      return served === undefined ? [] : entries(kind, served);
    });
    for (const extra of this.extras()) {
      if (extra.group !== group || extra.version !== version) continue;
      const verbs = ['create', 'get', 'update'];
      resources.push({ name: `${extra.resource}/${extra.subresource}`, singularName: '', namespaced: true, kind: extra.kind, verbs });
    }
    for (const { kind, plural, group: reviewGroup } of REVIEWS) {
      if (reviewGroup === group)
        resources.push({ name: plural, singularName: kind.toLowerCase(), namespaced: false, kind, verbs: ['create'] });
    }
    resources.sort((a, b) => (String(a['name']) < String(b['name']) ? -1 : 1));
    return { kind: 'APIResourceList', ...(group === '' ? {} : { apiVersion: 'v1' }), groupVersion, resources };
  }
}

function entries(kind: ServedKind, version: ServedVersion): JsonObject[] {
  const namespaced = kind.scope === 'Namespaced';
  const entry: JsonObject = {
    name: kind.plural,
    singularName: kind.singular,
    namespaced,
    kind: kind.kind,
    verbs: kind.traits.custom
      ? CUSTOM_VERBS
      : idOf(kind) === 'namespaces'
        ? ALL_VERBS.filter((verb) => verb !== 'deletecollection')
        : ALL_VERBS,
    ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
    ...(kind.traits.categories.length === 0 ? {} : { categories: kind.traits.categories }),
    storageVersionHash: Buffer.from(apiVersionOf(kind, kind.versions[0]!)).toString('base64').slice(0, 12),
  };
  if (!version.statusSubresource) return [entry];
  return [entry, { name: `${kind.plural}/status`, singularName: '', namespaced, kind: kind.kind, verbs: STATUS_VERBS }];
}

function versions(address: string): JsonObject {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }] };
}
