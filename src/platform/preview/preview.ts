/**
 * What the module would do with the whole catalog, without doing it.
 *
 * Owns: the rows that `virt-steward render` prints. Never: writes to a cluster.
 * Invariant: objects come from the code that the manager runs, up to what it would send: the same renderer, patches, masks and labels.
 */
import { type Clock, type Kind, type KubernetesObject, nullLogger } from '../../framework';
import { Baseline } from '../baseline/baseline';
import type { NamespaceState } from '../baseline/ports';
import { targetOf } from '../baseline/run';
import {
  assetKey,
  type Catalog,
  type CatalogAsset,
  CatalogRenderer,
  IdentityClaims,
  missingRequirements,
  type RenderedObject,
  type RenderInputs,
} from '../catalog';
import type { Activation } from '../context/activation';
import type { AssetContext } from '../context/asset-context';
import { ExpressionError } from '../expressions';
import { GOLDEN_CONFIG_ANNOTATION } from '../keys';
import { type RowStatus, rowStatusOf } from '../observability/asset-rows';
import type { Exclusions } from '../overrides/exclusions';
import { type Pointer, parsePointer } from '../overrides/json-pointer';
import { Throttle } from '../throttling/throttle';
import { PreviewApi, type PreviewReads, type ShownDifference } from './preview-api';

export interface PreviewParts {
  readonly catalog: Catalog;
  readonly context: AssetContext;
  readonly activation: Activation;
  readonly exclusions: Exclusions;
  readonly reads: PreviewReads;
  /** As the cluster serves it. */
  kindOf(apiVersion: string, kind: string): Kind | undefined;
  namespaceState(name: string): Promise<NamespaceState>;
  readonly clock: Clock;
}

export interface PreviewRow {
  readonly key: string;
  readonly asset: CatalogAsset;
  readonly status: RowStatus;
  /** CamelCase; empty when the status says it all. */
  readonly reason: string;
  readonly message: string;
  /** `group/Kind/namespace/name`; empty when it renders to nothing. */
  readonly identity: string;
  /** What would be sent; what it renders to where nothing would. */
  readonly object?: KubernetesObject;
  readonly differences?: readonly ShownDifference[];
}

type Verdict = Pick<PreviewRow, 'status'> & Partial<PreviewRow>;

/** @param names of assets; absent = all. The others are looked at too, as far as these depend on them. */
export async function previewCatalog(parts: PreviewParts, names?: readonly string[]): Promise<PreviewRow[]> {
  const { assets } = parts.catalog;
  const inSync = new Set<string>();
  let rows: PreviewRow[] = [];
  // What waits for another asset is decided once that one is; there is no circle, so this ends.
  for (let round = 0; round <= assets.length; round++) {
    rows = await new Preview(parts, inSync).rows();
    const before = inSync.size;
    for (const { name } of assets) if (isInSync(rows, name)) inSync.add(name);
    if (inSync.size === before) break;
  }
  return names === undefined ? rows : rows.filter(({ asset }) => names.includes(asset.name));
}

function isInSync(rows: readonly PreviewRow[], name: string): boolean {
  const own = rows.filter(({ asset }) => asset.name === name);
  return own.length > 0 && own.every(({ status }) => status === 'INCLUDED');
}

class Preview {
  private readonly renderer: CatalogRenderer;
  private readonly claims = new IdentityClaims();
  private readonly baseline: Baseline;
  private readonly inputs: RenderInputs;

  constructor(
    private readonly parts: PreviewParts,
    inSync: ReadonlySet<string>,
  ) {
    const { catalog, context, activation, clock } = parts;
    this.renderer = new CatalogRenderer(catalog);
    this.inputs = { context, activation, isInSync: (name) => inSync.has(name) };
    this.baseline = new Baseline({
      throttle: new Throttle({ capacity: 1_000, windowMs: 1_000, clock }),
      // Shown is what is wanted, not when nodes would be ready for it.
      rollout: { admit: () => ({ open: true }), wrote: () => undefined, ended: () => false },
      events: { normal: () => undefined, warning: () => undefined },
      counters: { dryRun: () => undefined, applied: () => undefined, thrashing: () => undefined },
      clock,
      log: nullLogger,
    });
  }

  async rows(): Promise<PreviewRow[]> {
    const rows: PreviewRow[] = [];
    const objects = this.parts.catalog.assets.filter(({ into }) => into === undefined);
    for (const asset of objects) for (const key of await this.keysOf(asset)) rows.push(rowOf(key, asset, await this.verdict(key, asset)));
    const fragments = this.parts.catalog.assets.filter(({ into }) => into !== undefined);
    for (const asset of fragments) rows.push(rowOf(asset.name, asset, await this.fragment(asset, rows)));
    return this.withDuplicates(rows).sort((a, b) => a.asset.position - b.asset.position);
  }

  /** An asset whose list cannot be evaluated has one row that says so. */
  private async keysOf(asset: CatalogAsset): Promise<string[]> {
    try {
      return await this.renderer.keys(asset, this.inputs);
    } catch (error) {
      if (error instanceof ExpressionError) return [assetKey(asset, '?')];
      throw error;
    }
  }

