/** What an informer asks about the kinds a cluster serves, whatever answers it. */
import type { Kind, Scope } from '../kinds/kind';

/** How a cluster serves a kind. */
export interface ServedKind {
  /** `kind.apiVersion`, or the first of `kind.alternatives` that is served. */
  readonly apiVersion: string;
  /** As the cluster says; may differ from `kind.scope` when the definition is wrong. */
  readonly scope: Scope;
}

export interface KindDiscovery {
  /**
   * Asks the API server now; nothing older than the call is used.
   *
   * @returns `undefined` when the server answered and serves none of the versions.
   * @throws {ApiError} or {TransportError} when the server did not say.
   */
  served(kind: Kind, signal?: AbortSignal): Promise<ServedKind | undefined>;
  /**
   * Calls `listener` once, as soon as the kind is served: asks at once, then polls.
   *
   * @returns ends the polling; the listener is not called afterwards.
   */
  whenServed(kind: Kind, listener: (served: ServedKind) => void): () => void;
}
