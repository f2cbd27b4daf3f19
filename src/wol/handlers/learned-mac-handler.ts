/**
 * Keeps learned addresses over restarts, in four ConfigMaps of the operator's namespace.
 *
 * Expected flow: a config begins to learn -> every replica reads the ConfigMaps and looks once at all instances -> the leader stores
 * what has changed, at most once in 10 s.
 * Guarantees: nothing is written while nothing is learned, nor before what is stored was read; what belongs to no virtual
 * machine any more leaves with the next write.
 * Caveats: what was learned in the last 10 s before a crash is learned again from the instance, if that still runs.
 */
import {
  CLOCK,
  type Clock,
  Cluster,
  ConfigMap,
  Handler,
  inject,
  isOperatorError,
  KubeClient,
  keyOf,
  LOGGER,
  type Logger,
  OnShutdown,
  OnStartup,
  OPERATOR_NAMESPACE,
  objectKey,
  type ProcessContext,
  sleep,
} from '../../framework';
import { VirtualMachine } from '../../kubevirt/virtual-machine';
import { VirtualMachineInstance } from '../../kubevirt/virtual-machine-instance';
import { LEARNED_MAC_CONFIG_MAPS as NAMES } from '../manager/learned-macs';
import { LEARNED_WRITE_INTERVAL_MS } from '../manager/limits';
import { WOL_SETTINGS, type WolSettings } from '../settings';
import { WolRuntime } from './wol-runtime';

/** Between two looks whether virtual machines are known. */
const LOOK_AGAIN_MS = 1_000;
/** After a reading that failed: the client has tried several times by then. */
const AFTER_FAILURE_MS = 30_000;

@Handler({
  rbac: [
    {
      ...{ kind: ConfigMap, verbs: ['get', 'patch'], names: NAMES, namespace: OPERATOR_NAMESPACE },
      why: 'learned addresses (spec.learnRuntimeMACs)',
    },
    { kind: ConfigMap, verbs: ['create'], namespace: OPERATOR_NAMESPACE, why: 'learned addresses (spec.learnRuntimeMACs)' },
  ],
})
export class LearnedMacHandler {
  private readonly ending = new AbortController();
  private looking: Promise<void> | undefined;
  private lookAgain = false;
  private wasRead = false;
  /** While this process leads. */
  private writer: AbortController | undefined;

  constructor(
    private readonly wol: WolRuntime,
    private readonly cluster: Cluster,
    private readonly client: KubeClient,
    @inject(WOL_SETTINGS) private readonly settings: WolSettings,
    @inject(CLOCK) private readonly clock: Clock,
    @inject(LOGGER) private readonly logger: Logger,
  ) {
    wol.learner.onScopeChange(() => this.look());
  }

  @OnStartup({ phase: 'leader' })
  lead(ctx: ProcessContext): void {
    this.writer = new AbortController();
    void this.keepWriting(ctx.client, this.writer.signal);
  }

  @OnShutdown({ phase: 'leader' })
  async retire(ctx: ProcessContext): Promise<void> {
    this.writer?.abort();
    this.writer = undefined;
    await this.write(ctx.client);
  }

  @OnShutdown()
  async close(): Promise<void> {
    this.ending.abort();
    this.wol.learner.stop();
    await this.looking;
  }

  /** Reads what is stored and looks at every instance; once more when something changes meanwhile. */
  private look(): void {
    this.lookAgain = true;
    this.looking ??= this.lookWhileAsked().finally(() => {
      this.looking = undefined;
    });
  }

  private async lookWhileAsked(): Promise<void> {
    const { signal } = this.ending;
    while (this.lookAgain && !signal.aborted) {
      this.lookAgain = false;
      try {
        if (!this.wasRead) await this.read();
        this.wol.learnedKnown();
        while (!this.virtualMachinesKnown()) await sleep(this.clock, LOOK_AGAIN_MS, signal);
        if (this.wol.learner.isActive) await this.lookAtInstances();
        this.wol.learner.sweep();
      } catch (error) {
        if (signal.aborted) return;
        this.logger.warn('learned addresses could not be read', { error });
        this.wol.learnedKnown();
        this.lookAgain = true;
        await sleep(this.clock, AFTER_FAILURE_MS, signal).catch(() => undefined);
      }
    }
  }

  private async read(): Promise<void> {
    for (const name of NAMES) {
      const stored = await this.client.find(ConfigMap, objectKey(this.settings.namespace, name), { signal: this.ending.signal });
      this.wol.learner.restore(stored?.data ?? {});
    }
    this.wasRead = true;
  }

  private async lookAtInstances(): Promise<void> {
    try {
      const instances = this.client.list(VirtualMachineInstance, { signal: this.ending.signal });
      for await (const vmi of instances) this.wol.learner.observeInstance(keyOf(vmi), vmi);
    } catch (error) {
      if (!isOperatorError(error, 'NOT_FOUND')) throw error;
    }
  }

  private virtualMachinesKnown(): boolean {
    return this.cluster.store(VirtualMachine).synced || this.cluster.availability(VirtualMachine) === 'absent';
  }

  private async keepWriting(client: KubeClient, signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await sleep(this.clock, LEARNED_WRITE_INTERVAL_MS, signal);
        await this.write(client);
      }
    } catch (error) {
      if (!signal.aborted) this.logger.error('learned addresses are stored no more', { error });
    }
  }

  private async write(client: KubeClient): Promise<void> {
    const { learned, learner } = this.wol;
    if (!this.wasRead || !learned.hasChanged || !this.cluster.store(VirtualMachine).synced) return;
    learner.sweep();
    for (const shard of learned.takeChanged()) {
      const metadata = { namespace: this.settings.namespace, name: NAMES[shard]! };
      try {
        await client.applyIfChanged(ConfigMap, { metadata, data: learned.stored(shard) }, { force: true });
      } catch (error) {
        learned.markChanged(shard);
        this.logger.warn('learned addresses could not be stored', { name: metadata.name, error });
      }
    }
  }
}