  private async verdict(key: string, asset: CatalogAsset): Promise<Verdict> {
    const early = await this.unwanted(asset);
    if (early !== undefined) return early;
    const rendering = await this.renderer.render(key, this.inputs);
    if (rendering.kind === 'failed') return { status: 'ERROR', reason: rendering.reason, message: rendering.message };
    if (rendering.kind === 'skipped') return { status: 'FILTERED', reason: 'RendersToNothing', message: rendering.why };
    this.claims.claim(key, rendering.object);
    return this.afterRendering(key, asset, rendering.object, rendering.fill);
  }

  /** What ends before anything is rendered. */
  private async unwanted(asset: CatalogAsset): Promise<Verdict | undefined> {
    const { activation } = this.parts;
    if (!activation.active) return { status: 'FILTERED', reason: 'Inactive', message: activation.reason };
    const wanted = await this.renderer.wanted(asset, this.inputs);
    if (wanted.kind === 'failed') return { status: 'ERROR', reason: wanted.reason, message: wanted.message };
    if (wanted.kind === 'unwanted') return { status: 'FILTERED', reason: wanted.reason, message: wanted.message };
    const [first, ...others] = missingRequirements(asset, this.inputs);
    if (first === undefined) return undefined;
    const message = `needs ${[first, ...others].map(({ text }) => text).join(', ')}`;
    if (first.type === 'asset') return { status: 'PENDING', reason: 'Requirement', message };
    if (first.type !== 'feature') return { status: 'MISSING', reason: 'CRDMissing', message };
    return { status: 'FILTERED', reason: first.text === 'feature:hco' ? 'HcoAbsent' : 'FeatureAbsent', message };
  }

  private async fragment(asset: CatalogAsset, rows: readonly PreviewRow[]): Promise<Verdict> {
    const early = await this.unwanted(asset);
    if (early !== undefined) return early;
    const target = rows.find(({ key }) => key === asset.into);
    const { status = 'MISSING', reason = '', identity = '' } = target ?? {};
    return { status, reason, identity, message: `a part of ${asset.into}` };
  }

  /** The run of the manager, with its writes remembered instead of made. */
  private async afterRendering(key: string, asset: CatalogAsset, object: RenderedObject, fill: readonly string[]): Promise<Verdict> {
    const { exclusions, kindOf, namespaceState, reads } = this.parts;
    const target = targetOf(object);
    const kind = kindOf(object.apiVersion, object.kind);
    if (kind === undefined) return { status: 'MISSING', reason: 'CRDMissing', identity: target.id, object };
    const api = new PreviewApi(reads);
    const state = target.namespace === '' ? 'active' : await namespaceState(target.namespace);
    const { adopt, create, strategy, isNodeLevel, position } = asset;
    const outcome = await this.baseline.run({
      ...{ key, kind, rendered: object, api, isFull: true, cached: undefined },
      asset: { adopt, create, strategy, isNodeLevel, position, fill: this.isEnforced(asset) ? [] : pointersOf(fill) },
      exclusion: exclusions.verdict(target),
      namespaceState: () => state,
      renderOver: () => Promise.resolve(object),
    });
    return {
      status: rowStatusOf(outcome.status),
      reason: outcome.reason ?? (rowStatusOf(outcome.status) === 'INCLUDED' ? '' : outcome.status),
      message: outcome.message ?? '',
      identity: target.id,
      object: api.wanted ?? object,
      ...(api.differences === undefined ? {} : { differences: api.differences }),
    };
  }

  /** The golden configuration is offered unless the user wants it enforced. */
  private isEnforced({ order }: CatalogAsset): boolean {
    const metadata = this.parts.context.anchor['metadata'] as KubernetesObject['metadata'] | undefined;
    return order === 0 && metadata?.annotations?.[GOLDEN_CONFIG_ANNOTATION]?.trim() === 'enforce';
  }

  /** None of several keys that render one object is applied. */
  private withDuplicates(rows: readonly PreviewRow[]): PreviewRow[] {
    return rows.map((row) => {
      if (row.object === undefined || row.asset.into !== undefined) return row;
      const { apiVersion, kind, name, namespace } = targetOf(row.object);
      const keys = this.claims.keysOf({ apiVersion, kind, name, ...(namespace === '' ? {} : { namespace }) });
      if (keys.length < 2) return row;
      const message = `${kind} ${name} is rendered by ${keys.sort().join(' and ')}`;
      return { ...row, status: 'ERROR', reason: 'DuplicateIdentity', message };
    });
  }
}

function rowOf(key: string, asset: CatalogAsset, verdict: Verdict): PreviewRow {
  return { key, asset, reason: '', message: '', identity: '', ...verdict };
}

/** Checked when the catalog was loaded. */
function pointersOf(fill: readonly string[]): readonly Pointer[] {
  return fill.map((text) => parsePointer(text)).filter((pointer): pointer is Pointer => !('problem' in pointer));
}
