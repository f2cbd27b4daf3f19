/**
 * What informers know and how well they keep up.
 *
 * Owns: names and labels. Never: is told what it can ask for: gauges are read from the informers at the scrape, so that thousands of
 * events a second cost nothing here. Invariant: several informers of one kind (different selections) are shown as one.
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Clock } from '../../time/clock';
import type { Informer, InformerState } from '../../watch/informer-contract';
import type { InformerHooks } from '../../watch/informer-hooks';

const STATES: readonly InformerState[] = ['Waiting', 'Listing', 'Watching', 'Backoff', 'Denied', 'Stopped'];

export type ObservedInformer = Pick<Informer, 'kind' | 'cluster' | 'status'> & { readonly store: Pick<Informer['store'], 'size'> };

type KindLabel = 'cluster' | 'kind';
type Labels = Readonly<Record<KindLabel, string>>;

export class InformerMetrics {
  readonly hooks: InformerHooks;
  private readonly sources = new Set<() => readonly ObservedInformer[]>();
  private readonly indexOwners = new Map<string, string>();

  constructor(
    private readonly registry: Registry,
    private readonly clock: Clock,
  ) {
    const registers = [registry];
    const labelNames = ['cluster', 'kind'] as const;
    const counter = (name: string, help: string): Counter<KindLabel> => new Counter({ name, help, labelNames, registers });
    const relists = new Counter({
      name: 'steward_informer_relists_total',
      help: 'Complete lists that were made, by reason.',
      labelNames: ['cluster', 'kind', 'reason'],
      registers,
    });
    const lost = counter('steward_informer_lost_events_total', 'Deletions found only by comparing a new list with the cache.');
    const reconnects = counter('steward_informer_reconnects_total', 'Watches that were opened after the first.');
    const indexErrors = new Counter({
      name: 'steward_index_errors_total',
      help: 'Objects that an index method failed for; they are left out of the index.',
      labelNames: ['controller'],
      registers,
    });
    this.hooks = {
      relisted: ({ cluster, kind }, reason) => relists.inc({ cluster, kind, reason }),
      lostEvent: ({ cluster, kind }) => lost.inc({ cluster, kind }),
      reconnected: ({ cluster, kind }) => reconnects.inc({ cluster, kind }),
      indexError: ({ kind }, index) => indexErrors.inc({ controller: this.indexOwners.get(`${kind} ${index}`) ?? index }),
    };
    this.addGauges();
  }

  /** Shows the informers of a cluster. @returns takes them out again. */
  observe(informers: () => readonly ObservedInformer[]): () => void {
    this.sources.add(informers);
    return () => void this.sources.delete(informers);
  }

  /** Errors of an index count for the handler that declares it. */
  nameIndex(kind: string, index: string, controller: string): void {
    this.indexOwners.set(`${kind} ${index}`, controller);
  }

  private addGauges(): void {
    this.gauge('steward_informer_objects', 'Objects in the cache.', (informers) =>
      informers.reduce((objects, { store }) => objects + store.size, 0),
    );
    this.gauge('steward_informer_synced', 'Whether the kind was listed completely.', (informers) =>
      informers.every((informer) => informer.status().synced) ? 1 : 0,
    );
    this.gauge('steward_informer_last_activity_timestamp_seconds', 'Unix time of the last event, bookmark or connect.', (informers) => {
      const seen = informers.map((informer) => informer.status().lastActivityMs);
      if (seen.includes(undefined)) return undefined;
      const silentMs = this.clock.monotonicMs() - Math.min(...seen.map((ms) => ms!));
      return (this.clock.now() - silentMs) / 1_000;
    });
    this.gauge('steward_kind_available', 'Whether the cluster serves the kind, as far as is known.', (informers) =>
      informers.some((informer) => informer.status().state === 'Waiting') ? 0 : 1,
    );
    const state: Gauge<KindLabel | 'state'> = new Gauge({
      name: 'steward_informer_state',
      help: 'Always 0 or 1: the states that the watches of a kind are in.',
      labelNames: ['cluster', 'kind', 'state'],
      registers: [this.registry],
      collect: () => {
        state.reset();
        for (const { labels, informers } of this.byKind()) {
          const current = new Set(informers.map((informer) => informer.status().state));
          for (const name of STATES) state.set({ ...labels, state: name }, current.has(name) ? 1 : 0);
        }
      },
    });
  }

  /** @param read the value of all informers of one kind; `undefined` shows none. */
  private gauge(name: string, help: string, read: (informers: readonly ObservedInformer[]) => number | undefined): void {
    const gauge: Gauge<KindLabel> = new Gauge({
      name,
      help,
      labelNames: ['cluster', 'kind'],
      registers: [this.registry],
      collect: () => {
        gauge.reset();
        for (const { labels, informers } of this.byKind()) {
          const value = read(informers);
          if (value !== undefined) gauge.set(labels, value);
        }
      },
    });
  }

  private byKind(): Iterable<{ readonly labels: Labels; readonly informers: readonly ObservedInformer[] }> {
    const groups = new Map<string, { labels: Labels; informers: ObservedInformer[] }>();
    for (const informer of [...this.sources].flatMap((source) => source())) {
      const labels = { cluster: informer.cluster, kind: informer.kind.id };
      const id = `${labels.cluster} ${labels.kind}`;
      const group = groups.get(id);
      if (group === undefined) groups.set(id, { labels, informers: [informer] });
      else group.informers.push(informer);
    }
    return groups.values();
  }
}
