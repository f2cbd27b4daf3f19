/**
 * Keeps the context of expressions up to date with the cluster.
 *
 * Expected flow: `start` -> discovery -> watches -> first state -> one change after another, told to listeners -> `stop`.
 * Guarantees: a state is immutable, and a part of it that says the same is the same value; nothing is decided before everything is known
 * that decides on it; what changed within one turn of the event loop is one change.
 * Assumptions: runs on every replica, leader or not; writes nothing.
 * Caveats: Leases of older operators are read every 30 s, not watched.
 * Errors: none; problems for people are in the state.
 */
import {
  type Clock,
  type Cluster,
  type Kind,
  type KubernetesObject,
  keyOf,
  Lease,
  type Logger,
  objectKey,
  type Selection,
  type Timer,
} from '../../framework';
import type { Catalog } from '../catalog/asset';
import type { JsonMap } from '../json';
import { ACTIVATION_ANNOTATION, PCI_CLASSES_ANNOTATION } from '../keys';
import { type Activation, type ActivationMode, activationOf, inactive } from './activation';
import { type AnchorChoice, type AnchorKindState, chooseAnchor } from './anchor';
import type { AssetContext, OperatorFacts } from './asset-context';
import { ClusterFacts, NO_HARDWARE, NO_TOPOLOGY, unlessSame } from './cluster-facts';
import { ClusterLookUps } from './cluster-look-ups';
import { type ContextChange, type ContextProblem, type ContextState, type ContextVariable, changeOf } from './context-state';
import { FollowedKind, type FollowedKindOptions } from './followed-kind';
import { imagesOf } from './images';
import { API_SERVICES, DEFINITIONS, HYPER_CONVERGED, KUBEVIRT } from './kinds';
import { pciClassesOf } from './node-hardware';
import { LOOK_AGAIN_MS, OLDER_LEASES, olderOperatorOf } from './older-operator';
import { ServedKinds } from './served-kinds';
import { type SettingsView, settingsOf } from './settings-view';
import { unknownOptionsOf } from './unknown-options';

export interface ContextKeeperOptions {
  readonly cluster: Pick<Cluster, 'client' | 'openInformer'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly catalog: Pick<Catalog, 'assets' | 'optionNames'>;
  readonly activation: ActivationMode;
  readonly operator: OperatorFacts;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly resyncMs: number;
  /** Told when an object changed that a look-up of this kind may have seen, or its schema, or whether it is served. */
  readonly onLookUpChange: (apiVersion: string, kind: string) => void;
  /** Told when a definition changed. @param resource `<plural>.<group>`. */
  readonly onDefinitionChange?: (resource: string) => void;
}

type OlderOperator = { readonly lease: string; readonly holder: string };

export class ContextKeeper {
  readonly served: ServedKinds;
  readonly lookUps: ClusterLookUps;
  private readonly hco: FollowedKind;
  private readonly kubevirt: FollowedKind;
  private readonly definitions: FollowedKind;
  private readonly apiServices: FollowedKind;
  private readonly facts: ClusterFacts;
  private readonly images: Readonly<Record<string, string>>;
  private readonly listeners = new Set<(change: ContextChange, state: ContextState) => void>();
  private current: ContextState | undefined;
  private turn: Timer | undefined;
  private resync: Timer | undefined;
  private leaseTimer: Timer | undefined;
  /** Namespace of the anchor in which Leases were read last, with the answer. */
  private older: { readonly namespace: string; readonly found: OlderOperator | undefined } | undefined;
  private readingLeases: string | undefined;
  private isStopped = false;

  constructor(private readonly options: ContextKeeperOptions) {
    const { cluster, clock, log, resyncMs } = options;
    const open = (kind: Kind, select: Selection | undefined) => cluster.openInformer(kind, select);
    this.served = new ServedKinds({ ask: (request) => cluster.client.raw(request), clock, log });
    this.lookUps = new ClusterLookUps({ served: this.served, open, client: cluster.client, clock, onChange: options.onLookUpChange });
    const follow = (kind: FollowedKindOptions, onChange: () => void): FollowedKind =>
      new FollowedKind(kind, { served: this.served, open, onChange });
    this.hco = follow(HYPER_CONVERGED, () => this.lookSoon());
    this.kubevirt = follow(KUBEVIRT, () => this.lookSoon());
    this.definitions = follow({ ...DEFINITIONS, isNews: (now) => this.definitionChanged(now) }, () => this.served.kick());
    this.apiServices = follow(API_SERVICES, () => this.served.kick());
    this.facts = new ClusterFacts({
      ...{ served: this.served, open, client: cluster.client, clock, log, resyncMs },
      onChange: () => this.lookSoon(),
    });
    this.images = imagesOf(options.environment);
  }

