/**
 * The keys of the catalog: one for each asset, or for each element of its `forEach`. Fragments are a part of their target and have none.
 *
 * Owns: which keys there are, and which of them a change concerns. Never: runs one.
 * Invariant: keys are told to the queue in the order of the catalog; while a list cannot be evaluated its keys stay as they are.
 */
import type { KeySink, KubernetesObject, Logger } from '../../framework';
import { type Catalog, type CatalogAsset, type CatalogRenderer, contributorsOf, type IdentityClaims } from '../catalog';
import type { AssetContext } from '../context/asset-context';
import { type ContextChange, concerns } from '../context/context-state';

export interface AssetKeysOptions {
  readonly catalog: Catalog;
  readonly renderer: CatalogRenderer;
  readonly claims: IdentityClaims;
  readonly log: Logger;
  /** Told when an asset has no such instance any more. */
  readonly onGone: (key: string) => void;
}

export class AssetKeys {
  private sink: KeySink | undefined;
  /** Whole assets, by name; those with `forEach` may have none. */
  private readonly byAsset = new Map<string, readonly string[]>();
  private readonly assets = new Map<string, CatalogAsset>();
  /** Why the list of an asset could not be evaluated. */
  private readonly failures = new Map<string, unknown>();
  private readonly contributors = new Map<CatalogAsset, readonly CatalogAsset[]>();
  private expansion = 0;
  private expanding = 0;

  constructor(private readonly options: AssetKeysOptions) {
    for (const asset of this.owners()) this.contributors.set(asset, contributorsOf(options.catalog, asset));
  }

  start(sink: KeySink): void {
    this.sink = sink;
    for (const asset of this.owners()) this.setKeys(asset, asset.forEach === undefined ? [asset.name] : []);
    sink.synced();
  }

  stop(): void {
    this.sink = undefined;
  }

  assetOf(key: string): CatalogAsset | undefined {
    return this.assets.get(key);
  }

  keysOf(asset: string): readonly string[] {
    return this.byAsset.get(asset) ?? [];
  }

  all(): readonly string[] {
    return [...this.byAsset.values()].flat();
  }

  /** What the list of an asset failed with, for the key that stands for it then. */
  failureOf(key: string): unknown {
    return this.failures.get(key);
  }

  /** The asset and whatever becomes a part of its object. */
  contributorsOf(asset: CatalogAsset): readonly CatalogAsset[] {
    return this.contributors.get(asset) ?? [asset];
  }

  touch(keys: Iterable<string>): void {
    for (const key of keys) if (this.assets.has(key)) this.sink?.touch(key);
  }

  touchAll(): void {
    this.touch(this.all());
  }

  /** Keys of assets of which the asset itself, or a part of its object, is meant. */
  touchWhere(isMeant: (asset: CatalogAsset) => boolean): readonly string[] {
    const keys = this.owners()
      .filter((asset) => this.contributorsOf(asset).some(isMeant))
      .flatMap((asset) => this.keysOf(asset.name));
    this.touch(keys);
    return keys;
  }

  touchFor(change: ContextChange): readonly string[] {
    return this.touchWhere((asset) => concerns(change, asset));
  }

  /** Keys that render this object. */
  touchObject({ apiVersion = '', kind = '', metadata }: KubernetesObject): readonly string[] {
    const { name = '', namespace } = metadata ?? {};
    const keys = this.options.claims.keysOf({ apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) });
    this.touch(keys);
    return keys;
  }

  /** Lists are being evaluated, so that there may be other keys in a moment. */
  get isExpanding(): boolean {
    return this.expanding > 0;
  }

  /** Evaluates every `forEach` anew; what an older call finds does not count once a newer one has begun. */
  async expand(context: AssetContext | undefined): Promise<void> {
    this.expanding++;
    try {
      await this.expandNow(context, ++this.expansion);
    } finally {
      this.expanding--;
    }
  }

  private async expandNow(context: AssetContext | undefined, turn: number): Promise<void> {
    for (const asset of this.owners()) {
      if (asset.forEach === undefined || context === undefined) continue;
      let keys: readonly string[];
      try {
        keys = await this.options.renderer.keys(asset, { context });
        this.failures.delete(asset.name);
      } catch (error) {
        this.failures.set(asset.name, error);
        keys = [...new Set([...this.keysOf(asset.name), asset.name])];
      }
      if (turn !== this.expansion) return;
      this.setKeys(asset, keys);
    }
  }

  private setKeys(asset: CatalogAsset, keys: readonly string[]): void {
    const before = this.keysOf(asset.name);
    this.byAsset.set(asset.name, keys);
    for (const key of keys) {
      if (this.assets.has(key)) continue;
      this.assets.set(key, asset);
      this.sink?.add(key);
    }
    for (const key of before) {
      if (keys.includes(key)) continue;
      this.assets.delete(key);
      this.sink?.remove(key);
      this.options.onGone(key);
    }
  }

  private owners(): readonly CatalogAsset[] {
    return this.options.catalog.assets.filter(({ into }) => into === undefined);
  }
}
