/**
 * One run for one key of the catalog: whether it is wanted, what it renders to, and then the baseline algorithm.
 *
 * Expected flow: facts -> order -> wanted -> group -> requirements -> render -> identity -> baseline -> row.
 * Guarantees: what is not wanted costs no API call; a failure of one key touches no other.
 * Errors: none; whatever goes wrong is a row with a reason.
 */
import { type Clock, type Kind, type Logger, objectKey } from '../../framework';
import type { Baseline } from '../baseline/baseline';
import { messageOf } from '../baseline/failures';
import { type BaselineOutcome, NO_CUSTOMIZATIONS, type Target } from '../baseline/outcome';
import type { NamespaceState, ObjectApi, RunEvents } from '../baseline/ports';
import { targetOf } from '../baseline/run';
import {
  type Catalog,
  type CatalogAsset,
  type CatalogRenderer,
  type IdentityClaims,
  missingRequirements,
  type RenderedObject,
  type RenderFailure,
  type RenderInputs,
} from '../catalog';
import type { AssetContext } from '../context/asset-context';
import type { ContextState } from '../context/context-state';
import { kindOf, type ServedKinds } from '../context/served-kinds';
import { GOLDEN_CONFIG_ANNOTATION } from '../keys';
import { rowStatusOf } from '../observability/asset-rows';
import type { Exclusions } from '../overrides/exclusions';
import { type Pointer, parsePointer } from '../overrides/json-pointer';
import type { AssetKeys } from './asset-keys';
import type { Barriers } from './barriers';
import type { KeyState, KeyStates } from './key-states';
import type { ManagedKinds } from './managed-kinds';
import { renderOver } from './render-over';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 5 * 60_000;

export interface AssetRunParts {
  readonly catalog: Catalog;
  readonly renderer: CatalogRenderer;
  readonly claims: IdentityClaims;
  readonly keys: AssetKeys;
  readonly states: KeyStates;
  readonly barriers: Barriers;
  readonly baseline: Baseline;
  readonly exclusions: Exclusions;
  readonly managed: ManagedKinds;
  readonly served: ServedKinds;
  readonly state: () => ContextState | undefined;
  readonly namespaceState: (name: string) => NamespaceState;
  readonly events: RunEvents;
  readonly clock: Clock;
  readonly log: Logger;
  readonly renderFailed: (asset: string) => void;
}

/** What a run says before somebody measures how long it took. */
type Verdict = Pick<KeyState, 'status' | 'reason'> & {
  readonly message?: string;
  readonly outcome?: BaselineOutcome;
  readonly retryAfterMs?: number;
};

type Ready = ContextState & { readonly context: AssetContext };

export class AssetRun {
  /** Failed renderings in a row, by key. */
  private readonly failures = new Map<string, number>();
  /** What each key rendered to last. */
  private readonly targets = new Map<string, Target>();

  constructor(private readonly parts: AssetRunParts) {}

  /**
   * @param isFull nothing remembered counts.
   * @returns milliseconds until it has to be looked at again without a cause; `undefined` = at the next resync.
   */
  async run(key: string, asset: CatalogAsset, api: ObjectApi, isFull: boolean): Promise<number | undefined> {
    const { clock, states } = this.parts;
    const startMs = clock.monotonicMs();
    const { turn } = states;
    const { outcome, message = '', retryAfterMs, ...verdict } = await this.verdict(key, asset, api, isFull);
    const target = this.targets.get(key);
    const seconds = (clock.monotonicMs() - startMs) / 1_000;
    states.set({ key, asset, ...verdict, message, outcome, target, identity: target?.id ?? '', seconds }, turn);
    return retryAfterMs;
  }

  forget(key: string): void {
    this.failures.delete(key);
    this.targets.delete(key);
    this.parts.baseline.forget(key);
    this.parts.keys.touch(this.parts.claims.release(key));
  }

