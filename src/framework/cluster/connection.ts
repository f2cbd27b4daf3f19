/**
 * One connection to one API server: transport, storm limits, discovery, and the informers that run on it.
 *
 * Owns: sockets and everything that shares them. Never: shares anything with the connection to another cluster, so that a black hole
 * costs nobody else. Invariant: after `close` no socket, timer or request is left.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import { type ApiTransport, type ClientMetrics, Credentials, HttpTransport, type HttpTransportOptions } from '../client';
import { CustomResourceDefinition } from '../kinds/core-kinds';
import type { Kind } from '../kinds/kind';
import { OPERATOR_NAMESPACE } from '../kinds/operator-namespace';
import type { Logger } from '../logging/logger';
import type { Clock } from '../time/clock';
import { createInformer, type Informer, type InformerHooks, type ResolvedSelection, type Selection, StormLimiter } from '../watch';
import { ApiKindDiscovery } from './kind-discovery';

/** What the connections of one operator have in common. */
export interface ConnectionSettings {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** See `userAgentOf`. */
  readonly userAgent: string;
  /** What OPERATOR_NAMESPACE stands for. */
  readonly namespace: string;
  /** Of server-side apply. */
  readonly fieldManager: string;
  /** Value of the managed-by label on children. */
  readonly managedBy: string;
  /** Values of that label whose children are taken over. */
  readonly adoptedManagers: readonly string[];
  readonly freezeCache: boolean;
  readonly stripLastApplied: boolean;
  readonly clientMetrics?: ClientMetrics | undefined;
  readonly informerHooks?: InformerHooks | undefined;
}

export interface ConnectionOptions {
  readonly cluster: string;
  readonly kubeConfig: KubeConfig;
  readonly settings: ConnectionSettings;
  readonly limits?: Pick<HttpTransportOptions, 'compress' | 'maxInFlight' | 'qps' | 'burst'>;
  /** Wraps the transport that informers and discovery use. @default as it is */
  readonly observed?: (transport: ApiTransport) => ApiTransport;
}

export class Connection {
  readonly credentials: Credentials;
  readonly transport: HttpTransport;
  readonly discovery: ApiKindDiscovery;
  private readonly watching: ApiTransport;
  private readonly limiter: StormLimiter;
  private readonly transports: HttpTransport[] = [];
  private definitions: Informer | undefined;

  constructor(private readonly options: ConnectionOptions) {
    const { kubeConfig, observed } = options;
    const { clock, logger, random } = options.settings;
    this.credentials = new Credentials(kubeConfig, clock);
    this.transport = this.openTransport();
    this.watching = observed?.(this.transport) ?? this.transport;
    this.limiter = new StormLimiter(clock);
    this.discovery = new ApiKindDiscovery({ transport: this.watching, clock, logger, random });
  }

  /** Sockets and limits of its own with the same credential, for calls that must not wait behind others. */
  openTransport(): HttpTransport {
    const { cluster, limits, settings } = this.options;
    const { clock, userAgent, clientMetrics: metrics } = settings;
    const opened = new HttpTransport({ cluster, credentials: this.credentials, clock, userAgent, metrics, ...limits });
    this.transports.push(opened);
    return opened;
  }

  /** Not started yet. */
  createInformer(kind: Kind, selection: Selection | undefined): Informer {
    const { cluster, settings } = this.options;
    const { clock, logger, random, freezeCache, stripLastApplied, informerHooks: hooks, namespace } = settings;
    return createInformer({
      ...{ kind, cluster, clock, logger, random, hooks, freezeCache, stripLastApplied },
      selection: resolved(selection, namespace),
      transport: this.watching,
      limiter: this.limiter,
      discovery: this.discovery,
      transform: kind.trim === undefined ? undefined : (object) => kind.trim!(object),
    });
  }

  /** Informers it needs itself. */
  get ownInformers(): readonly Informer[] {
    return this.definitions === undefined ? [] : [this.definitions];
  }

  /** Notices at once when an optional kind comes or goes. Idempotent. */
  watchDefinitions(): void {
    if (this.definitions !== undefined) return;
    this.definitions = this.createInformer(CustomResourceDefinition as Kind, { metadataOnly: true });
    this.definitions.subscribe(({ object }) => this.discovery.kick(object.metadata?.name));
    this.definitions.start();
  }

  /** Aborts every call; informers that run on it have to be stopped as well. Idempotent. */
  async close(): Promise<void> {
    this.discovery.stop();
    for (const opened of this.transports) opened.close();
    await this.definitions?.stop();
  }
}

function resolved(selection: Selection | undefined, own: string): ResolvedSelection | undefined {
  if (selection?.namespaces === undefined) return selection as ResolvedSelection | undefined;
  return { ...selection, namespaces: selection.namespaces.map((name) => (name === OPERATOR_NAMESPACE ? own : name)) };
}
