/**
 * Reports on objects by Kubernetes Events.
 *
 * Expected flow: record -> series -> bounded queue -> one sender, one Event at a time.
 * Guarantees: recording returns at once and never throws; a note holds no secret; the queue is bounded, losses are counted, and a
 * Warning is the last to be lost; a reason that was not told of an object for ten minutes is told whatever else it reports (event-series.ts).
 * Assumptions: the client may be slow or refused, the sender waits for it and nobody else does.
 * Caveats: an Event that failed for any reason is lost; Events are hints, conditions are the record.
 * Errors: none; a missing right is logged once.
 */
import { randomBytes } from 'node:crypto';
import { ApiError, ForbiddenError, NotFoundError } from '../errors/api-error';
import { type KubernetesObject, keyOf } from '../kinds/object';
import type { Logger } from '../logging/logger';
import { maskMessage } from '../logging/mask';
import type { Clock } from '../time/clock';
import { sleep } from '../time/sleep';
import { microTimestampOf } from '../time/timestamp';
import { JSON_PATCH } from './call-retry';
import type { ClientMetrics } from './client-metrics';
import { EventSeries, type Series } from './event-series';
import type { KubeClient } from './kube-client';

const MAX_QUEUED = 1_000;
/** Limits of events.k8s.io/v1. @source k8s.io/kubernetes/pkg/apis/core/validation/events.go */
const MAX_NOTE_BYTES = 1_024;
const MAX_WORD_CHARS = 128;
/** Names have at most 253 characters; the rest is for the suffix. */
const MAX_NAME_CHARS = 230;
/** One Event is not worth more. */
const SEND_TIMEOUT_MS = 10_000;

export interface EventInput {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, stable. */
  readonly reason: string;
  readonly note: string;
  /** The object reported on; needs apiVersion, kind and name. */
  readonly about: KubernetesObject;
  /** A second object that the Event is about; Events with different ones are counted and limited apart from one another. @default none */
  readonly related?: KubernetesObject | undefined;
  /** What was done: the handler id, or something narrower. Events of one object are counted and limited by it. */
  readonly action: string;
}

export interface EventRecorderOptions {
  client: KubeClient;
  clock: Clock;
  log: Logger;
  /** Pod name. */
  instance: string;
  /** @default virt-steward */
  reportingController?: string;
  metrics?: ClientMetrics | undefined;
}

interface Queued {
  readonly event: EventInput;
  readonly guard: (() => void) | undefined;
  readonly series: Series;
  readonly atMs: number;
}

export class EventRecorder {
  private readonly series: EventSeries;
  private readonly queue: Queued[] = [];
  private readonly stopping = new AbortController();
  private sender: Promise<void> | undefined;
  private denialLogged = false;

  constructor(private readonly options: EventRecorderOptions) {
    this.series = new EventSeries(options.clock);
  }

  /**
   * Takes an Event to be sent later; never throws, never waits.
   * @param guard asked right before sending; a throw drops the Event.
   */
  record(event: EventInput, guard?: () => void): void {
    const { about, related, type, reason } = event;
    if (this.stopping.signal.aborted) return;
    if (about.kind === undefined || about.apiVersion === undefined || about.metadata?.name === undefined) {
      this.options.log.debug('event about an object without kind or name left out', { reason });
      return;
    }
    const note = fittingNote(event.note);
    const object = [about, ...(related === undefined ? [] : [related])].map(identityOf).join(' and ');
    const series = this.series.occur(`${object} ${event.action}`, { reason: `${type} ${reason}`, note });
    if (series === 'lost') this.countDropped();
    if (series === 'lost' || series === 'counted') return;
    this.queue.push({ event: { ...event, note }, guard, series, atMs: this.options.clock.now() });
    if (this.queue.length > MAX_QUEUED) this.dropOne();
    this.sender ??= this.send();
  }

  /** Events that wait. */
  get waiting(): number {
    return this.queue.length;
  }

  /** Resolves when everything recorded so far was sent or the time is over. */
  async flush(deadlineMs: number): Promise<void> {
    const { clock } = this.options;
    const over = new AbortController();
    const limit = sleep(clock, deadlineMs, over.signal).catch(() => undefined);
    await Promise.race([this.sender ?? Promise.resolve(), limit]);
    over.abort();
  }

  /** Takes nothing more and aborts what is being sent. Call `flush` before. */
  stop(): void {
    this.stopping.abort(new Error('the event recorder was stopped'));
    for (const queued of this.queue.splice(0)) this.drop(queued);
  }

