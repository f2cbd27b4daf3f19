/**
 * The informers of a remote cluster, on whatever connection is in use.
 *
 * Owns: which informers there are, and what each asks of a connection. Never: decides which connection they run on.
 */
import type { Kind } from '../kinds/kind';
import type { Informer, Selection } from '../watch';
import type { ClusterConfig } from './cluster-config';
import { RelayInformer, type RelayInformerOptions } from './relay-informer';
import type { RemoteLink } from './remote-link';

/** What each informer is to run on. */
export type RelaySources = Map<RelayInformer, Informer>;

export class RelaySet {
  private readonly relays = new Map<RelayInformer, Selection | undefined>();

  constructor(private readonly options: Omit<RelayInformerOptions, 'kind'>) {}

  /** @param link what it runs on; `undefined` = what is attached later. */
  create(kind: Kind, select: Selection | undefined, link: RemoteLink | undefined): Informer {
    const relay = new RelayInformer({ kind, ...this.options });
    this.relays.set(relay, select);
    if (link !== undefined) void relay.attach(relay.prepare(sourceOn(link, kind, select)));
    return relay;
  }

  /** Adds the sources on a connection that are not there yet. They are not started. */
  prepare(link: RemoteLink, sources: RelaySources = new Map()): RelaySources {
    for (const [relay, select] of this.relays) {
      if (!sources.has(relay)) sources.set(relay, relay.prepare(sourceOn(link, relay.kind, select)));
    }
    return sources;
  }

  /** Resolves when every difference to the connection before has been delivered. */
  async attach(sources: RelaySources): Promise<void> {
    await Promise.all([...sources].map(([relay, source]) => relay.attach(source)));
  }

  /** The connection answers: none needs to sit out its backoff. */
  hurry(): void {
    for (const relay of this.relays.keys()) relay.hurry();
  }
}

function sourceOn(link: RemoteLink, kind: Kind, select: Selection | undefined): Informer {
  if (kind.optional && link.config.options.watchDefinitions !== false) link.connection.watchDefinitions();
  return link.connection.createInformer(kind, narrowed(kind, select, link.config));
}

/** What is asked for, within what the engagement allows. */
function narrowed(kind: Kind, select: Selection | undefined, { options }: ClusterConfig): Selection | undefined {
  const namespaces = select?.namespaces ?? (kind.scope === 'Namespaced' ? options.namespaces : undefined);
  // Objects that bear no labels of ours, such as Events, are asked for with an empty selector.
  const added = select?.labels === '' ? undefined : options.labels;
  const labels = [select?.labels, added].filter((text) => text !== undefined && text !== '').join(',');
  if (namespaces === undefined && labels === '' && select === undefined) return undefined;
  return { ...select, ...(namespaces === undefined ? {} : { namespaces }), ...(labels === '' ? {} : { labels }) };
}
