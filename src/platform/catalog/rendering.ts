/** What rendering leads to. */
import type { KubernetesObject } from '../../framework';
import type { AssetContext } from '../context/asset-context';
import { ExpressionError } from '../expressions';
import type { Catalog, CatalogAsset } from './asset';

export type RenderFailure = {
  readonly kind: 'failed';
  readonly reason: 'RenderFailed' | 'InvalidOption' | 'DuplicateIdentity';
  readonly message: string;
  /** Trying again later may help although nothing that the asset reads has changed. */
  readonly isTransient: boolean;
};

/** An object is nobody's to change: parts of it are shared between renderings. */
export type RenderedObject = KubernetesObject & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
};

export type Rendering =
  | {
      readonly kind: 'object';
      readonly object: RenderedObject /** Pointers of the asset and of its fragments. */;
      readonly fill: readonly string[];
    }
  | { readonly kind: 'skipped'; readonly why: string }
  | RenderFailure;

export type Wanted =
  | { readonly kind: 'wanted' }
  | {
      readonly kind: 'unwanted';
      readonly reason: 'NotInAllowlist' | 'SwitchedOff' | 'NotSwitchedOn' | 'ConditionFalse';
      readonly message: string;
    }
  | RenderFailure;

/** Which assets the user admits on the anchor. */
export interface AssetAdmission {
  admits(asset: Pick<CatalogAsset, 'name' | 'group' | 'aliases'>): boolean;
}

export interface RenderInputs {
  readonly context: AssetContext;
  readonly activation: AssetAdmission;
  /** Whether every instance of an asset is in sync. @param asset its name. */
  isInSync(asset: string): boolean;
}

/** One instance of an asset: `name`, or `name[item]`. */
export interface AssetKey {
  readonly asset: CatalogAsset;
  readonly item?: string;
}

/** @returns `undefined` when the catalog has no such asset. */
export function parseAssetKey(catalog: Catalog, key: string): AssetKey | undefined {
  const [, name = key, item] = /^([^[]+)\[(.*)\]$/s.exec(key) ?? [];
  const asset = catalog.assetByName(name);
  if (asset === undefined || (asset.forEach === undefined) !== (item === undefined)) return undefined;
  return { asset, ...(item === undefined ? {} : { item }) };
}

export function assetKey(asset: CatalogAsset, item?: string): string {
  return item === undefined ? asset.name : `${asset.name}[${item}]`;
}

/** @throws what is not the failure of an expression. */
export function failureOf(error: unknown, where: string): RenderFailure {
  if (!(error instanceof ExpressionError)) throw error;
  return { kind: 'failed', reason: error.reason, message: `${where}: ${error.message}`, isTransient: error.isTransient };
}