  /** @returns `undefined` before discovery has answered and the anchor is known. */
  get state(): ContextState | undefined {
    return this.current;
  }

  /** Every kind that has to be watched for the context was listed, or is absent. */
  get isSynced(): boolean {
    return this.current !== undefined && this.current.anchor.kind !== 'unknown' && this.current.unknown.size === 0;
  }

  /** Listeners are told inline. @returns ends it. */
  onChange(listener: (change: ContextChange, state: ContextState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  start(): void {
    void this.served.refresh();
    this.facts.start();
    this.scheduleResync();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    for (const timer of [this.turn, this.resync, this.leaseTimer]) timer?.cancel();
    this.served.stop();
    const kinds = [this.hco, this.kubevirt, this.definitions, this.apiServices];
    await Promise.all([...kinds.map((kind) => kind.stop()), this.facts.stop(), this.lookUps.stop()]);
  }

  private definitionChanged({ metadata }: KubernetesObject): true {
    const resource = metadata?.name ?? '';
    this.lookUps.definitionChanged(resource);
    this.options.onDefinitionChange?.(resource);
    return true;
  }

  private scheduleResync(): void {
    this.resync = this.options.clock.setTimer(this.options.resyncMs, () => {
      void this.served.refresh();
      this.scheduleResync();
    });
  }

  private lookSoon(): void {
    if (this.isStopped) return;
    this.turn ??= this.options.clock.nextTurn(() => {
      this.turn = undefined;
      this.look();
    });
  }

  private look(): void {
    if (this.isStopped || !this.served.isKnown) return;
    const before = this.current;
    const now = this.stateNow();
    this.current = now;
    const change = changeOf(before, now);
    if (change === undefined && sameProblems(before, now)) return;
    const told = change ?? { everything: false, variables: new Set(), annotations: new Set() };
    for (const listener of [...this.listeners]) listener(told, now);
  }

  private stateNow(): ContextState {
    const anchor = this.keptAnchor(this.chosenAnchor());
    if (!('object' in anchor)) return { anchor, activation: inactive('NoAnchor'), ...NOTHING };
    const older = this.olderOperatorBeside(anchor.object);
    // Whether we may act is not known before the Leases were read.
    if (older === undefined) return { anchor: { kind: 'unknown' }, activation: inactive('NoAnchor'), ...NOTHING };
    const view = settingsOf(anchor.object, anchor.kind);
    const { context, unknown } = this.contextOf(anchor, view);
    const activation = this.activationOf(anchor.object, older.found);
    const problems = this.problemsOf(anchor, activation, view, older.found);
    return { anchor, activation, context, unknown, olderOperator: older.found, problems };
  }

  private chosenAnchor(): AnchorChoice {
    return chooseAnchor({
      hco: anchorState(this.hco),
      kubevirt: anchorState(this.kubevirt),
      operatorNamespace: this.options.operator.namespace,
    });
  }

  /** An anchor whose status changed only is the same anchor. */
  private keptAnchor(choice: AnchorChoice): AnchorChoice {
    const before = this.current?.anchor;
    if (!('object' in choice) || before === undefined || !('object' in before)) return choice;
    return sameRequest(before.object, choice.object) ? { ...choice, object: before.object } : choice;
  }

  private contextOf(
    anchor: AnchorChoice & { object: KubernetesObject },
    { settings }: SettingsView,
  ): Pick<ContextState, 'context' | 'unknown'> {
    const before = this.current?.context;
    const raw = anchor.object as unknown as JsonMap;
    const { metadata } = raw;
    const withoutHco: JsonMap = { metadata: metadata ?? {}, spec: {} };
    const option = anchor.object.metadata?.annotations?.[PCI_CLASSES_ANNOTATION];
    const hardware = this.facts.hardware(pciClassesOf(option));
    const topology = this.facts.topology();
    const unknown = new Set<ContextVariable>();
    if (hardware === undefined) unknown.add('hardware');
    if (topology === undefined) unknown.add('topology');
    const context: AssetContext = Object.freeze({
      hco: anchor.kind === 'hco' ? raw : unlessSame(before?.hco, withoutHco),
      anchor: raw,
      settings: unlessSame(before?.settings, settings),
      hardware: hardware ?? NO_HARDWARE,
      topology: topology ?? NO_TOPOLOGY,
      images: this.images,
      operator: this.options.operator,
      cluster: this.lookUps,
    });
    return { context, unknown };
  }

  private activationOf({ metadata }: KubernetesObject, older: OlderOperator | undefined): Activation {
    if (older !== undefined) return inactive('OlderOperatorRunning');
    return activationOf(metadata?.annotations?.[ACTIVATION_ANNOTATION], this.options.activation, this.options.catalog.assets);
  }

  private problemsOf(
    { object, rivals }: AnchorChoice & { object: KubernetesObject; rivals: readonly KubernetesObject[] },
    { unknownNames }: Activation,
    { problem }: SettingsView,
    older: OlderOperator | undefined,
  ): readonly ContextProblem[] {
    const problems: ContextProblem[] = [];
    const add = (reason: ContextProblem['reason'], message: string, about: readonly KubernetesObject[] = [object]): void => {
      problems.push({ reason, message, about });
    };
    if (rivals.length > 0) {
      add(
        'AnchorAmbiguous',
        `there are several: ${rivals.map(keyOf).join(', ')}; the one in ${object.metadata?.namespace} is used`,
        rivals,
      );
    }
    if (older !== undefined) {
      add(
        'OlderOperatorRunning',
        `${older.holder} still renews the Lease ${older.lease}: nothing is applied until that operator is removed`,
      );
    }
    for (const name of unknownNames) {
      add(
        'UnknownAsset',
        `"${name}" in the annotation ${ACTIVATION_ANNOTATION} is neither an asset nor a group; until it is corrected nothing is deleted`,
      );
    }
    for (const name of unknownOptionsOf(object, this.options.catalog.optionNames))
      add('UnknownOption', `nothing reads the annotation ${name}`);
    if (problem !== undefined) add('InvalidOption', problem);
    for (const failure of this.facts.lastingFailures) add('HardwareDetectionFailed', `the last known state stays in use: ${failure}`);
    return problems;
  }

  /** @returns `undefined` until the Leases in its namespace were read. */
  private olderOperatorBeside({ metadata }: KubernetesObject): { readonly found: OlderOperator | undefined } | undefined {
    const namespace = metadata?.namespace ?? '';
    if (this.readingLeases !== namespace) {
      this.readingLeases = namespace;
      void this.readLeases(namespace);
    }
    return this.older?.namespace === namespace ? this.older : undefined;
  }

  /** Reads again and again, as long as the anchor is in that namespace; a read that fails changes nothing. */
  private async readLeases(namespace: string): Promise<void> {
    const { clock, cluster, log } = this.options;
    const isCurrent = (): boolean => !this.isStopped && this.readingLeases === namespace;
    this.leaseTimer?.cancel();
    try {
      const leases = await Promise.all(OLDER_LEASES.map((name) => cluster.client.find(Lease, objectKey(namespace, name))));
      if (!isCurrent()) return;
      const found = olderOperatorOf(
        leases.filter((lease) => lease !== undefined),
        clock.now(),
      );
      const isNews = this.older?.namespace !== namespace || this.older.found?.lease !== found?.lease;
      this.older = isNews ? { namespace, found } : this.older;
      if (isNews) this.lookSoon();
    } catch (error) {
      log.warn('Leases of older operators cannot be read', { namespace, error });
    }
    if (isCurrent()) this.leaseTimer = clock.setTimer(LOOK_AGAIN_MS, () => void this.readLeases(namespace));
  }
}

const NOTHING = { context: undefined, unknown: new Set<ContextVariable>(), olderOperator: undefined, problems: [] } as const;

function anchorState(kind: FollowedKind): AnchorKindState {
  return { availability: kind.availability, synced: kind.synced, objects: kind.objects() };
}

function sameRequest({ metadata: a, apiVersion }: KubernetesObject, { metadata: b, apiVersion: other }: KubernetesObject): boolean {
  const parts = (metadata: KubernetesObject['metadata']): string =>
    JSON.stringify([metadata?.uid, metadata?.generation, metadata?.labels, metadata?.annotations, metadata?.deletionTimestamp]);
  return apiVersion === other && parts(a) === parts(b);
}

function sameProblems(a: ContextState | undefined, b: ContextState): boolean {
  const text = (state: ContextState | undefined): string => JSON.stringify(state?.problems.map(({ reason, message }) => [reason, message]));
  return text(a) === text(b);
}
