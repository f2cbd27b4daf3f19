/**
 * Keeps one DaemonSet of agents for each WolConfig.
 *
 * Owns: the DaemonSets and the Events about writing them. Never: touches one that is not provably of its config; writes a status, that
 * is done at a slower pace by WolConfigHandler; removes anything, garbage collection does.
 * Invariant: a config that is not in force, or names an image that is not allowed, gets no DaemonSet and keeps the one it has.
 */
import {
  ALL,
  Cluster,
  ConfigMap,
  DaemonSet,
  Handler,
  inject,
  isOperatorError,
  mapped,
  OnEvent,
  OPERATOR_NAMESPACE,
  objectKey,
  owned,
  Reconcile,
  type ReconcileContext,
  type ReconcileResult,
  type ResourceEvent,
  Service,
  ServiceAccount,
  TemporaryError,
  Triggers,
} from '../../framework';
import { agentDaemonSet } from '../deployment/agent-daemon-set';
import { DAEMON_SETS, GRPC_SERVICES, operatorAddress, SERVICE_ACCOUNTS } from '../deployment/agent-environment';
import { AllowedImages, chooseImage } from '../deployment/agent-image';
import { daemonSetName, nameOf } from '../deployment/agent-names';
import type { AgentState } from '../deployment/agent-state';
import { assignHealthPorts, type PortClaim, recordedHealthPort } from '../deployment/health-ports';
import { isWrittenByUs, ownershipOf } from '../deployment/ownership';
import { evaluateConfig } from '../manager/effective-config';
import { BUNDLE_CONFIG_MAP } from '../protocol/identity';
import { WOL_SETTINGS, type WolSettings } from '../settings';
import { AgentAccount } from '../trust/agent-account';
import { selectionOf } from '../trust/grpc-objects';
import { WolConfig } from '../wol-config';
import { AgentStates } from './agent-states';
import { takeOver } from './daemon-set-takeover';

/** What agents verify the manager by. */
const AUTHORITY = selectionOf(BUNDLE_CONFIG_MAP);
/** The garbage collector's work shows by an event; this is for the case that it does not. */
const GARBAGE_COLLECTION_MS = 30_000;
/** Passing errors are told once this many attempts have failed. */
const TOLD_FROM_ATTEMPT = 3;
const PASSING_ERRORS = ['CONFLICT', 'APPLY_CONFLICT', 'TRANSPORT', 'UNAVAILABLE', 'TOO_MANY_REQUESTS'];

@Handler({
  rbac: [
    {
      ...{ kind: DaemonSet, verbs: ['get', 'create', 'update', 'patch'], namespace: OPERATOR_NAMESPACE },
      why: 'one DaemonSet of agents per WolConfig; update for those of kubevirt-wol',
    },
  ],
})
export class AgentHandler {
  private readonly images: AllowedImages;
  /** UID of the DaemonSet that was made last, by config. */
  private readonly created = new Map<string, string | undefined>();

  constructor(
    private readonly cluster: Cluster,
    private readonly states: AgentStates,
    private readonly triggers: Triggers,
    private readonly account: AgentAccount,
    @inject(WOL_SETTINGS) private readonly settings: WolSettings,
  ) {
    this.images = new AllowedImages(settings.agents.defaultImage, settings.agents.allowedImages);
  }

  @OnEvent(WolConfig)
  forget({ type, object }: ResourceEvent<WolConfig>): void {
    if (type !== 'DELETED') return;
    this.states.forget(nameOf(object));
    this.created.delete(nameOf(object));
  }

  @Reconcile(WolConfig, {
    owns: [owned(DaemonSet, { select: DAEMON_SETS })],
    watches: (get) => [
      // A name that is taken or free again, a health port: that concerns more than the owner.
      mapped(DaemonSet, () => ALL, { select: DAEMON_SETS, when: isMoreThanStatus }),
      mapped(Service, () => ALL, { select: GRPC_SERVICES }),
      mapped(ServiceAccount, () => ALL, { select: SERVICE_ACCOUNTS }),
      mapped(WolConfig, () => ALL, { when: (now, old) => now.metadata?.generation !== old?.metadata?.generation }),
      ...(get(WOL_SETTINGS).grpc.insecure ? [] : [mapped(ConfigMap, () => ALL, { select: AUTHORITY })]),
    ],
    failure: { condition: false, event: false },
  })
  async deploy(config: WolConfig, ctx: ReconcileContext<WolConfig>): Promise<ReconcileResult> {
    try {
      const state = await this.deployed(config, ctx);
      this.tell(config, state);
      return state.kind === 'waiting-for-garbage-collection' ? { requeueAfterMs: GARBAGE_COLLECTION_MS } : undefined;
    } catch (error) {
      const isPassing = PASSING_ERRORS.some((code) => isOperatorError(error, code));
      if (!ctx.signal.aborted && (!isPassing || ctx.attempt >= TOLD_FROM_ATTEMPT))
        this.tell(config, { kind: 'failed', message: messageOf(error) });
      // What the server calls invalid may be the word of an admission policy, which changes without the config.
      throw isOperatorError(error, 'INVALID') ? new TemporaryError(error.message, { cause: error }) : error;
    }
  }