  private async verdict(key: string, asset: CatalogAsset, api: ObjectApi, isFull: boolean): Promise<Verdict> {
    const { parts } = this;
    const { keys, barriers, renderer, states } = parts;
    const state = parts.state();
    const unready = this.unready(state, asset);
    if (unready !== undefined) return unready;
    if (!isReady(state)) return this.unwanted(key, 'Inactive', state === undefined ? '' : state.activation.reason);
    const failure = keys.failureOf(key);
    if (failure !== undefined)
      return this.renderFailed(key, asset, { kind: 'failed', reason: 'RenderFailed', message: messageOf(failure), isTransient: true });
    const inputs: RenderInputs = { context: state.context, activation: state.activation, isInSync: (name) => states.isInSync(name) };
    const wanted = await renderer.wanted(asset, inputs);
    if (wanted.kind === 'failed') return this.renderFailed(key, asset, wanted);
    if (wanted.kind === 'unwanted') return this.unwanted(key, wanted.reason, wanted.message);
    const waiting = barriers.waits(key, asset);
    if (waiting !== undefined) return { status: 'PENDING', ...waiting };
    return this.missing(key, asset, inputs) ?? this.rendered(key, asset, state, inputs, api, isFull);
  }

  /** What decides on the asset is not known yet; it is looked at again when it is. */
  private unready(state: ContextState | undefined, asset: CatalogAsset): Verdict | undefined {
    if (state === undefined || state.anchor.kind === 'unknown') return { status: 'PENDING', reason: 'ContextUnknown' };
    const unknown = [...state.unknown].filter((name) => this.parts.keys.contributorsOf(asset).some(({ reads }) => reads.has(name)));
    return unknown.length === 0
      ? undefined
      : { status: 'PENDING', reason: 'ContextUnknown', message: `waits for ${unknown.join(' and ')}` };
  }

  private unwanted(key: string, reason: string, message: string): Verdict {
    const before = this.parts.states.get(key);
    this.failures.delete(key);
    this.parts.keys.touch(this.parts.claims.release(key));
    if (before?.outcome !== undefined)
      this.parts.events.normal('AssetSkipped', key, `${key} is not wanted any more: ${message || reason}`, { cause: reason });
    return { status: 'FILTERED', reason, message };
  }

  private missing(key: string, asset: CatalogAsset, inputs: RenderInputs): Verdict | undefined {
    const [first, ...others] = missingRequirements(asset, inputs);
    if (first === undefined) return undefined;
    const message = `needs ${[first, ...others].map(({ text }) => text).join(', ')}`;
    if (first.type === 'feature')
      return { status: 'FILTERED', reason: first.text === 'feature:hco' ? 'HcoAbsent' : 'FeatureAbsent', message };
    if (first.type === 'asset') return { status: 'PENDING', reason: 'Requirement', message };
    const { apiVersions, kind } = asset.identity;
    const versions = this.parts.served.versionsOf(groupOf(apiVersions[0]!), kind);
    const isOtherVersion = versions.length > 0 && first.type === 'kind' && first.text === `kind:${apiVersions[0]}/${kind}`;
    const reason = isOtherVersion ? 'VersionNotServed' : 'CRDMissing';
    const told = isOtherVersion ? `${message}; served are ${versions.join(', ')}` : message;
    this.parts.events.warning(reason, key, `${key} ${told}`, { cause: told });
    return { status: 'MISSING', reason, message: told };
  }

  private async rendered(
    key: string,
    asset: CatalogAsset,
    state: Ready,
    inputs: RenderInputs,
    api: ObjectApi,
    isFull: boolean,
  ): Promise<Verdict> {
    const { renderer, claims, served } = this.parts;
    const rendering = await renderer.render(key, inputs);
    if (rendering.kind === 'failed') return this.renderFailed(key, asset, rendering);
    if (rendering.kind === 'skipped') return this.unwanted(key, 'RendersToNothing', rendering.why);
    this.failures.delete(key);
    const { object } = rendering;
    const target = targetOf(object);
    // Whoever rendered the object that this key renders no more may be alone with it now.
    if (this.targets.get(key)?.id !== target.id) this.parts.keys.touch(claims.release(key));
    this.targets.set(key, target);
    const rivals = claims.claim(key, object);
    if (rivals.length > 0) return this.duplicate(key, object, rivals);
    const kind = served.find(object.apiVersion, object.kind);
    if (kind === undefined)
      return { status: 'MISSING', reason: 'CRDMissing', message: `${object.apiVersion} ${object.kind} is not served` };
    const outcome = await this.outcome({ key, asset, object, fill: rendering.fill, kind: kindOf(kind), state, inputs, api, isFull });
    const { message = '', retryAfterMs } = outcome;
    const ended = { status: rowStatusOf(outcome.status), reason: outcome.reason ?? outcome.status, message, outcome };
    return retryAfterMs === undefined ? ended : { ...ended, retryAfterMs };
  }

