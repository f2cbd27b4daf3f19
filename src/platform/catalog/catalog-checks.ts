/** What has to hold between the assets of a catalog. */
import type { CatalogAsset } from './asset';
import type { Problems } from './catalog-error';

export function checkAssets(assets: readonly CatalogAsset[], problems: Problems): void {
  checkNames(assets, problems);
  checkFragments(assets, problems);
  checkIdentities(assets, problems);
  checkRequirements(assets, problems);
  for (const { order, identity, file } of assets) {
    if (order === 0 && identity.kind !== 'HyperConverged') problems.add(file, 'asset.order', 'is 0, which is for HyperConverged only');
  }
}

/** A name in an allowlist means one thing. */
function checkNames(assets: readonly CatalogAsset[], problems: Problems): void {
  const owners = new Map<string, CatalogAsset>();
  for (const asset of assets) {
    for (const name of [asset.name, ...asset.aliases]) {
      const other = owners.get(name);
      if (other !== undefined) problems.add(asset.file, 'asset.name', `${name} is also a name of an asset in ${other.file}`);
      owners.set(name, asset);
    }
  }
  for (const { file, group } of assets) {
    const owner = group === undefined ? undefined : owners.get(group);
    if (owner !== undefined && owner.group !== group)
      problems.add(file, 'asset.group', `${group} is also the name of an asset outside of the group`);
  }
}

function checkFragments(assets: readonly CatalogAsset[], problems: Problems): void {
  for (const { file, into, forEach, union, identity } of assets) {
    if (into === undefined) continue;
    const target = assets.find((asset) => asset.name === into);
    const refuse = (text: string): void => problems.add(file, 'asset.into', text);
    if (target === undefined) refuse(`names ${into}, which is no asset`);
    else if (target.into !== undefined) refuse(`names ${into}, which is a fragment itself`);
    else if (target.forEach !== undefined) refuse(`names ${into}, which has instances`);
    else if (target.strategy === 'edit') refuse(`names ${into}, which edits an object of somebody else`);
    else if (target.identity.kind !== identity.kind) refuse(`names ${into}, which is a ${target.identity.kind} and no ${identity.kind}`);
    if (forEach !== undefined) refuse('is of an asset with forEach: a fragment has one instance');
    if (union !== undefined) refuse('is of an asset in a union: a fragment has no object of its own');
  }
}

function checkIdentities(assets: readonly CatalogAsset[], problems: Problems): void {
  const owners = new Map<string, CatalogAsset>();
  for (const asset of assets) {
    if (asset.into !== undefined) continue;
    for (const identity of staticIdentities(asset)) {
      const other = owners.get(identity);
      if (other !== undefined) problems.add(asset.file, 'metadata', `the asset ${other.name} in ${other.file} has the same object`);
      owners.set(identity, asset);
    }
  }
}

function staticIdentities({ identity, document }: CatalogAsset): string[] {
  const { apiVersions, kind, names = [], namespace } = identity;
  const isNamespaceKnown = namespace !== undefined || !hasNamespace(document.constant);
  if (!isNamespaceKnown) return [];
  const group = apiVersions[0]!.split('/').slice(0, -1).join('/');
  return names.map((name) => JSON.stringify([group, kind, namespace ?? '', name]));
}

function hasNamespace(constant: unknown): boolean {
  return constant === undefined || (constant as { metadata?: { namespace?: unknown } }).metadata?.namespace !== undefined;
}

function checkRequirements(assets: readonly CatalogAsset[], problems: Problems): void {
  const needs = new Map(assets.map((asset) => [asset.name, asset.requires.flatMap((r) => (r.type === 'asset' ? [r.asset] : []))]));
  for (const { name, file } of assets) {
    for (const required of needs.get(name) ?? []) {
      if (!needs.has(required)) problems.add(file, 'asset.requires', `names ${required}, which is no asset`);
      else if (reaches(required, name, needs, new Set()))
        problems.add(file, 'asset.requires', `waits for ${required}, which waits for ${name}`);
    }
  }
}

function reaches(from: string, to: string, needs: ReadonlyMap<string, readonly string[]>, seen: Set<string>): boolean {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return (needs.get(from) ?? []).some((next) => reaches(next, to, needs, seen));
}
