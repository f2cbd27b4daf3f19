/** What an informer is made of: its kind, what it shares with the other informers of the cluster, and what it may be told. */
import type { ApiTransport } from '../client/transport';
import type { Kind } from '../kinds/kind';
import type { KubernetesObject } from '../kinds/object';
import type { Logger } from '../logging/logger';
import type { Clock } from '../time/clock';
import type { IndexFunction } from './indexes';
import type { ResolvedSelection } from './informer-contract';
import type { InformerHooks } from './informer-hooks';
import type { KindDiscovery } from './kind-discovery-contract';
import type { StormLimiter } from './storm-limiter';
import type { WatchOptions } from './watch-options';

export interface InformerOptions<T extends KubernetesObject = KubernetesObject> {
  readonly kind: Kind<T>;
  /** Name of the cluster, `local` for the one the process runs in. */
  readonly cluster: string;
  readonly transport: ApiTransport;
  readonly clock: Clock;
  readonly logger: Logger;
  /** One per cluster, shared by all its informers. */
  readonly limiter: StormLimiter;
  /** One per cluster, shared by all its informers. */
  readonly discovery: KindDiscovery;
  /** @default every object of the kind */
  readonly selection?: ResolvedSelection | undefined;
  /** Trims objects before they enter the store. Pure; may change its argument and return it. A throw keeps the object as it came. */
  readonly transform?: ((object: T) => T) | undefined;
  /** Named index functions; more can be added with `addIndex` before `start`. @default none */
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>> | undefined;
  /** Uniform in [0, 1). @default Math.random */
  readonly random?: (() => number) | undefined;
  readonly hooks?: InformerHooks | undefined;
  /** Deep-freeze stored objects, so that a handler that changes one fails at once. @default true */
  readonly freezeCache?: boolean | undefined;
  /** Drop the last-applied-configuration annotation of kubectl. @default true */
  readonly stripLastApplied?: boolean | undefined;
  readonly watch?: WatchOptions | undefined;
  /** Lets other work run once. @default one turn of the event loop */
  readonly yieldTurn?: (() => Promise<void>) | undefined;
}