  private async send(): Promise<void> {
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) {
      next.series.queued = false;
      try {
        await this.sendOne(next);
      } catch (error) {
        this.failed(next, error);
      }
    }
    this.sender = undefined;
  }

  /** A repeat updates the Event it repeats; one that has expired on the server is created anew. */
  private async sendOne(queued: Queued): Promise<void> {
    const { series } = queued;
    if (series.name !== undefined) {
      try {
        await this.update(queued, series.name);
        return;
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error;
        series.count = 1;
      }
    }
    series.name = await this.create(queued);
  }

  private async create({ event, guard, atMs }: Queued): Promise<string> {
    const { about, related, type, reason, note, action } = event;
    const { name: subject = '', namespace } = about.metadata ?? {};
    const name = `${subject.slice(0, MAX_NAME_CHARS).replace(/[^a-z0-9]+$/, '')}.${randomBytes(8).toString('hex')}`;
    await this.options.client.raw({
      method: 'POST',
      path: eventsPath(namespace),
      totalTimeoutMs: SEND_TIMEOUT_MS,
      signal: this.stopping.signal,
      beforeSend: guard,
      body: {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name, namespace: namespace ?? DEFAULT_NAMESPACE },
        eventTime: microTimestampOf(atMs),
        reportingController: this.options.reportingController ?? 'virt-steward',
        reportingInstance: this.options.instance.slice(0, MAX_WORD_CHARS),
        action: action.slice(0, MAX_WORD_CHARS) || 'Reconcile',
        reason: reason.slice(0, MAX_WORD_CHARS),
        regarding: referenceTo(about),
        ...(related === undefined ? {} : { related: referenceTo(related) }),
        note,
        type,
      },
    });
    return name;
  }

  private async update({ event, guard, series, atMs }: Queued, name: string): Promise<void> {
    await this.options.client.raw({
      method: 'PATCH',
      path: `${eventsPath(event.about.metadata?.namespace)}/${encodeURIComponent(name)}`,
      contentType: JSON_PATCH,
      totalTimeoutMs: SEND_TIMEOUT_MS,
      signal: this.stopping.signal,
      beforeSend: guard,
      body: [{ op: 'add', path: '/series', value: { count: series.count, lastObservedTime: microTimestampOf(atMs) } }],
    });
  }

  private failed(queued: Queued, error: unknown): void {
    const { log } = this.options;
    this.drop(queued);
    if (error instanceof ForbiddenError && !isTerminating(error)) {
      if (!this.denialLogged) log.warn('sending events is not allowed, they are dropped', { error });
      this.denialLogged = true;
      return;
    }
    if (!this.stopping.signal.aborted) log.debug('event dropped', { reason: queued.event.reason, error });
  }

  /** The oldest Normal one; only where every one that waits is a Warning, the oldest of these. */
  private dropOne(): void {
    const normal = this.queue.findIndex(({ event }) => event.type === 'Normal');
    for (const queued of this.queue.splice(Math.max(normal, 0), 1)) this.drop(queued);
  }

  private drop({ series }: Queued): void {
    series.queued = false;
    this.countDropped();
  }

  private countDropped(): void {
    this.options.metrics?.eventsDropped?.(this.options.client.cluster, 1);
  }
}

function identityOf(object: KubernetesObject): string {
  return `${object.apiVersion} ${object.kind} ${keyOf(object)} ${object.metadata?.uid ?? ''}`;
}

function referenceTo({ apiVersion, kind, metadata }: KubernetesObject): object {
  const { name, namespace, uid, resourceVersion } = metadata ?? {};
  return { apiVersion, kind, name, namespace, uid, resourceVersion };
}

/** Events about cluster-scoped objects live here, as the API server demands. */
const DEFAULT_NAMESPACE = 'default';

function eventsPath(namespace: string = DEFAULT_NAMESPACE): string {
  return `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events`;
}

/** In a namespace that is being deleted nothing can be created; that is no missing right. */
function isTerminating({ details }: ApiError): boolean {
  const { causes } = (details ?? {}) as { causes?: { reason?: unknown }[] };
  return Array.isArray(causes) && causes.some(({ reason }) => reason === 'NamespaceTerminating');
}

/** On one line, without secrets, at most 1 024 bytes, cut between characters. */
function fittingNote(note: string): string {
  const text = maskMessage(note, MAX_NOTE_BYTES);
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_NOTE_BYTES) return text === '' ? '-' : text;
  // A streaming decoder holds back the bytes of a character that is not complete.
  return new TextDecoder().decode(bytes.subarray(0, MAX_NOTE_BYTES), { stream: true });
}
