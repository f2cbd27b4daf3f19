/**
 * Makes `charts/virt-steward/templates/crds/*.yaml` from `crds/*.yaml`, and Chart.yaml from package.json.
 *
 *     node build/hack/generators/chart-crds.js            writes what differs
 *     node build/hack/generators/chart-crds.js --check    writes nothing, exits 1 and shows the difference
 *
 * Owns: the guard, labels and annotations around a CRD. Never: changes what a CRD says.
 * Invariant: rendered, the spec equals that in `crds/`, also where a text holds what looks like a template action.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { MODULE_NAMES } from '../../src/cli/module-names';
import { GENERATED_MARK, type GeneratedFiles } from './generated-files';
import { type Generator, main } from './generator-command';

const CRD_FOLDER = 'crds';
const CHART = 'charts/virt-steward';
/** In `metadata.annotations` of a CRD whose group does not begin with the name of its module. */
const MODULE_ANNOTATION = 'virt-steward.io/module';

interface Crd {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly group: string };
}

/** The generated files below `root`. @throws {Error} naming a CRD that belongs to no module. */
export function chartCrds(root: string): GeneratedFiles {
  const names = readdirSync(join(root, CRD_FOLDER)).filter((name) => name.endsWith('.yaml'));
  const files = names.sort().map((name): [string, string] => {
    const source = `${CRD_FOLDER}/${name}`;
    return [`${CHART}/templates/crds/${name}`, crdTemplate(source, readFileSync(join(root, source), 'utf8'))];
  });
  return new Map([[`${CHART}/Chart.yaml`, chartYaml(readFileSync(join(root, 'package.json'), 'utf8'))], ...files]);
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
function chartYaml(packageJson: string): string {
  const { version, license, description } = JSON.parse(packageJson) as Record<'version' | 'license' | 'description', string>;
  const icon = `data:image/svg+xml;base64,${Buffer.from(ICON).toString('base64')}`;
  return `# ${GENERATED_MARK}package.json; DO NOT EDIT.
apiVersion: v2
name: virt-steward
type: application
description: ${JSON.stringify(description)}
version: ${version}
appVersion: ${JSON.stringify(version)}
kubeVersion: ">=1.30.0-0"
icon: ${icon}
keywords: [kubevirt, virtualization, wake-on-lan, virtual machine, openshift, multi-cluster]
maintainers:
  - name: virt-steward authors
annotations:
  artifacthub.io/license: ${license}
  artifacthub.io/operator: "true"
  artifacthub.io/operatorCapabilities: Deep Insights
  artifacthub.io/prerelease: "${version.includes('-') || version.startsWith('0.')}"
`;
}

/** A screen with a power sign. */
const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" fill="none" stroke="#2b6cb0" stroke-width="4" stroke-linecap="round"><rect x="6" y="10" width="52" height="36" rx="4"/><path d="M22 56h20M32 46v10M32 19v9M26 22a9 9 0 1 0 12 0"/></svg>';

export const CHART_CRDS: Generator = {
  folder: CHART,
  isOwn: (path) => path.startsWith(`${CHART}/templates/crds/`) || path === `${CHART}/Chart.yaml`,
  source: `${CRD_FOLDER}/ and package.json`,
  files: chartCrds,
};

if (require.main === module) main(CHART_CRDS);
