/**
 * What has to go: orphans of the catalog, and objects of its earlier versions.
 *
 * Owns: the keys of both, what wakes them, and what is known of each key of the catalog for the decision. Never: decides what is deleted.
 */
import { type Clock, type KeySink, type Kind, type KubeClient, type KubernetesObject, type Logger, objectKey } from '../../framework';
import type { RolloutGate } from '../baseline/ports';
import { type Catalog, type CatalogAsset, type CatalogRenderer, EMPTY_CONTEXT, isNodeLevelKind, type RenderInputs } from '../catalog';
import type { LookUps } from '../context/asset-context';
import type { ContextState } from '../context/context-state';
import { kindOf, type ServedKinds } from '../context/served-kinds';
import type { PlatformEvents } from '../observability/platform-events';
import type { PlatformMetrics } from '../observability/platform-metrics';
import type { RemovalPolicy } from '../observability/status-writer';
import type { Exclusions, Identity } from '../overrides/exclusions';
import { groupOf } from '../overrides/sensitive-kinds';
import { EditKeeper, type UnwantedEdit } from '../removal/edit-keeper';
import { ObjectRemover } from '../removal/object-remover';
import { OrphanSweep } from '../removal/orphan-sweep';
import type { KnownKey, OrphanInput } from '../removal/orphans';
import { TombstoneKeeper } from '../removal/tombstone-keeper';
import type { AssetKeys } from './asset-keys';
import type { KeyState, KeyStates } from './key-states';
import type { ManagedKinds } from './managed-kinds';
import { renderOver } from './render-over';

export interface LeftoversParts {
  readonly catalog: Pick<Catalog, 'tombstones'>;
  readonly renderer: CatalogRenderer;
  readonly keys: AssetKeys;
  readonly states: KeyStates;
  readonly managed: ManagedKinds;
  readonly served: ServedKinds;
  readonly exclusions: Exclusions;
  readonly gate: RolloutGate;
  readonly state: () => ContextState | undefined;
  readonly policy: () => RemovalPolicy;
  readonly events: PlatformEvents;
  readonly metrics: PlatformMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  readonly resyncMs: number;
  /** Told after each sweep. */
  readonly swept: () => void;
  /** Told when what is remembered of edited texts is another. */
  readonly remembers: () => void;
}

const ORPHANS = 'orphans';
/** A key that nobody wants; whatever else hinders it, its object is not left behind. */
const UNWANTED = ['Inactive', 'NotInAllowlist', 'SwitchedOff', 'NotSwitchedOn', 'ConditionFalse', 'RendersToNothing'];

export class Leftovers {
  private readonly sweep: OrphanSweep;
  private readonly tombstones: TombstoneKeeper;
  private readonly edits: EditKeeper;
  private sink: KeySink | undefined;

  constructor(private readonly parts: LeftoversParts) {
    const { catalog, events, metrics, state, clock, log, gate, policy, served } = parts;
    const isNodeLevel = ({ apiVersion = '', kind = '' }: KubernetesObject): boolean => isNodeLevelKind(groupOf(apiVersion), kind);
    const findKind = (apiVersion: string, kind: string): Kind | undefined => {
      const found = served.find(apiVersion, kind);
      return found === undefined ? undefined : kindOf(found);
    };
    this.edits = new EditKeeper({ unwanted: () => this.unwantedEdits(), events, log, changed: parts.remembers });
    this.sweep = new OrphanSweep({
      ...{ state, policy, isNodeLevel, events, metrics, log, clock },
      known: () => this.known(),
      kindOf: ({ apiVersion = '', kind = '' }) => findKind(apiVersion, kind),
      remover: new ObjectRemover({ clock, gate }),
      undo: (client, rules) => this.edits.run(client, rules),
    });
    this.tombstones = new TombstoneKeeper({ tombstones: catalog.tombstones, state, kindOf: findKind, events, metrics });
    parts.states.onState((now, before, wasOutdated) => {
      if (now.asset.strategy === 'edit' && now.outcome !== undefined) this.edits.ran(now.key, now.outcome.status === 'Applied');
      if (isUnwanted(now) !== isUnwanted(before) || (wasOutdated && isUnwanted(now))) this.sweepSoon();
    });
  }

  get orphans(): readonly string[] {
    return this.sweep.orphans;
  }

  /** Keys that wrote to objects of others. */
  get edited(): readonly string[] {
    return this.edits.remembered;
  }

  knows(key: string): boolean {
    return key === ORPHANS || this.tombstones.keys.includes(key);
  }

  start(sink: KeySink): void {
    this.sink = sink;
    for (const key of [ORPHANS, ...this.tombstones.keys]) sink.add(key);
    sink.synced();
  }

  stop(): void {
    this.sink = undefined;
  }

