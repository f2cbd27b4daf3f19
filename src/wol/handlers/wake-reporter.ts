/**
 * Tells people what became of packets: metrics, Kubernetes Events, lastWake and one log line a wake.
 *
 * Owns: the reporting side of the waker, on every replica. Never: delays a wake; everything is queued or counted in memory.
 */
import { CLOCK, type Clock, Cluster, EventRecorder, inject, type KubernetesObject, LOGGER, type Logger, singleton } from '../../framework';
import type { WakeFacts, WakeNotification, WakeObserver } from '../manager/wake-observer';
import { WolConfig } from '../wol-config';
import { LastWakeWriter } from './last-wake-writer';
import { WakeEventGate } from './wake-event-gate';
import { objectOf, wakeEventNote, wakeEventSubject } from './wake-events';
import { WakeMetrics } from './wake-metrics';

/** Sent as the action of Events. */
const ACTION = 'WakeReporter.onWake';

@singleton()
export class WakeReporter implements WakeObserver {
  private readonly gate: WakeEventGate;

  constructor(
    private readonly metrics: WakeMetrics,
    private readonly events: EventRecorder,
    private readonly lastWake: LastWakeWriter,
    private readonly cluster: Cluster,
    @inject(CLOCK) private readonly clock: Clock,
    @inject(LOGGER) private readonly logger: Logger,
  ) {
    this.gate = new WakeEventGate(clock);
  }

  onWake(notification: WakeNotification): void {
    this.metrics.count(notification);
    this.log(notification);
    if (!('facts' in notification)) return;
    this.lastWake.take(notification, this.clock.now());
    this.sendEvents(notification, notification.facts);
  }

  private sendEvents(notification: WakeNotification, facts: WakeFacts): void {
    const event = wakeEventNote(notification);
    if (event === undefined) return;
    const { about, ...rest } = event;
    const subject = objectOf(facts.target);
    const targets = new Set(about.map((whom) => (whom === 'vm' && subject !== undefined ? subject : this.configObject(facts.config))));
    for (const target of targets) {
      const isNews = target !== undefined && this.gate.admits(`${target.kind} ${rest.reason} ${wakeEventSubject(notification, facts)}`);
      if (isNews) this.events.record({ ...rest, about: target, action: ACTION });
    }
  }

  private configObject(name: string): KubernetesObject | undefined {
    const config = this.cluster.store(WolConfig).get(name);
    return config && { apiVersion: WolConfig.apiVersion, kind: WolConfig.kind, metadata: { name, ...uidOf(config) } };
  }

  private log(notification: WakeNotification): void {
    if (SUCCESSES.has(notification.kind)) this.logger.info('wake answered', fieldsOf(notification));
    else if (TROUBLES.has(notification.kind)) this.logger.warn('wake did not succeed', fieldsOf(notification));
    else this.logger.debug('wake progress', fieldsOf(notification));
  }
}

const SUCCESSES: ReadonlySet<WakeNotification['kind']> = new Set(['started', 'unpaused', 'already-running', 'skipped']);
const TROUBLES: ReadonlySet<WakeNotification['kind']> = new Set(['failed', 'refused', 'not-confirmed']);

function uidOf({ metadata }: KubernetesObject): { uid?: string } {
  return metadata?.uid === undefined ? {} : { uid: metadata.uid };
}

function fieldsOf(notification: WakeNotification): Record<string, unknown> {
  if (!('facts' in notification)) return { ...notification };
  const { mac, vm, config, nodeName, sourceIp, destPort } = notification.facts;
  const reason = 'reason' in notification ? { reason: notification.reason, text: notification.text } : {};
  return { outcome: notification.kind, mac, vm, config, node: nodeName, source: sourceIp, port: destPort, ...reason };
}
