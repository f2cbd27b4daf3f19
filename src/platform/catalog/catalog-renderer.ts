/**
 * Renders instances of assets.
 *
 * Owns: step 1 of a run: variables, object, fragments, unions, limits.
 * Never: writes; knows live objects. Invariant: the same inputs give the same object, byte for byte.
 */
import { ExpressionError } from '../expressions';
import { isJsonMap, type Json, type JsonMap } from '../json';
import type { Catalog, CatalogAsset } from './asset';
import { MergeConflict, mergeAgreeing } from './deep-merge';
import { defineVars, itemsOf, scopeOf } from './instance-scope';
import { checkedObject } from './object-check';
import { assetKey, failureOf, parseAssetKey, type RenderedObject, type RenderInputs, type Rendering, type Wanted } from './rendering';
import { missingRequirements, wantedness } from './wanted';

interface Rendered {
  /** `undefined` when the asset has no object this time. */
  readonly object: RenderedObject | undefined;
  readonly union: string | undefined;
}

export class CatalogRenderer {
  constructor(readonly catalog: Catalog) {}

  /** Whether the user and the conditions want the asset; requirements are another question. */
  wanted(asset: CatalogAsset, inputs: RenderInputs): Promise<Wanted> {
    return wantedness(this.catalog, asset, inputs);
  }

  /** Keys of all instances, `name` or `name[item]`. @throws {ExpressionError} when `forEach` fails. */
  async keys(asset: CatalogAsset, { context }: Pick<RenderInputs, 'context'>): Promise<string[]> {
    const items = await itemsOf(this.catalog, asset, context);
    return [...items.keys()].map((item) => assetKey(asset, item));
  }

  /**
   * Renders what a key stands for. Whether it is wanted was asked before; fragments and members of a union are asked here.
   *
   * The key of a fragment has no object of its own: it is skipped.
   */
  async render(key: string, inputs: RenderInputs): Promise<Rendering> {
    const parsed = parseAssetKey(this.catalog, key);
    if (parsed === undefined) return { kind: 'skipped', why: 'the catalog has no such asset' };
    const { asset, item } = parsed;
    if (asset.into !== undefined) return { kind: 'skipped', why: `it is a part of ${asset.into}` };
    try {
      const own = await this.instance(asset, item, inputs);
      if (own.object === undefined) return { kind: 'skipped', why: 'it renders to nothing' };
      const united = own.union === undefined ? own.object : await this.united(own.object, own.union, inputs);
      const { object, fill } = await this.withFragments(united, asset, inputs);
      return { kind: 'object', object: checkedObject(object, asset, inputs.context.cluster), fill };
    } catch (error) {
      return failureOf(error, key);
    }
  }

  private async instance(asset: CatalogAsset, text: string | undefined, { context }: RenderInputs): Promise<Rendered> {
    const items = await itemsOf(this.catalog, asset, context);
    if (!items.has(text)) return { object: undefined, union: undefined };
    const scope = scopeOf(this.catalog, asset, context, items.get(text));
    await defineVars(asset, scope);
    const object = await asset.document.evaluate(scope);
    if (object === undefined) return { object: undefined, union: undefined };
    const union = await asset.union?.evaluate(scope);
    if (union !== undefined && typeof union !== 'string') throw new ExpressionError('union gives no text');
    return { object: checkedObject(object, asset, context.cluster), union };
  }

  /** Gives an object the settings of every wanted object of its union and pool, so that it does not matter which of them comes last. */
  private async united(own: RenderedObject, union: string, inputs: RenderInputs): Promise<RenderedObject> {
    const pool = poolOf(own);
    let spec: JsonMap = {};
    for (const member of this.catalog.assets.filter((asset) => asset.union !== undefined)) {
      if (!(await this.contributes(member, inputs))) continue;
      for (const item of (await itemsOf(this.catalog, member, inputs.context)).keys()) {
        const { object, union: other } = await this.instance(member, item, inputs);
        if (object === undefined || other !== union || poolOf(object) !== pool) continue;
        spec = merged(spec, withoutPool(specOf(object)), `of ${assetKey(member, item)}`);
      }
    }
    const selector = specOf(own)[POOL_SELECTOR];
    return { ...own, spec: { ...(selector === undefined ? {} : { [POOL_SELECTOR]: selector }), ...spec } } as RenderedObject;
  }

  private async withFragments(target: RenderedObject, asset: CatalogAsset, inputs: RenderInputs) {
    let object = target as unknown as JsonMap;
    const fill = [...asset.fill];
    for (const fragment of this.catalog.assets.filter(({ into }) => into === asset.name)) {
      if (!(await this.contributes(fragment, inputs))) continue;
      const { object: part } = await this.instance(fragment, undefined, inputs);
      if (part === undefined) continue;
      requireSameIdentity(target, part, fragment);
      object = merged(object, part as unknown as JsonMap, `of ${fragment.name}`);
      fill.push(...fragment.fill);
    }
    return { object, fill };
  }

  /** @throws {ExpressionError} when nobody can tell. */
  private async contributes(asset: CatalogAsset, inputs: RenderInputs): Promise<boolean> {
    const wanted = await this.wanted(asset, inputs);
    if (wanted.kind === 'failed') {
      const reason = wanted.reason === 'InvalidOption' ? wanted.reason : 'RenderFailed';
      throw new ExpressionError(`${asset.name}: ${wanted.message}`, { reason, isTransient: wanted.isTransient });
    }
    return wanted.kind === 'wanted' && missingRequirements(asset, inputs).length === 0;
  }
}

const POOL_SELECTOR = 'machineConfigPoolSelector';

function specOf(object: RenderedObject): JsonMap {
  const { spec } = object as { spec?: Json };
  return isJsonMap(spec) ? spec : {};
}

function poolOf(object: RenderedObject): string {
  return JSON.stringify(specOf(object)[POOL_SELECTOR] ?? null);
}

function withoutPool({ [POOL_SELECTOR]: _pool, ...spec }: JsonMap): JsonMap {
  return spec;
}

function merged(a: JsonMap, b: JsonMap, source: string): JsonMap {
  try {
    return mergeAgreeing(a, b);
  } catch (error) {
    if (!(error instanceof MergeConflict)) throw error;
    throw new ExpressionError(`the part ${source} does not fit: ${error.message}`);
  }
}

function requireSameIdentity(target: RenderedObject, part: RenderedObject, { name }: CatalogAsset): void {
  const [wanted, actual] = [target, part].map(
    (object) => `${object.apiVersion} ${object.kind} ${object.metadata.namespace ?? ''}/${object.metadata.name}`,
  );
  if (wanted !== actual) throw new ExpressionError(`the part of ${name} is of ${actual}; allowed: ${wanted}`);
}