  /** Another process led meanwhile. @param edited what was remembered of edited texts. */
  begin(edited: readonly string[]): void {
    this.edits.begin(edited);
    this.sweep.forget();
    this.tombstones.forget();
  }

  sweepSoon(): void {
    this.sink?.touch(ORPHANS);
  }

  /** Anchor, activation or policy may be others. */
  contextChanged(): void {
    this.sweepSoon();
    for (const key of this.tombstones.keys) this.sink?.touch(key);
  }

  appeared(kinds: readonly { readonly apiVersion: string; readonly kind: string }[]): void {
    for (const { apiVersion, kind } of kinds) for (const key of this.tombstones.keysOfKind(apiVersion, kind)) this.sink?.touch(key);
  }

  objectChanged({ apiVersion = '', kind = '' }: KubernetesObject): void {
    this.sweepSoon();
    this.appeared([{ apiVersion, kind }]);
  }

  /** One run. @returns milliseconds until the next one that needs no cause. */
  async reconcile(key: string, client: KubeClient): Promise<number> {
    const afterMs = key === ORPHANS ? await this.sweep.run(client) : await this.tombstones.run(client, key);
    if (key === ORPHANS) this.parts.swept();
    return afterMs ?? this.parts.resyncMs;
  }

  private known(): OrphanInput | undefined {
    const { managed, exclusions, keys } = this.parts;
    if (!managed.isComplete || keys.isExpanding) return undefined;
    return {
      labelled: managed.objects(),
      keys: keys.all().flatMap((key) => this.knownKeys(key)),
      isExcluded: (identity) => exclusions.verdict(identity).kind !== 'included',
      isTombstone: (identity) => this.tombstones.covers(identity),
    };
  }

  private knownKeys(key: string): KnownKey[] {
    const asset = this.parts.keys.assetOf(key);
    if (asset === undefined) return [];
    const state = this.parts.states.get(key);
    const { kind, apiVersions } = asset.identity;
    const common = {
      ...{
        position: asset.position,
        group: groupOf(apiVersions[0]!),
        kind,
        onUnwanted: asset.onUnwanted,
        isCreated: asset.create && asset.strategy === 'apply',
      },
      wanted: state === undefined || this.parts.states.isOutdated(key) ? 'unknown' : isUnwanted(state) ? 'no' : 'yes',
    } as const;
    if (state?.target !== undefined) return [{ ...common, identity: state.target }];
    const identities = isUnwanted(state) ? this.staticIdentities(asset) : [];
    return identities.length === 0 ? [{ ...common, identity: undefined }] : identities.map((identity) => ({ ...common, identity }));
  }

  private unwantedEdits(): UnwantedEdit[] {
    const { keys, states, exclusions, served } = this.parts;
    return keys.all().flatMap((key) => {
      const asset = keys.assetOf(key)!;
      const state = states.get(key);
      if (asset.strategy !== 'edit' || !isUnwanted(state) || states.isOutdated(key)) return [];
      const identity = state?.target ?? this.staticIdentities(asset)[0];
      const found = served.firstServed(asset.identity.apiVersions, asset.identity.kind);
      if (identity === undefined || found === undefined || exclusions.verdict(identity).kind !== 'included') return [];
      const place = objectKey(identity.namespace, identity.name);
      const over = (live: KubernetesObject): Promise<KubernetesObject> => renderOver(this.parts.renderer, key, live, this.inputs());
      return [{ key, kind: kindOf(found), place, onUnwanted: asset.onUnwanted, renderOver: over }];
    });
  }

  /** Without an anchor nothing of the cluster counts but the object itself. */
  private inputs(): RenderInputs {
    const { served, states, state } = this.parts;
    const known = state();
    const cluster: LookUps = {
      ...EMPTY_CONTEXT.cluster,
      scopeOf: (apiVersion, kind) => served.find(apiVersion, kind)?.scope,
      has: (apiVersion, kind) => served.find(apiVersion, kind) !== undefined,
    };
    const context = known?.context ?? { ...EMPTY_CONTEXT, cluster };
    return { context, activation: known?.activation ?? { admits: () => false }, isInSync: (name) => states.isInSync(name) };
  }

  /** What a key would render that was not wanted since this process leads, as far as that is written in the catalog. */
  private staticIdentities({ identity: { apiVersions, kind, name, names, namespace } }: CatalogAsset): Identity[] {
    const served = this.parts.served.firstServed(apiVersions, kind);
    const place = namespace ?? (served?.scope === 'Cluster' ? '' : undefined);
    if (place === undefined) return [];
    const known = names ?? (name === undefined ? [] : [name]);
    return known.map((one) => ({ group: groupOf(apiVersions[0]!), kind, namespace: place, name: one }));
  }
}

function isUnwanted(state: KeyState | undefined): boolean {
  return state?.status === 'FILTERED' && UNWANTED.includes(state.reason);
}
