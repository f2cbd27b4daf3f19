/**
 * Puts the ClusterServiceVersion together: what OLM installs and what consoles show. Pure.
 *
 * Owns: the fields of it. Never: derives a right or a pod; both come from where the chart has them.
 * Invariant: the version, the kinds, the rights and the pod are those of the chart of the same commit.
 */
import { isEarly, type Project } from '../project';
import { descriptorsOf, type FieldSchema } from './descriptors';

export const PACKAGE = 'virt-steward';
export const SUGGESTED_NAMESPACE = 'virt-steward-system';
const AGENT_ACCOUNT = 'virt-steward-wol-agent';
const AGENT_SCC = 'hostnetwork-v2';
/** Claims of the annotation group `features.operators.openshift.io`; false until proven. */
const FEATURES = [
  'fips-compliant',
  'proxy-aware',
  'tls-profiles',
  'token-auth-aws',
  'token-auth-azure',
  'token-auth-gcp',
  'cnf',
  'cni',
  'csi',
];

/** A CRD with what `base/kinds/` adds to it. */
export interface OwnedKind {
  readonly crd: {
    readonly metadata: { readonly name: string };
    readonly spec: { readonly names: { readonly kind: string }; readonly versions: readonly CrdVersion[] };
  };
  readonly displayName: string;
  readonly isInitial: boolean;
  readonly example: { readonly kind: string; readonly [field: string]: unknown };
  readonly resources: readonly { readonly kind: string; readonly version: string }[];
}

interface CrdVersion {
  readonly name: string;
  readonly storage: boolean;
  readonly schema: { readonly openAPIV3Schema: FieldSchema };
}

interface Permission {
  readonly serviceAccountName: string;
  readonly rules: readonly object[];
}

interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
}

export interface DeploymentSpec {
  readonly template: {
    readonly spec: { readonly containers: readonly { image: string; name: string; env?: readonly EnvironmentVariable[] }[] };
  };
}

export interface ServiceVersionParts {
  readonly project: Project;
  /** Markdown. */
  readonly description: string;
  readonly kinds: readonly OwnedKind[];
  readonly clusterPermissions: readonly Permission[];
  readonly permissions: readonly Permission[];
  readonly deployment: { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly spec: DeploymentSpec };
}

export function serviceVersion(parts: ServiceVersionParts): object {
  const { project, description, deployment } = parts;
  const images = relatedImages(deployment.spec);
  return {
    apiVersion: 'operators.coreos.com/v1alpha1',
    kind: 'ClusterServiceVersion',
    metadata: { name: `${PACKAGE}.v${project.version}`, annotations: annotations(parts, images[0]?.image ?? ''), labels: LABELS },
    spec: {
      displayName: project.displayName,
      description,
      version: project.version,
      ...(project.replaces === null ? {} : { replaces: `${PACKAGE}.v${project.replaces}` }),
      minKubeVersion: project.minKubernetes,
      maturity: isEarly(project.version) ? 'alpha' : 'stable',
      keywords: project.keywords,
      provider: { name: project.provider, url: project.home },
      maintainers: project.maintainers,
      links: [
        { name: 'Documentation', url: `${project.home}/docs` },
        { name: 'Source', url: project.home },
        { name: 'Issues', url: `${project.home}/issues` },
      ],
      icon: [{ base64data: Buffer.from(project.icon).toString('base64'), mediatype: 'image/svg+xml' }],
      installModes: ['OwnNamespace', 'SingleNamespace', 'MultiNamespace', 'AllNamespaces'].map((type) => ({
        type,
        supported: type === 'AllNamespaces',
      })),
      customresourcedefinitions: { owned: parts.kinds.map(owned) },
      relatedImages: images,
      install: {
        strategy: 'deployment',
        spec: {
          clusterPermissions: [
            ...parts.clusterPermissions,
            {
              serviceAccountName: AGENT_ACCOUNT,
              rules: [
                {
                  apiGroups: ['security.openshift.io'],
                  resources: ['securitycontextconstraints'],
                  resourceNames: [AGENT_SCC],
                  verbs: ['use'],
                },
              ],
            },
          ],
          // Some versions of OLM want an entry for every account; this one may be lifted to all namespaces without harm.
          permissions: [
            ...parts.permissions,
            {
              serviceAccountName: AGENT_ACCOUNT,
              rules: [{ apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews'], verbs: ['create'] }],
            },
          ],
          deployments: [{ name: deployment.name, label: deployment.labels, spec: deployment.spec }],
        },
      },
    },
  };
}

const LABELS = {
  'operatorframework.io/arch.amd64': 'supported',
  'operatorframework.io/arch.arm64': 'supported',
  'operatorframework.io/os.linux': 'supported',
};

function annotations({ project, kinds }: ServiceVersionParts, containerImage: string): Record<string, string> {
  const initial = kinds.find(({ isInitial }) => isInitial)?.example;
  const podSecurity = ['enforce', 'audit', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'privileged'] as const);
  const namespace = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: SUGGESTED_NAMESPACE, labels: { ...Object.fromEntries(podSecurity), 'openshift.io/cluster-monitoring': 'true' } },
  };
  const features = [['disconnected', 'true'] as const, ...FEATURES.map((name) => [name, 'false'] as const)];
  return {
    'alm-examples': json(kinds.map(({ example }) => example)),
    ...(initial === undefined ? {} : { 'operatorframework.io/initialization-resource': json(initial) }),
    capabilities: project.capabilities,
    categories: project.categories,
    containerImage,
    createdAt: project.createdAt,
    description: project.summary,
    repository: project.home,
    support: project.provider,
    'operatorframework.io/suggested-namespace': SUGGESTED_NAMESPACE,
    'operatorframework.io/suggested-namespace-template': json(namespace),
    'operatorframework.io/cluster-monitoring': 'true',
    ...Object.fromEntries(features.map(([name, value]) => [`features.operators.openshift.io/${name}`, value])),
  };
}

const json = (value: unknown): string => JSON.stringify(value, undefined, 2);

function owned({ crd, displayName, resources }: OwnedKind): object {
  const version = crd.spec.versions.find(({ storage }) => storage) ?? crd.spec.versions[0]!;
  const { description, properties } = version.schema.openAPIV3Schema;
  return {
    name: crd.metadata.name,
    version: version.name,
    kind: crd.spec.names.kind,
    displayName,
    description,
    resources,
    specDescriptors: descriptorsOf(properties?.['spec']),
    statusDescriptors: descriptorsOf(properties?.['status']),
  };
}

/** Those of the containers, and what the manager is told to deploy. */
export function relatedImages({ template }: DeploymentSpec): { name: string; image: string }[] {
  return template.spec.containers.flatMap(({ name, image, env = [] }) => [
    { name, image },
    ...env.flatMap((variable) => {
      const told = /^(?:RELATED_IMAGE_(.+)|(AGENT)_IMAGE)$/.exec(variable.name);
      const key = told?.[1] ?? told?.[2];
      return key === undefined || !variable.value ? [] : [{ name: key.toLowerCase().replaceAll('_', '-'), image: variable.value }];
    }),
  ]);
}
