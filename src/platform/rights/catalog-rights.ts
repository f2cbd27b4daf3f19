/**
 * Rights that follow from the catalog: what its assets, look-ups and tombstones need.
 *
 * Owns: which right follows from what. Never: a wildcard, nor a right on Secrets.
 * Invariant: structural, from the loaded catalog and the table of kinds; the same catalog gives the same rights in the same order.
 */
import { type ApiVerb, mergeRules, type RbacRule } from '../../framework';
import { type Catalog, type CatalogAsset, type FormerObject, loadCatalog } from '../catalog';
import type { LookUpUse } from '../expressions';
import { contextRights } from './context-rights';
import { type KindRow, KindTable } from './kind-table';
import { roleRights } from './role-assets';

export interface CatalogRightsOptions {
  /** Whether the module may delete what it does not keep any more (`platform.kubevirt.io/on-removal: delete`). */
  readonly withRemoval: boolean;
}

/** All rights of the module with the catalog in a directory, merged and sorted. @throws {CatalogError} */
export function platformRights(directory: string, options: CatalogRightsOptions): RbacRule[] {
  return mergeRules([...contextRights(), ...catalogRights(loadCatalog(directory), KindTable.in(directory), options)]);
}

/** @throws {CatalogError} when a kind does not stand in the table. */
export function catalogRights(
  { assets, tombstones, retired }: Catalog,
  kinds: KindTable,
  { withRemoval }: CatalogRightsOptions,
): RbacRule[] {
  const objects = assets.filter(({ into }) => into === undefined);
  return [
    ...objects.flatMap((asset) => rowsOf(asset, kinds).flatMap((row) => assetRights(asset, row, withRemoval))),
    ...assets.flatMap((asset) => asset.lookUps.flatMap((use) => lookUpRights(asset, use, kinds))),
    ...tombstones.flatMap((tombstone) => tombstoneRights(tombstone, kinds)),
    ...retired.flatMap((former) => retiredRights(former, kinds, withRemoval)),
    ...roleRights(objects),
  ];
}

/** One row a group: versions of a group share their rights. */
function rowsOf({ identity, name }: CatalogAsset, kinds: KindTable): KindRow[] {
  const rows = identity.apiVersions.map((apiVersion) => kinds.rowOf(apiVersion, identity.kind, `asset ${name}`));
  return [...new Map(rows.map((row) => [`${row.plural}.${row.group}`, row])).values()];
}

/** Creation, list and watch cannot be limited by name; a selector by label has no right of its own. */
function assetRights(asset: CatalogAsset, row: KindRow, withRemoval: boolean): RbacRule[] {
  const { identity, create, strategy, name } = asset;
  const by = `asset ${name}`;
  const names = identity.names ?? [];
  const seen: RbacRule[] =
    strategy === 'edit'
      ? [rule(row, ['get', 'list', 'watch', 'patch'], names, by, 'edits one text of this object')]
      : [rule(row, ['list', 'watch'], [], by, 'follows what it keeps'), rule(row, ['get', 'patch'], names, by, 'keeps this object')];
  return [
    ...seen,
    ...(create ? [rule(row, ['create'], [], by, 'makes this object')] : []),
    ...(mayDelete(asset, row, withRemoval) ? [rule(row, ['delete'], names, by, 'deletes this object when it is not wanted')] : []),
  ];
}

/** Never what others depend on: namespaces, definitions, objects that were there before. */
function mayDelete({ create, strategy, onUnwanted }: CatalogAsset, { group, kind }: KindRow, withRemoval: boolean): boolean {
  if (!create || strategy === 'edit') return false;
  if ((group === '' && kind === 'Namespace') || kind === 'CustomResourceDefinition') return false;
  return withRemoval || onUnwanted === 'delete';
}

/** Kinds that are only asked for need discovery; schemas are read from definitions, which the context reads anyway. */
function lookUpRights({ name: asset }: CatalogAsset, { type, apiVersion, kind, name }: LookUpUse, kinds: KindTable): RbacRule[] {
  if (type !== 'get' && type !== 'list') return [];
  const row = kinds.rowOf(apiVersion, kind, `a look-up of asset ${asset}`);
  return [rule(row, ['get', 'list', 'watch'], name === undefined ? [] : [name], `asset ${asset}`, 'look-up')];
}

function tombstoneRights({ apiVersion, kind, name, file }: FormerObject, kinds: KindTable): RbacRule[] {
  const row = kinds.rowOf(apiVersion, kind, file);
  const by = `tombstone ${kind}/${name}`;
  return [
    rule(row, ['list', 'watch'], [], by, 'follows what is to be deleted'),
    rule(row, ['get', 'delete'], [name], by, 'deletes what an earlier version kept'),
  ];
}

function retiredRights({ apiVersion, kind, name, file }: FormerObject, kinds: KindTable, withRemoval: boolean): RbacRule[] {
  const row = kinds.rowOf(apiVersion, kind, file);
  const by = `retired ${kind}/${name}`;
  const seen = rule(row, ['list', 'watch'], [], by, 'shows what is left behind');
  return withRemoval
    ? [seen, rule(row, ['get', 'delete'], [name], by, 'deletes what an earlier version kept, where the user says so')]
    : [seen];
}

function rule({ group, plural }: KindRow, verbs: readonly ApiVerb[], names: readonly string[], by: string, why: string): RbacRule {
  return { group, resource: plural, verbs, names, namespace: undefined, reasons: [{ by, why, verbs }] };
}
