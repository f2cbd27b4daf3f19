/** The door to the catalog. */
export type {
  AssetHeader,
  AssetIdentity,
  Catalog,
  CatalogAsset,
  Feature,
  FormerObject,
  Maturity,
  Requirement,
} from './asset';
export { CatalogError, type CatalogProblem } from './catalog-error';
export { CatalogRenderer } from './catalog-renderer';
export { contributorsOf } from './contributors';
export { EMPTY_CONTEXT } from './empty-context';
export { IdentityClaims } from './identity-claims';
export { loadCatalog } from './load-catalog';
export { isNodeLevelKind } from './node-level';
export {
  type AssetAdmission,
  type AssetKey,
  assetKey,
  parseAssetKey,
  type RenderedObject,
  type RenderFailure,
  type RenderInputs,
  type Rendering,
  type Wanted,
} from './rendering';
export { requirementText } from './requirement';
export { type MissingRequirement, missingRequirements } from './wanted';
