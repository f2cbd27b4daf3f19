/**
 * Loads a catalog from its directory.
 *
 * Owns: the order of assets, and that everything wrong with any file is told at once.
 * Never: asks a cluster. Invariant: a catalog that is returned has no asset that could not be compiled.
 */
import { type CompiledExpression, compileExpression } from '../expressions';
import type { Json } from '../json';
import type { Catalog, CatalogAsset, FormerObject } from './asset';
import { type LoadedAsset, loadAsset } from './asset-file';
import { parseEntry } from './asset-header';
import { checkAssets } from './catalog-checks';
import { CatalogError, Problems } from './catalog-error';
import { CATALOG_FILE, type CatalogFiles, catalogFiles, PAYLOADS } from './catalog-files';
import { parseFeatures } from './features';
import { Fields } from './fields';
import { parseFormerObjects, refuseKept } from './former-objects';
import { readYaml } from './yaml-file';

/** @throws {CatalogError} with every problem at once, each naming file and field. */
export function loadCatalog(directory: string): Catalog {
  const problems = new Problems();
  const catalog = new CatalogLoader(filesOf(directory), problems).load();
  if (catalog === undefined || problems.found.length > 0) throw new CatalogError(problems.found);
  return catalog;
}

function filesOf(directory: string): CatalogFiles {
  try {
    return catalogFiles(directory);
  } catch (error) {
    if (error instanceof CatalogError) throw error;
    throw new CatalogError([{ file: directory, text: `cannot be read: ${error instanceof Error ? error.message : String(error)}` }]);
  }
}

class CatalogLoader {
  private readonly documents = new Map<string, Json[] | undefined>();

  constructor(
    private readonly files: CatalogFiles,
    private readonly problems: Problems,
  ) {}

  load(): Catalog | undefined {
    const root = this.rootOf(CATALOG_FILE);
    if (root === undefined) return undefined;
    const version = root.requiredText('version');
    const loaded = this.loadAssets(root, this.conditionsOf(root));
    const assets = sorted(loaded);
    const former = { tombstones: this.loadFormer(root, 'tombstones'), retired: this.loadFormer(root, 'retired') };
    const features = this.membersOf(root, 'features');
    // What follows from an asset that could not be loaded would be told as further problems.
    if (loaded.length === root.list('assets').length) {
      checkAssets(assets, this.problems);
      refuseKept(former, assets, this.problems);
    }
    const featureList = this.problems.found.length === 0 ? parseFeatures(features, root, assets) : [];
    root.raw('exempt');
    root.finish();
    const payloads = this.payloadsOf(loaded);
    const byName = new Map(assets.map((asset) => [asset.name, asset]));
    return {
      version: version ?? '',
      assets,
      features: featureList,
      ...former,
      optionNames: new Set(assets.flatMap((asset) => asset.options.map(({ name }) => name))),
      files: payloads,
      assetByName: (name) => byName.get(name),
    };
  }

  private rootOf(file: string): Fields | undefined {
    const documents = this.read(file);
    if (documents === undefined) return undefined;
    if (documents.length !== 1) this.problems.add(file, '', `has ${documents.length} documents; allowed: one`);
    return Fields.of(documents[0], file, '', this.problems);
  }

  /** @returns `undefined` when the file cannot be read or is no YAML as it is allowed here. */
  private read(file: string): Json[] | undefined {
    if (!this.documents.has(file)) {
      const text = this.problems.attempt(file, '', () => this.files.read(file));
      this.documents.set(file, text === undefined ? undefined : readYaml(text, file, this.problems));
    }
    return this.documents.get(file);
  }

  private membersOf(root: Fields, name: string): Fields[] {
    const members = root.list(name).map((value, index) => Fields.of(value, CATALOG_FILE, `${name}[${index}]`, this.problems));
    return members.filter((fields) => fields !== undefined);
  }

  private conditionsOf(root: Fields): ReadonlyMap<string, CompiledExpression> {
    const conditions = new Map<string, CompiledExpression>();
    for (const [name, source] of Object.entries(root.mapOf('conditions'))) {
      const path = `conditions.${name}`;
      if (typeof source !== 'string') root.refuse(path, 'has to be an expression');
      else {
        const options = { result: 'bool', params: new Set<string>() } as const;
        const expression = this.problems.attempt(CATALOG_FILE, path, () => compileExpression(source, options));
        if (expression !== undefined) conditions.set(name, expression);
      }
    }
    return conditions;
  }

  private loadAssets(root: Fields, conditions: ReadonlyMap<string, CompiledExpression>): LoadedAsset[] {
    const entries = this.membersOf(root, 'assets').map((fields) => ({ fields, entry: parseEntry(fields) }));
    const used = new Set<string>();
    const assets: LoadedAsset[] = [];
    for (const { fields, entry } of entries) {
      if (entry === undefined) continue;
      used.add(entry.file);
      if (!this.files.assets.includes(entry.file)) fields.refuse('file', `names ${entry.file}, which is no file of the catalog`);
      const documents = this.files.assets.includes(entry.file) ? this.read(entry.file) : undefined;
      const asset = documents && loadAsset(documents, entry, conditions, this.problems);
      if (asset !== undefined) assets.push(asset);
    }
    for (const file of this.files.assets) if (!used.has(file)) this.problems.add(file, '', 'stands in no entry of catalog.yaml');
    return assets;
  }

  /** Files of the folder of the same name, each of which has to be listed. */
  private loadFormer(root: Fields, member: 'tombstones' | 'retired'): FormerObject[] {
    const [listed, files] = [root.texts(member), this.files[member]];
    for (const file of listed) if (!files.includes(file)) root.refuse(member, `has ${file}, which is no file below ${member}/`);
    for (const file of files) if (!listed.includes(file)) this.problems.add(file, '', 'stands in no entry of catalog.yaml');
    return listed.filter((file) => files.includes(file)).flatMap((file) => parseFormerObjects(this.read(file) ?? [], file, this.problems));
  }

  private payloadsOf(assets: readonly LoadedAsset[]): ReadonlyMap<string, string> {
    const texts = new Map<string, string>();
    for (const { file, filesRead } of assets) {
      for (const path of filesRead) {
        if (!this.files.payloads.includes(path)) this.problems.add(file, '', `file("${path}") is no file below ${PAYLOADS}/`);
        else texts.set(path, this.files.read(`${PAYLOADS}/${path}`));
      }
    }
    for (const path of this.files.payloads) {
      if (!texts.has(path) && this.problems.found.length === 0) this.problems.add(`${PAYLOADS}/${path}`, '', 'is read by no asset');
    }
    return texts;
  }
}

/** By order, then as listed. Positions tell the order that results. */
function sorted(loaded: readonly LoadedAsset[]): CatalogAsset[] {
  return [...loaded].sort((a, b) => a.order - b.order).map((asset, position) => ({ ...asset, position }));
}