  private async deployed(config: WolConfig, ctx: ReconcileContext<WolConfig>): Promise<AgentState> {
    if (evaluateConfig(config).kind !== 'effective') return { kind: 'untouched' };
    const live = this.daemonSetOf(config);
    const ownership = live === undefined ? undefined : ownershipOf(live, config);
    if (ownership?.kind === 'foreign') return { kind: 'conflict', why: ownership.why };
    if (ownership?.kind === 'orphan') return { kind: 'waiting-for-garbage-collection' };
    const choice = chooseImage(config.spec?.agent?.image, this.images);
    if ('refused' in choice) return { kind: 'image-not-allowed', image: choice.refused };
    const healthPort = this.healthPortOf(config);
    if (healthPort === undefined) return { kind: 'no-health-port' };
    const desired = this.desired(config, choice.image, healthPort);
    if (live === undefined && !this.isAuthorityPublished()) return { kind: 'waiting-for-authority' };
    if (live === undefined) await this.create(desired, ctx);
    // What is being deleted is made anew once it is gone, which comes as an event.
    else if (live.metadata?.deletionTimestamp === undefined) await this.update(live, desired, ctx);
    return { kind: 'deployed' };
  }

  /** Without force: should somebody else have made one meanwhile, the server refuses instead of handing it to us. */
  private async create(desired: DaemonSet, ctx: ReconcileContext<WolConfig>): Promise<void> {
    const { object } = await ctx.client.applyIfChanged(DaemonSet, desired, { live: 'absent' });
    const { uid } = object.metadata ?? {};
    // One that does not show in the cache is asked for again and again, which is no news to anybody.
    if (this.created.get(ctx.key) === uid) return;
    this.created.set(ctx.key, uid);
    ctx.events.normal('AgentCreated', `created DaemonSet ${desired.metadata?.name}`);
    this.tellOthers(ctx.key);
  }

  private async update(live: DaemonSet, desired: DaemonSet, ctx: ReconcileContext<WolConfig>): Promise<void> {
    const adopted = isWrittenByUs(live) ? undefined : await takeOver(ctx.client, live, desired);
    const { changed } = await ctx.client.applyIfChanged(DaemonSet, desired, { live: adopted ?? live, force: true });
    const name = desired.metadata?.name;
    if (adopted !== undefined) ctx.events.normal('AgentAdopted', `took over DaemonSet ${name} from an earlier operator`);
    else if (changed) ctx.events.normal('AgentUpdated', `updated DaemonSet ${name}`);
    if (changed) this.tellOthers(ctx.key);
  }

  private desired(config: WolConfig, image: string, healthPort: number): DaemonSet {
    const { namespace, agents, grpc } = this.settings;
    return agentDaemonSet(config, {
      ...{ namespace, image, healthPort },
      imagePullPolicy: agents.imagePullPolicy,
      serviceAccount: this.account.name,
      operatorAddress: agents.operatorAddress ?? operatorAddress(this.cluster.store(Service, GRPC_SERVICES).list(), namespace),
      transport: grpc.insecure ? 'insecure' : grpc.mtls ? 'mtls' : 'tls',
    });
  }

  /** Pods that start without it would wait for it, restart after restart. */
  private isAuthorityPublished(): boolean {
    if (this.settings.grpc.insecure) return true;
    const key = objectKey(this.settings.namespace, BUNDLE_CONFIG_MAP);
    return this.cluster.store(ConfigMap, AUTHORITY).get(key)?.data?.['ca.crt'] !== undefined;
  }

  private healthPortOf(config: WolConfig): number | undefined {
    const claims = [...this.cluster.store(WolConfig).list()].flatMap((other) => this.claimOf(other));
    return assignHealthPorts(claims).get(nameOf(config));
  }

  /** A config that is not in force only holds what its DaemonSet has. */
  private claimOf(config: WolConfig): PortClaim[] {
    const live = this.daemonSetOf(config);
    const kind = live === undefined ? undefined : ownershipOf(live, config).kind;
    const recorded = live !== undefined && (kind === 'ours' || kind === 'adoptable') ? recordedHealthPort(live) : undefined;
    if (evaluateConfig(config).kind === 'effective') return [{ config, given: config.spec?.agent?.healthPort, recorded }];
    return recorded === undefined ? [] : [{ config, given: recorded, recorded }];
  }

  private daemonSetOf(config: WolConfig): DaemonSet | undefined {
    return this.cluster.store(DaemonSet, DAEMON_SETS).get(objectKey(this.settings.namespace, daemonSetName(nameOf(config))));
  }

  /** Two that were decided on at the same time may have got one health port; the echo of our own write tells nobody. */
  private tellOthers(own: string): void {
    for (const other of this.cluster.store(WolConfig).list()) if (nameOf(other) !== own) this.triggers.touch(WolConfig, nameOf(other));
  }

  private tell(config: WolConfig, state: AgentState): void {
    if (this.states.set(nameOf(config), state)) this.triggers.touch(WolConfig, nameOf(config));
  }
}

/** Generation, labels, annotations, owners: all that is not the daily business of the DaemonSet controller. */
function isMoreThanStatus(now: DaemonSet, old: DaemonSet | undefined): boolean {
  const shown = ({ metadata = {} }: DaemonSet): string =>
    JSON.stringify([metadata.uid, metadata.generation, metadata.labels, metadata.annotations, metadata.ownerReferences]);
  return old === undefined || shown(now) !== shown(old);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