  private outcome({ key, asset, object, fill, kind, state, inputs, api, isFull }: Rendered): Promise<BaselineOutcome> {
    const { baseline, exclusions, managed, namespaceState } = this.parts;
    const target = targetOf(object);
    const { cluster } = state.context;
    return baseline.run({
      ...{ key, kind, rendered: object, api, isFull, namespaceState },
      asset: {
        ...{ adopt: asset.adopt, create: asset.create, strategy: asset.strategy, isNodeLevel: asset.isNodeLevel, position: asset.position },
        fill: isEnforced(asset, state) ? [] : pointersOf(fill),
      },
      exclusion: exclusions.verdict(target),
      cached: managed.get(target.apiVersion, target.kind, target.key),
      schema: () => cluster.schemaOf(target.apiVersion, target.kind),
      renderOver: (live) => renderOver(this.parts.renderer, key, live, inputs),
    });
  }

  /** Neither of them is applied, and each says so. */
  private duplicate(key: string, object: RenderedObject, rivals: readonly string[]): Verdict {
    const { events, keys, states } = this.parts;
    const place = objectKey(object.metadata.namespace, object.metadata.name);
    const message = `${object.kind} ${place} is rendered by ${[key, ...rivals].sort().join(' and ')}`;
    events.warning('DuplicateIdentity', key, message, { cause: message });
    keys.touch(rivals.filter((rival) => states.get(rival)?.reason !== 'DuplicateIdentity'));
    return { status: 'ERROR', reason: 'DuplicateIdentity', message };
  }

  /** 0 only for what was looked after before: an object that was never there is not out of order. */
  private failedOutcome(key: string, reason: string, message: string): BaselineOutcome {
    const wasManaged = this.parts.states.get(key)?.outcome?.compliance !== undefined;
    const { isContested = false, customizations = NO_CUSTOMIZATIONS } = this.parts.states.get(key)?.outcome ?? {};
    return {
      status: 'RenderFailed',
      reason,
      message,
      compliance: wasManaged ? 0 : undefined,
      isPaused: false,
      isContested,
      customizations,
      wrote: false,
    };
  }

  private renderFailed(key: string, { name }: CatalogAsset, { reason, message, isTransient }: RenderFailure): Verdict {
    const { events, renderFailed, log } = this.parts;
    const failures = (this.failures.get(key) ?? 0) + 1;
    this.failures.set(key, failures);
    renderFailed(name);
    log.debug('an asset cannot be rendered', { key, reason, message });
    events.warning(reason, key, `${key}: ${message}`, { cause: message });
    const retry = isTransient ? { retryAfterMs: Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(16, failures - 1)) } : {};
    return { status: 'ERROR', reason, message, outcome: this.failedOutcome(key, reason, message), ...retry };
  }
}

interface Rendered {
  readonly key: string;
  readonly asset: CatalogAsset;
  readonly object: RenderedObject;
  readonly fill: readonly string[];
  readonly kind: Kind;
  readonly state: Ready;
  readonly inputs: RenderInputs;
  readonly api: ObjectApi;
  readonly isFull: boolean;
}

function isReady(state: ContextState | undefined): state is Ready {
  return state?.context !== undefined && state.activation.active;
}

/** The golden configuration is offered unless the user wants it enforced. */
function isEnforced({ order }: CatalogAsset, { anchor }: ContextState): boolean {
  const annotations = 'object' in anchor ? (anchor.object.metadata?.annotations ?? {}) : {};
  return order === 0 && annotations[GOLDEN_CONFIG_ANNOTATION]?.trim() === 'enforce';
}

/** Checked when the catalog was loaded. */
function pointersOf(fill: readonly string[]): readonly Pointer[] {
  return fill.map((text) => parsePointer(text)).filter((pointer): pointer is Pointer => !('problem' in pointer));
}

function groupOf(apiVersion: string): string {
  return apiVersion.slice(0, Math.max(0, apiVersion.lastIndexOf('/')));
}
