/** Files below `tombstones/`: objects of earlier versions that are to be deleted. */
import { compileTemplate } from '../expressions';
import type { Json } from '../json';
import type { CatalogAsset, Tombstone } from './asset';
import type { Problems } from './catalog-error';
import { Fields } from './fields';

/** The only expression that a tombstone may have, and where. */
const ANCHOR_NAMESPACE = /^\$\{\s*settings\.namespace\s*\}$/;

export function parseTombstones(documents: readonly Json[], file: string, problems: Problems): Tombstone[] {
  return documents
    .map((document, index) => parseTombstone(document, file, `[${index}]`, problems))
    .filter((tombstone) => tombstone !== undefined);
}

function parseTombstone(document: Json, file: string, path: string, problems: Problems): Tombstone | undefined {
  const fields = Fields.of(document, file, path, problems);
  const [apiVersion, kind] = [fields?.requiredText('apiVersion'), fields?.requiredText('kind')];
  const metadata = fields && Fields.of(fields.raw('metadata'), file, `${path}.metadata`, problems);
  const [name, namespace] = [metadata?.requiredText('name'), metadata?.text('namespace')];
  fields?.finish();
  metadata?.finish();
  for (const text of [apiVersion, kind, name])
    if (text?.includes('${')) problems.add(file, path, 'has an expression; only metadata.namespace may have one, settings.namespace');
  if (namespace?.includes('${') && !ANCHOR_NAMESPACE.test(namespace))
    metadata?.refuse('namespace', 'has an expression; allowed: settings.namespace');
  if (apiVersion === undefined || kind === undefined || name === undefined) return undefined;
  const template = namespace === undefined ? undefined : problems.attempt(file, path, () => compileTemplate(namespace));
  return { apiVersion, kind, name, ...(template === undefined ? {} : { namespace: template }), file };
}

/** What is kept cannot be deleted as well. */
export function refuseKept(tombstones: readonly Tombstone[], assets: readonly CatalogAsset[], problems: Problems): void {
  for (const tombstone of tombstones) {
    const asset = assets.find((candidate) => isOf(tombstone, candidate));
    if (asset !== undefined)
      problems.add(tombstone.file, '', `${tombstone.kind} ${tombstone.name} is also the object of the asset ${asset.name}`);
  }
}

function isOf({ apiVersion, kind, name, namespace }: Tombstone, { identity }: CatalogAsset): boolean {
  const sameKind = identity.kind === kind && identity.apiVersions.some((version) => groupOf(version) === groupOf(apiVersion));
  const constant = namespace?.constant;
  const samePlace = constant === undefined || identity.namespace === undefined || constant === identity.namespace;
  return sameKind && samePlace && (identity.names ?? []).includes(name);
}

function groupOf(apiVersion: string): string {
  return apiVersion.slice(0, Math.max(0, apiVersion.lastIndexOf('/')));
}
