/** Files below `tombstones/` and `retired/`: objects that earlier versions kept. */
import { compileTemplate } from '../expressions';
import type { Json } from '../json';
import type { Catalog, CatalogAsset, FormerObject } from './asset';
import type { Problems } from './catalog-error';
import { Fields } from './fields';

/** The only expression that there may be, and where. */
const ANCHOR_NAMESPACE = /^\$\{\s*settings\.namespace\s*\}$/;

export function parseFormerObjects(documents: readonly Json[], file: string, problems: Problems): FormerObject[] {
  return documents
    .map((document, index) => parseFormerObject(document, file, `[${index}]`, problems))
    .filter((former) => former !== undefined);
}

function parseFormerObject(document: Json, file: string, path: string, problems: Problems): FormerObject | undefined {
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

/** What is kept, or deleted in any case, cannot be left behind as well. */
export function refuseKept(
  { tombstones, retired }: Pick<Catalog, 'tombstones' | 'retired'>,
  assets: readonly CatalogAsset[],
  problems: Problems,
): void {
  for (const former of [...tombstones, ...retired]) {
    const asset = assets.find((candidate) => isOf(former, candidate));
    if (asset !== undefined) problems.add(former.file, '', `${former.kind} ${former.name} is also the object of the asset ${asset.name}`);
  }
  for (const former of retired) {
    const tombstone = tombstones.find((candidate) => isSame(former, candidate));
    if (tombstone !== undefined) problems.add(former.file, '', `${former.kind} ${former.name} is also a tombstone in ${tombstone.file}`);
  }
}

function isSame(a: FormerObject, b: FormerObject): boolean {
  const [place, other] = [a.namespace?.constant, b.namespace?.constant];
  const samePlace = place === undefined || other === undefined || place === other;
  return a.kind === b.kind && a.name === b.name && groupOf(a.apiVersion) === groupOf(b.apiVersion) && samePlace;
}

function isOf({ apiVersion, kind, name, namespace }: FormerObject, { identity }: CatalogAsset): boolean {
  const sameKind = identity.kind === kind && identity.apiVersions.some((version) => groupOf(version) === groupOf(apiVersion));
  const constant = namespace?.constant;
  const samePlace = constant === undefined || identity.namespace === undefined || constant === identity.namespace;
  return sameKind && samePlace && (identity.names ?? []).includes(name);
}

function groupOf(apiVersion: string): string {
  return apiVersion.slice(0, Math.max(0, apiVersion.lastIndexOf('/')));
}
