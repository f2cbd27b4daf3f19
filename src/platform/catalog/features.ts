/** `features` of catalog.yaml: what the assets are for, in words of users. */
import type { CatalogAsset, Feature, Maturity } from './asset';
import { MATURITIES } from './asset-header';
import type { Fields } from './fields';

/**
 * @param exempt names of assets that need no feature.
 * @returns sorted by maturity, then by name.
 */
export function parseFeatures(list: readonly Fields[], exempt: Fields, assets: readonly CatalogAsset[]): Feature[] {
  const features = list.map((fields) => parseFeature(fields, assets)).filter((feature) => feature !== undefined);
  const told = new Set(features.flatMap((feature) => feature.assets));
  const excused = exempt.texts('exempt');
  for (const name of excused) if (!assets.some((asset) => asset.name === name)) exempt.refuse('exempt', `names ${name}, which is no asset`);
  for (const { name } of assets) {
    if (!told.has(name) && !excused.includes(name)) exempt.refuse('features', `leave out the asset ${name}`);
  }
  const rank = (maturity: Maturity): number => MATURITIES.indexOf(maturity);
  return features.sort((a, b) => rank(a.maturity) - rank(b.maturity) || (a.name < b.name ? -1 : 1));
}

function parseFeature(fields: Fields, assets: readonly CatalogAsset[]): Feature | undefined {
  const name = fields.requiredText('name');
  const description = fields.requiredText('description');
  const groups = fields.texts('groups');
  const named = fields.texts('assets');
  for (const group of groups)
    if (!assets.some((asset) => asset.group === group)) fields.refuse('groups', `has ${group}, which no asset is in`);
  for (const asset of named) if (!assets.some((known) => known.name === asset)) fields.refuse('assets', `has ${asset}, which is no asset`);
  const own = assets.filter((asset) => named.includes(asset.name) || groups.includes(asset.group ?? ''));
  const maturity = fields.choice('maturity', MATURITIES) ?? (own.some(({ install }) => install === 'opt-in') ? 'dp' : 'ga');
  const requires = fields.texts('requires');
  const recommended = fields.texts('recommended');
  fields.finish();
  if (name === undefined || description === undefined) return undefined;
  return { name, description, maturity, assets: own.map((asset) => asset.name), groups, requires, recommended };
}
