/**
 * The files of the bundle beside its manifests: what catalogs, pipelines and the scorecard read. Pure.
 *
 * Owns: channels and annotations. Invariant: the labels of bundle.Dockerfile are those of metadata/annotations.yaml.
 */
import { stringify } from 'yaml';
import type { Project } from '../project';
import { PACKAGE } from './service-version';

const SCORECARD_IMAGE = 'quay.io/operator-framework/scorecard-test:v1.41.1';
const PREFIX = 'operators.operatorframework.io';
/** Names of the upstream tests; they are also what `hack/olm` checks itself. */
export const SCORECARD_TESTS = {
  basic: ['basic-check-spec'],
  olm: ['olm-bundle-validation', 'olm-crds-have-validation', 'olm-crds-have-resources', 'olm-spec-descriptors', 'olm-status-descriptors'],
} as const;

/** Pre-releases have a channel of their own. */
export function channelOf({ version }: Pick<Project, 'version'>): string {
  return version.includes('-') ? 'candidate' : 'stable';
}

function annotationsOf(project: Project): Record<string, string> {
  const channel = channelOf(project);
  return {
    [`${PREFIX}.bundle.mediatype.v1`]: 'registry+v1',
    [`${PREFIX}.bundle.manifests.v1`]: 'manifests/',
    [`${PREFIX}.bundle.metadata.v1`]: 'metadata/',
    [`${PREFIX}.bundle.package.v1`]: PACKAGE,
    [`${PREFIX}.bundle.channels.v1`]: channel,
    [`${PREFIX}.bundle.channel.default.v1`]: channel,
    [`${PREFIX}.test.mediatype.v1`]: 'scorecard+v1',
    [`${PREFIX}.test.config.v1`]: 'tests/scorecard/',
    'com.redhat.openshift.versions': project.minOpenShift,
  };
}

/** Path in the bundle to text without the mark of generated files. */
export function metadataFiles(project: Project): [string, string][] {
  const annotations = annotationsOf(project);
  const labels = Object.entries(annotations).map(([key, value]) => `LABEL ${key}=${value}`);
  const dockerfile = [
    'FROM scratch',
    '',
    ...labels,
    '',
    'COPY manifests /manifests/',
    'COPY metadata /metadata/',
    'COPY tests/scorecard /tests/scorecard/',
    '',
  ];
  const catalog = {
    schema: 'olm.semver',
    generateMajorChannels: false,
    generateMinorChannels: false,
    stable: { bundles: [{ image: `${project.registry}/${PACKAGE}/bundle:${project.version}` }] },
  };
  return [
    ['metadata/annotations.yaml', stringify({ annotations })],
    ['bundle.Dockerfile', dockerfile.join('\n')],
    ['ci.yaml', ciYaml(project)],
    ['release-config.yaml', stringify({ catalog_templates: [{ template_name: 'stable.yaml', channels: [channelOf(project)] }] })],
    ['catalog/stable.yaml', stringify(catalog)],
  ];
}

function ciYaml({ maintainers }: Project): string {
  return [
    '# Read by the pipelines of the community operators.',
    '# fbc: the catalog is a file (catalog/stable.yaml) that the pipeline renders.',
    stringify({
      fbc: { enabled: true, catalog_mapping: [{ template_name: 'stable.yaml', catalog_names: ['v4.17'], type: 'olm.semver' }] },
    }).trim(),
    '# reviewers: who may merge updates of this operator; accounts, so put yours here when you publish.',
    stringify({ reviewers: maintainers.map(({ name }) => name.replaceAll(' ', '-')) }).trim(),
    '# updateGraph: every version replaces the one before it.',
    stringify({ updateGraph: 'replaces-mode' }),
  ].join('\n');
}

/** The upstream tests: the basic one first, then those of OLM side by side. */
export function scorecardConfig(): object {
  const mount = { spec: { mountPath: {} } };
  const test = (suite: string, name: string): object => ({
    entrypoint: ['scorecard-test', name],
    image: SCORECARD_IMAGE,
    labels: { suite, test: `${name}-test` },
    storage: mount,
  });
  return {
    apiVersion: 'scorecard.operatorframework.io/v1alpha3',
    kind: 'Configuration',
    metadata: { name: 'config' },
    stages: Object.entries(SCORECARD_TESTS).map(([suite, names]) => ({
      parallel: suite !== 'basic',
      tests: names.map((name) => test(suite, name)),
    })),
    storage: mount,
  };
}

export function bundleReadme({ version, registry }: Project, channel: string): string {
  return `# Bundle for the Operator Lifecycle Manager

Everything here but \`base/\` is made by \`npm run generate\`; how, and how to try it, is told in [docs/olm.md](../docs/olm.md).

\`\`\`sh
npm run bundle:validate                                         # our check of everything below; no cluster, no network
docker build -f bundle.Dockerfile -t ${registry}/${PACKAGE}/bundle:${version} .     # in this folder
\`\`\`

To submit version ${version} to a catalog (channel \`${channel}\`): copy \`manifests/\`, \`metadata/\`, \`tests/\` and \`bundle.Dockerfile\` to
\`operators/${PACKAGE}/${version}/\` of the catalog's repository, \`ci.yaml\` and \`catalog/\` to \`operators/${PACKAGE}/\`, and
\`release-config.yaml\` beside the manifests.
`;
}
