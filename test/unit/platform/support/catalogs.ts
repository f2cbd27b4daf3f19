/** Catalogs in a directory of their own, of which a test says only what matters to it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { stringify } from 'yaml';
import {
  type Catalog,
  type CatalogAsset,
  CatalogError,
  CatalogRenderer,
  loadCatalog,
  type RenderInputs,
  type Rendering,
} from '../../../../src/platform/catalog';
import { aContext, type ContextParts } from './asset-context';

export type CatalogFiles = Readonly<Record<string, string>>;

/** Quotes what the loader refuses as plain text, such as the key `y`. */
const QUOTED = { compat: 'yaml-1.1' } as const;

/** An asset file whose object is a ConfigMap unless the test says otherwise. */
export function anAsset(header: object = {}, object: object | string = {}): string {
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'ns' } };
  const document = typeof object === 'string' ? object : { ...configMap, ...object };
  return `${stringify({ asset: { name: 'a', ...header } }, QUOTED)}---\n${stringify(document, QUOTED)}`;
}

/** catalog.yaml with every asset file listed in the order of the names, and without features unless the test says otherwise. */
function catalogFile(files: CatalogFiles, root: object): string {
  const names = Object.keys(files).filter((path) => !/^(files|tombstones|retired|crds)\/|\.md$|^kinds\.yaml$/.test(path));
  const assets = names.sort().map((file) => ({ file }));
  const exempt = names.map((path) => /name: ([a-z0-9-]+)/.exec(files[path]!)?.[1]).filter((name) => name !== undefined);
  return stringify({ version: '1.0.0', assets, exempt: [...new Set(exempt)], ...root });
}

/** Writes the files, calls, and removes them. */
export function inDirectory<T>(files: CatalogFiles, action: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'catalog-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
    return action(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** @param root members of catalog.yaml that differ. */
export function aCatalog(files: CatalogFiles, root: object = {}): Catalog {
  return inDirectory({ 'catalog.yaml': catalogFile(files, root), ...files }, loadCatalog);
}

/** What the loader tells about a catalog, a line each. */
export function problemsOf(files: CatalogFiles, root: object = {}): string[] {
  try {
    aCatalog(files, root);
  } catch (error) {
    expect(error).to.be.instanceOf(CatalogError);
    return (error as CatalogError).message.split('\n');
  }
  return [];
}

/** The one asset of a catalog. */
export function theAsset(header: object = {}, object: object | string = {}): CatalogAsset {
  return aCatalog({ 'a.yaml': anAsset(header, object) }).assets[0]!;
}

export interface InputParts extends ContextParts {
  /** Absent = every asset. */
  readonly admitted?: readonly string[];
  /** Names of assets in sync. */
  readonly inSync?: readonly string[];
}

export function inputsOf({ admitted, inSync = [], ...parts }: InputParts = {}): RenderInputs {
  return {
    context: aContext(parts),
    activation: { admits: ({ name, group = '' }) => admitted === undefined || admitted.includes(name) || admitted.includes(group) },
    isInSync: (asset) => inSync.includes(asset),
  };
}

export function renderingOf(catalog: Catalog, key: string, parts: InputParts = {}): Promise<Rendering> {
  return new CatalogRenderer(catalog).render(key, inputsOf(parts));
}

/** The object that a key renders to. */
export async function objectOf(catalog: Catalog, key: string, parts: InputParts = {}): Promise<Record<string, unknown>> {
  const rendering = await renderingOf(catalog, key, parts);
  if (rendering.kind !== 'object') return expect.fail(`${key} is ${JSON.stringify(rendering)}`);
  return rendering.object as unknown as Record<string, unknown>;
}
