/**
 * Sorts what the chart renders into files for people without Helm. Pure.
 *
 * Owns: which object is in which file. Never: renders, and never changes an object but for what Helm alone has a use for.
 * Invariant: CRDs and workload are apart, so that deleting the workload's file can never delete people's objects.
 */
import { stringify } from 'yaml';
import type { RenderedObject } from '../tools/helm-template';

export type ManifestFile = 'crds.yaml' | 'install.yaml' | 'monitoring.yaml';

const RESOURCE_POLICY = 'helm.sh/resource-policy';

/** Text by name of the file. @param namespace the chart was rendered for. @param version of the chart. */
export function manifestFiles(objects: readonly RenderedObject[], namespace: string, version: string): Map<ManifestFile, string> {
  const parts = Map.groupBy(objects.map(withoutHelm), fileOf);
  const text = (file: ManifestFile, more: readonly object[] = []): [ManifestFile, string] => [
    file,
    `# virt-steward ${version}. Made by "npm run manifests" from charts/virt-steward.\n${[...more, ...(parts.get(file) ?? [])].map(yaml).join('---\n')}`,
  ];
  return new Map([text('crds.yaml'), text('install.yaml', [namespaceObject(namespace)]), text('monitoring.yaml')]);
}

function fileOf({ apiVersion, kind, metadata }: RenderedObject): ManifestFile {
  if (kind === 'CustomResourceDefinition') return 'crds.yaml';
  const isDashboard = /-dashboard-[a-z]+$/.test(metadata.name);
  return /^(monitoring\.coreos\.com|grafana\.integreatly\.org)\//.test(apiVersion) || isDashboard ? 'monitoring.yaml' : 'install.yaml';
}

/** Agents use the host network; see docs/operations/install.md. */
function namespaceObject(name: string): object {
  const labels = Object.fromEntries(['enforce', 'audit', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'privileged']));
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

function withoutHelm(object: RenderedObject): RenderedObject {
  const text = JSON.stringify(object, (key, value: unknown) =>
    key === 'helm.sh/chart' || key === 'app.kubernetes.io/managed-by' || key === RESOURCE_POLICY ? undefined : value,
  );
  return JSON.parse(text) as RenderedObject;
}

const yaml = (object: object): string => stringify(object, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
