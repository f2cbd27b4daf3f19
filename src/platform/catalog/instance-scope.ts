/** What the expressions of one instance of an asset may know. */
import type { AssetContext } from '../context/asset-context';
import { ExpressionError, ExpressionScope } from '../expressions';
import type { Json } from '../json';
import type { Catalog, CatalogAsset } from './asset';

export const MAX_INSTANCES = 50;

export function scopeOf(catalog: Catalog, asset: CatalogAsset, context: AssetContext, item?: Json): ExpressionScope {
  const { name, group = '', params, identity } = asset;
  const self = { apiVersion: servedVersion(identity, context), name, group };
  return new ExpressionScope({ context, self, params, files: catalog.files, ...(item === undefined ? {} : { item }) });
}

/** The first version that is served; the first of all when none is. */
function servedVersion({ apiVersions, kind }: CatalogAsset['identity'], { cluster }: AssetContext): string {
  return apiVersions.find((apiVersion) => cluster.has(apiVersion, kind)) ?? apiVersions[0]!;
}

/** The elements of `forEach` by their text; one element without a value where there is no `forEach`. @throws {ExpressionError} */
export async function itemsOf(
  catalog: Catalog,
  asset: CatalogAsset,
  context: AssetContext,
): Promise<ReadonlyMap<string | undefined, Json | undefined>> {
  if (asset.forEach === undefined) return new Map([[undefined, undefined]]);
  const list = await asset.forEach.evaluate(scopeOf(catalog, asset, context));
  if (!Array.isArray(list)) throw new ExpressionError('forEach gives no list');
  if (list.length > MAX_INSTANCES) throw new ExpressionError(`forEach gives ${list.length} elements; allowed: ${MAX_INSTANCES}`);
  const items = new Map<string, Json>();
  for (const item of list as readonly Json[]) {
    const text = itemText(item);
    if (items.has(text)) throw new ExpressionError(`forEach gives ${text} twice`);
    items.set(text, item);
  }
  return items;
}

/** Elements that are maps are told apart by their member `name`. */
function itemText(item: Json): string {
  const value = typeof item === 'object' && item !== null && !Array.isArray(item) ? (item as { name?: Json }).name : item;
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new ExpressionError('forEach gives an element that has no name; allowed: text, numbers, maps with a name');
}

/** Evaluates the `vars` of an asset in their order. @throws {ExpressionError} */
export async function defineVars(asset: CatalogAsset, scope: ExpressionScope): Promise<void> {
  for (const { name, expression } of asset.vars) {
    const value = await scope.lookUps.settled(() => expression.valueNow(scope));
    scope.define(name, value);
  }
}
