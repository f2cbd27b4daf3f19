/**
 * Makes `charts/virt-steward/templates/crds/*.yaml` from `crds/*.yaml`, and Chart.yaml from package.json and project.yaml.
 *
 *     node build/hack/generators/chart-crds.js            writes what differs
 *     node build/hack/generators/chart-crds.js --check    writes nothing, exits 1 and shows the difference
 *
 * Owns: the guard, labels and annotations around a CRD. Never: changes what a CRD says.
 * Invariant: rendered, the spec equals that in `crds/`, also where a text holds what looks like a template action.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseDocument, stringify } from 'yaml';
import { MODULE_NAMES } from '../../src/cli/module-names';
import { GENERATED_MARK, type GeneratedFiles } from './generated-files';
import { type Generator, main } from './generator-command';
import { titleOf } from './olm/descriptors';
import { isEarly, PROJECT_SOURCE, type Project, projectOf } from './project';

const CRD_FOLDER = 'crds';
const CHART = 'charts/virt-steward';
/** Quotes what parsers of older YAML would take for something else than text. */
const YAML = { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false } as const;
/** In `metadata.annotations` of a CRD whose group does not begin with the name of its module. */
const MODULE_ANNOTATION = 'virt-steward.io/module';

interface Crd {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: { readonly description?: string } };
    }[];
  };
}

/** The generated files below `root`. @throws {Error} naming a CRD that belongs to no module. */
export function chartCrds(root: string): GeneratedFiles {
  const names = readdirSync(join(root, CRD_FOLDER)).filter((name) => name.endsWith('.yaml'));
  const files = names.sort().map((name): [string, string] => {
    const source = `${CRD_FOLDER}/${name}`;
    return [`${CHART}/templates/crds/${name}`, crdTemplate(source, readFileSync(join(root, source), 'utf8'))];
  });
  const crds = names.map((name) => parse(readFileSync(join(root, CRD_FOLDER, name), 'utf8')) as Crd);
  return new Map([[`${CHART}/Chart.yaml`, chartYaml(projectOf(root), crds)], ...files]);
}

/** @throws {Error} naming the CRD when no module has it. */
export function crdTemplate(source: string, text: string): string {
  const document = parseDocument(text);
  const crd = document.toJS() as Crd;
  const module = moduleOf(source, crd);
  document.commentBefore = null;
  document.delete('metadata');
  const body = document.toString({ lineWidth: 0 }).replace(/^(?:#.*\n)+/, '');
  const [head, spec] = [body.slice(0, body.indexOf('spec:\n')), body.slice(body.indexOf('spec:\n'))];
  return [
    `{{- /* ${GENERATED_MARK}${source}; DO NOT EDIT. */}}`,
    `{{- if and .Values.crds.install .Values.${module}.enabled }}`,
    `${literal(head)}metadata:`,
    `  name: ${crd.metadata.name}`,
    '  {{- $keep := ternary (dict "helm.sh/resource-policy" "keep") (dict) .Values.crds.keep }}',
    '  {{- include "virt-steward.metadata" (list . "crds" (merge (dict) $keep .Values.crds.annotations)) | nindent 2 }}',
    `${literal(spec)}{{- end }}`,
    '',
  ].join('\n');
}

function moduleOf(source: string, { metadata, spec }: Crd): string {
  const name = metadata.annotations?.[MODULE_ANNOTATION] ?? spec.group.split('.')[0] ?? '';
  if ((MODULE_NAMES as readonly string[]).includes(name)) return name;
  throw new Error(
    `${source} is of the module ${JSON.stringify(name)}; allowed: ${MODULE_NAMES.join(', ')} (annotation ${MODULE_ANNOTATION})`,
  );
}

/** Text in which the template engine sees no action. */
function literal(text: string): string {
  return text.replaceAll('{{', '{{ "{{" }}');
}

/** Version and licence live in package.json only. */
function chartYaml(project: Project, crds: readonly Crd[]): string {
  const { version, license, home, maintainers, keywords, minKubernetes, capabilities } = project;
  const image = (name: string): object => ({ name, image: `${project.registry}/virt-steward/${name}:${version}` });
  const chart = {
    apiVersion: 'v2',
    name: 'virt-steward',
    type: 'application',
    description: project.description,
    version,
    appVersion: version,
    kubeVersion: `>=${minKubernetes}-0`,
    icon: `data:image/svg+xml;base64,${Buffer.from(project.icon).toString('base64')}`,
    home,
    sources: [home],
    keywords,
    maintainers,
    annotations: {
      'artifacthub.io/license': license,
      'artifacthub.io/operator': 'true',
      'artifacthub.io/operatorCapabilities': capabilities,
      'artifacthub.io/prerelease': String(isEarly(version)),
      'artifacthub.io/crds': stringify(crds.flatMap(crdEntries), YAML),
      'artifacthub.io/images': stringify(['manager', 'agent'].map(image), YAML),
      'artifacthub.io/links': stringify(
        [
          { name: 'Documentation', url: `${home}/docs` },
          { name: 'Issues', url: `${home}/issues` },
        ],
        YAML,
      ),
    },
  };
  return `# ${GENERATED_MARK}${CHART_CRDS.source}; DO NOT EDIT.\n${stringify(chart, YAML)}`;
}

/** One a version, as Artifact Hub lists them. */
function crdEntries({ metadata, spec }: Crd): object[] {
  return spec.versions.map(({ name: version, schema }) => ({
    kind: spec.names.kind,
    version,
    name: metadata.name,
    displayName: titleOf(spec.names.kind),
    description: schema.openAPIV3Schema.description ?? '',
  }));
}

export const CHART_CRDS: Generator = {
  folder: CHART,
  isOwn: (path) => path.startsWith(`${CHART}/templates/crds/`) || path === `${CHART}/Chart.yaml`,
  source: `${CRD_FOLDER}/, package.json and ${PROJECT_SOURCE}`,
  files: chartCrds,
};

if (require.main === module) main(CHART_CRDS);
