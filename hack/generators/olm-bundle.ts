/**
 * Makes `olm-bundle/` for the Operator Lifecycle Manager.
 *
 *     node build/hack/generators/olm-bundle.js            writes what differs
 *     node build/hack/generators/olm-bundle.js --check    writes nothing, exits 1 and shows the difference
 *
 * Owns: the files of the bundle around the ClusterServiceVersion. Never: says again what the chart, the CRDs or the handlers say.
 * Invariant: a further kind takes a file in crds/ and one in olm-bundle/base/kinds/, a further module one in olm-bundle/base/modules/.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { MODULE_NAMES } from '../../src/cli/module-names';
import { MODULE_DEFINITIONS, moduleSettings } from '../../src/cli/modules';
import { managerRightsByPart, printedRights } from '../../src/cli/rights';
import { Settings } from '../../src/framework';
import { objectsOf, type RenderedObject, renderedChart } from '../tools/helm-template';
import { GENERATED_MARK, type GeneratedFiles } from './generated-files';
import { type Generator, main } from './generator-command';
import { bundleReadme, channelOf, metadataFiles, scorecardConfig } from './olm/metadata';
import { type DeploymentSpec, type OwnedKind, PACKAGE, SUGGESTED_NAMESPACE, serviceVersion } from './olm/service-version';
import { PROJECT_SOURCE, projectOf } from './project';

const BUNDLE = 'olm-bundle';
const BASE = `${BUNDLE}/base`;
const ACCOUNT = 'virt-steward-manager';
/** Of the rights on Secrets with kubeconfigs, as the chart calls it. */
const SECRETS_ROLE = 'virt-steward-machines-secrets';
const SOURCE = `${BASE}/, crds/, the chart, the handlers and ${PROJECT_SOURCE}`;
/** Version 1.1 quotes what OLM's parser would take for a time or a truth value. */
const YAML = { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false } as const;
/** What OLM installs from manifests/, by the name that the chart gives it; everything else is in the ClusterServiceVersion. */
const MANIFESTS: readonly { readonly file: string; readonly kind: string; readonly name: string }[] = [
  { file: 'virt-steward-grpc.service', kind: 'Service', name: 'virt-steward-grpc' },
  { file: 'virt-steward-metrics.service', kind: 'Service', name: 'virt-steward-metrics' },
  { file: 'virt-steward-metrics-reader.clusterrole', kind: 'ClusterRole', name: 'virt-steward-metrics-reader' },
  { file: 'virt-steward-manager.pdb', kind: 'PodDisruptionBudget', name: 'virt-steward-manager' },
];

/** The chart with every module, as `bundleFiles` takes it. */
export async function chartForBundle(root: string): Promise<readonly RenderedObject[]> {
  const { registry } = projectOf(root);
  const modules = MODULE_NAMES.map((name) => `${name}.enabled=true`).join();
  return objectsOf(
    await renderedChart(root, [`--values=${join(root, BASE, 'values.yaml')}`, `--set=${modules},global.imageRegistry=${registry}`]),
  );
}

/** @throws {Error} naming what a kind, a module or the chart lacks. */
export function bundleFiles(root: string, chart: readonly RenderedObject[]): GeneratedFiles {
  const project = projectOf(root);
  const mark = `# ${GENERATED_MARK}${SOURCE}; DO NOT EDIT.\n`;
  const yaml = (value: unknown): string => mark + stringify(value, YAML);
  const { permissions, manifests: rights } = rightsForBundle();
  const deployment = withoutRelease(objectIn(chart, 'Deployment', ACCOUNT));
  const version = serviceVersion({
    project,
    description: descriptionOf(root),
    kinds: kindsOf(root),
    ...permissions,
    deployment: {
      name: deployment.metadata.name,
      labels: deployment.metadata['labels'] as Record<string, string>,
      spec: withoutPlace(deployment['spec'] as DeploymentSpec),
    },
  });
  const files: [string, string][] = [
    [`manifests/${PACKAGE}.clusterserviceversion.yaml`, yaml(version)],
    ...crdFiles(root, mark),
    ...rights.map(({ file, text }): [string, string] => [`manifests/${file}.yaml`, `${mark}${text}`]),
    ...MANIFESTS.map(({ file, kind, name }): [string, string] => [
      `manifests/${file}.yaml`,
      yaml(withoutRelease(objectIn(chart, kind, name))),
    ]),
    ...metadataFiles(project).map(([path, text]): [string, string] => [path, mark + text]),
    ['tests/scorecard/config.yaml', yaml(scorecardConfig())],
    ['README.md', `<!-- ${mark.slice(2).trim()} -->\n${bundleReadme(project, channelOf(project))}`],
  ];
  return new Map(files.map(([path, text]) => [`${BUNDLE}/${path}`, text]));
}

function crdFiles(root: string, mark: string): [string, string][] {
  return crdNames(root).map((file) => [`manifests/${file}`, mark + readFileSync(join(root, 'crds', file), 'utf8')]);
}

function crdNames(root: string): string[] {
  return readdirSync(join(root, 'crds'))
    .filter((name) => name.endsWith('.yaml') && !name.startsWith('allowed-'))
    .sort();
}

