/**
 * Keeps `status.lastWake` of WolConfigs, under a field manager of its own, from whichever replica handled the wake.
 *
 * Owns: how often it is written: at most once in 10 s a config, the last wake wins; a machine that runs already is news only when
 * something differs from what is stored, so that a periodic sender causes no writes.
 */
import type { WolConfigStatusLastWake } from '../../api/wol/v1beta1';
import { CLOCK, type Clock, Cluster, inject, KubeClient, LOGGER, type Logger, singleton, type Timer, timestampOf } from '../../framework';
import type { WakeNotification } from '../manager/wake-observer';
import { WolConfig } from '../wol-config';

const FIELD_MANAGER = 'virt-steward-wake';
const INTERVAL_MS = 10_000;

const RESULTS: Readonly<Partial<Record<WakeNotification['kind'], WolConfigStatusLastWake['result']>>> = {
  started: 'Started',
  unpaused: 'Unpaused',
  'already-running': 'AlreadyRunning',
  skipped: 'Skipped',
  refused: 'Refused',
  failed: 'Failed',
  waiting: 'Waiting',
};

interface ConfigState {
  lastWriteMs: number;
  pending: WolConfigStatusLastWake | undefined;
  timer: Timer | undefined;
}

@singleton()
export class LastWakeWriter {
  /** Keyed by config, and so bounded by what administrators create. */
  private readonly configs = new Map<string, ConfigState>();

  constructor(
    private readonly client: KubeClient,
    private readonly cluster: Cluster,
    @inject(CLOCK) private readonly clock: Clock,
    @inject(LOGGER) private readonly logger: Logger,
  ) {}

  take(notification: WakeNotification, nowMs: number): void {
    const result = RESULTS[notification.kind];
    if (result === undefined || !('facts' in notification) || notification.facts.config === '') return;
    const { mac, vm, nodeName, config } = notification.facts;
    const wake = { time: timestampOf(nowMs), macAddress: mac, vm, result, ...(nodeName === '' ? {} : { node: nodeName }) };
    const state = this.configs.get(config) ?? { lastWriteMs: Number.NEGATIVE_INFINITY, pending: undefined, timer: undefined };
    this.configs.set(config, state);
    if (result === 'AlreadyRunning' && this.saysNothingNew(config, state, wake)) return;
    state.pending = wake;
    this.schedule(config, state);
  }

  /** Forgets a config that is gone, and ends all waiting at shutdown when none is named. */
  forget(config?: string): void {
    for (const [name, state] of this.configs) {
      if (config !== undefined && name !== config) continue;
      state.timer?.cancel();
      this.configs.delete(name);
    }
  }

  private saysNothingNew(config: string, { pending }: ConfigState, wake: WolConfigStatusLastWake): boolean {
    const known = pending ?? this.cluster.store(WolConfig).get(config)?.status?.lastWake;
    return known !== undefined && known.macAddress === wake.macAddress && known.vm === wake.vm && known.result === wake.result;
  }

  private schedule(config: string, state: ConfigState): void {
    if (state.timer !== undefined) return;
    const waitMs = Math.max(0, state.lastWriteMs + INTERVAL_MS - this.clock.monotonicMs());
    state.timer = this.clock.setTimer(waitMs, () => {
      state.timer = undefined;
      state.lastWriteMs = this.clock.monotonicMs();
      const { pending } = state;
      state.pending = undefined;
      if (pending !== undefined) void this.write(config, pending);
    });
  }

  private async write(config: string, lastWake: WolConfigStatusLastWake): Promise<void> {
    const uid = this.cluster.store(WolConfig).get(config)?.metadata?.uid;
    if (uid === undefined) return;
    const body = { metadata: { name: config, uid }, status: { lastWake } };
    try {
      await this.client.apply(WolConfig, body, { fieldManager: FIELD_MANAGER, subresource: 'status', force: true });
    } catch (error) {
      this.logger.warn('lastWake could not be written', { config, error });
    }
  }
}
