/** Which assets a change of the context concerns. */
import type { AssetContext } from '../context/asset-context';
import { isSameJson, type Json, type JsonMap } from '../json';
import { DOMAIN } from '../keys';
import type { Catalog, CatalogAsset } from './asset';

/** The asset and those whose settings go into its object: its fragments, or the members of unions where it is one. */
export function contributorsOf({ assets }: Catalog, asset: CatalogAsset): readonly CatalogAsset[] {
  return assets.filter(
    (other) => other.name === asset.name || other.into === asset.name || (asset.union !== undefined && other.union !== undefined),
  );
}

/**
 * Whether an asset may render differently, or be wanted differently, because of what differs between two contexts.
 *
 * Answers of look-ups are no part of a context: who caches them tells of their change. The allowlist is asked elsewhere.
 */
export function haveInputsChanged(catalog: Catalog, asset: CatalogAsset, before: AssetContext, after: AssetContext): boolean {
  return before !== after && contributorsOf(catalog, asset).some((contributor) => haveOwnInputsChanged(contributor, before, after));
}

function haveOwnInputsChanged({ options, reads }: CatalogAsset, before: AssetContext, after: AssetContext): boolean {
  if (options.some(({ name }) => optionOf(before, name) !== optionOf(after, name))) return true;
  const variables = [...reads].filter((variable) => variable !== 'cluster') as Exclude<keyof AssetContext, 'cluster'>[];
  return variables.some((variable) => !isSame(before[variable], after[variable]));
}

function isSame(before: unknown, after: unknown): boolean {
  return before === after || isSameJson(before as Json, after as Json);
}

function optionOf({ anchor }: AssetContext, name: string): string | undefined {
  const annotations = (anchor['metadata'] as JsonMap | undefined)?.['annotations'] as JsonMap | undefined;
  const key = DOMAIN + name;
  const value = annotations !== undefined && Object.hasOwn(annotations, key) ? annotations[key] : undefined;
  return typeof value === 'string' ? value.trim() : undefined;
}