function kindsOf(root: string): OwnedKind[] {
  return crdNames(root).map((file) => {
    const crd = parse(readFileSync(join(root, 'crds', file), 'utf8')) as OwnedKind['crd'];
    const path = `${BASE}/kinds/${crd.metadata.name}.yaml`;
    if (!existsSync(join(root, path))) throw new Error(`crds/${file} needs ${path}, with displayName, resources and example`);
    const { example, isInitial = false, ...own } = parse(readFileSync(join(root, path), 'utf8')) as OwnedKind & { example: string };
    const objects = objectsOf(readFileSync(join(root, example), 'utf8'));
    const found = objects.find(({ kind }) => kind === crd.spec.names.kind);
    if (found === undefined) throw new Error(`${path} names ${example}, which has no ${crd.spec.names.kind}`);
    return { ...own, crd, isInitial, example: found };
  });
}

function descriptionOf(root: string): string {
  const read = (path: string): string => readFileSync(join(root, BASE, path), 'utf8').trim();
  const modules = MODULE_NAMES.map((name) => {
    if (!existsSync(join(root, BASE, 'modules', `${name}.md`)))
      throw new Error(`the module ${name} needs ${BASE}/modules/${name}.md, a list item that says what it does`);
    return read(`modules/${name}.md`);
  });
  return `${read('description.md').replace('MODULES', () => modules.join('\n'))}\n`;
}

type Permissions = Parameters<typeof serviceVersion>[0]['permissions'];

/**
 * As `virt-steward rbac --output=olm` prints them: the first document is for the ClusterServiceVersion, those without a namespace for
 * manifests/. Those for the suggested namespace are for the one of the installation: KubevirtConfigs are looked for where the manager is.
 */
function rightsForBundle() {
  const settings = moduleSettings(
    new Settings(MODULE_DEFINITIONS, { kubevirtConfigsNamespace: SUGGESTED_NAMESPACE }, {}),
    SUGGESTED_NAMESPACE,
  );
  const parts = managerRightsByPart(MODULE_NAMES, { leaderElection: true, secureMetrics: true }, settings);
  const text = printedRights(parts, 'olm', { name: ACCOUNT, namespace: SUGGESTED_NAMESPACE, serviceAccount: ACCOUNT });
  const [first = '', ...others] = text.split(/^---\n/m);
  const manifests = others
    .map((document) => document.replace(/^# .*\n/, ''))
    .map((document) => ({ document, object: parse(document) as RenderedObject }))
    .filter(({ object }) => [undefined, SUGGESTED_NAMESPACE].includes(object.metadata['namespace'] as string | undefined))
    .map(({ document, object }) => {
      const isHere = object.metadata['namespace'] === undefined;
      const name = isHere ? ACCOUNT : SECRETS_ROLE;
      const placed = isHere
        ? document
        : document.replace(/^ +namespace: .*\n/m, '').replaceAll(`name: ${ACCOUNT}\n`, `name: ${SECRETS_ROLE}\n`);
      // The account keeps its name.
      const granted = placed.replace(/(kind: ServiceAccount\n +name: ).*/, `$1${ACCOUNT}`);
      return { file: `${name}.${object.kind.toLowerCase()}`, text: granted };
    });
  return { permissions: parse(first) as Record<'clusterPermissions' | 'permissions', Permissions>, manifests };
}

function objectIn(chart: readonly RenderedObject[], kind: string, name: string): RenderedObject {
  const found = chart.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`the chart renders no ${kind}/${name} for the bundle`);
  return found;
}

/** Drops what only a release of Helm has: the namespace, and the labels that name Helm and the chart. */
function withoutRelease(object: RenderedObject): RenderedObject {
  const text = JSON.stringify(object, (key, value: unknown) => {
    if (key === 'helm.sh/chart' || key === 'app.kubernetes.io/managed-by') return undefined;
    return value;
  });
  const { apiVersion, kind, metadata, ...rest } = JSON.parse(text) as RenderedObject;
  const { namespace: _, ...others } = metadata;
  return { apiVersion, kind, metadata: others as RenderedObject['metadata'], ...rest };
}

/** Drops variables that hold the namespace the chart was rendered for: OLM chooses one, and the manager finds its Service itself. */
function withoutPlace(spec: DeploymentSpec): DeploymentSpec {
  const containers = spec.template.spec.containers.map((container) => ({
    ...container,
    env: (container.env ?? []).filter(({ name }) => name !== 'AGENT_OPERATOR_ADDRESS'),
  }));
  return { ...spec, template: { ...spec.template, spec: { ...spec.template.spec, containers } } };
}

export const olmBundle = (chart: readonly RenderedObject[]): Generator => ({
  folder: BUNDLE,
  isOwn: (path) => !path.startsWith(`${BASE}/`),
  source: SOURCE,
  files: (root) => bundleFiles(root, chart),
});

async function run(): Promise<void> {
  main(olmBundle(await chartForBundle(join(__dirname, '..', '..', '..'))));
}

if (require.main === module) {
  run().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
