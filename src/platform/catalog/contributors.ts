/** Which assets go into one object. */
import type { Catalog, CatalogAsset } from './asset';

/** The asset and those whose settings go into its object: its fragments, or the members of unions where it is one. */
export function contributorsOf({ assets }: Catalog, asset: CatalogAsset): readonly CatalogAsset[] {
  return assets.filter(
    (other) => other.name === asset.name || other.into === asset.name || (asset.union !== undefined && other.union !== undefined),
  );
}
