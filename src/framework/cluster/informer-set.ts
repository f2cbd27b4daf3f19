/**
 * The informers of one cluster: one for each kind and selection, shared by all handlers that ask for it.
 *
 * Owns: sharing, starting and stopping, and that all of them notice soon when the server is back. Never: decides which kinds are watched; decorators do, before the start.
 */
import { NotCachedError } from '../errors/handler-errors';
import type { Kind } from '../kinds/kind';
import type { KubernetesObject, ObjectKey } from '../kinds/object';
import type { Informer, InformerState, Selection } from '../watch/informer-contract';
import type { StoreReader } from '../watch/store-reader';

export type InformerFactory = (kind: Kind, select: Selection | undefined) => Informer;

export class InformerSet {
  private readonly informers = new Map<string, { informer: Informer; select: Selection | undefined }>();
  /** Informers of others, which share nothing but the news that the server is back. */
  private readonly companions = new Set<Informer>();
  private isStarted = false;

  private readonly listeners = new Set<() => void>();

  constructor(private readonly create: InformerFactory) {}

  /** The informer of this kind and selection; made when there is none yet, and started when the others are. */
  ensure(kind: Kind, select?: Selection): Informer {
    const id = `${kind.id} ${selectionId(select)}`;
    const known = this.informers.get(id);
    if (known !== undefined) return known.informer;
    const informer = this.create(kind, select);
    this.informers.set(id, { informer, select });
    informer.onStatus(() => {
      for (const listener of this.listeners) listener();
    });
    this.followRecovery(informer);
    if (this.isStarted) informer.start();
    return informer;
  }

  /**
   * The cache of a kind: of the unfiltered informer, or of the only selection declared.
   * @throws {NotCachedError} when no decorator declares it, or when several selections do and none is named.
   */
  store<T extends KubernetesObject>(kind: Kind<T>, select?: Selection): StoreReader<T> {
    const ofKind = [...this.informers.values()].filter(({ informer }) => informer.kind.id === kind.id);
    const wanted = selectionId(select);
    const exact = ofKind.find((entry) => selectionId(entry.select) === wanted);
    const only = select === undefined && ofKind.length === 1 ? ofKind[0] : undefined;
    const found = exact ?? only;
    if (found === undefined) {
      const remedy =
        ofKind.length === 0
          ? `name it in a decorator, for example @OnEvent(${kind.kind})`
          : `${select === undefined ? 'several selections are watched' : `nobody watches ${wanted}`}, name one of: ${ofKind.map((entry) => selectionId(entry.select)).join(' | ')}`;
      throw new NotCachedError(kind.kind, remedy);
    }
    return found.informer.store as unknown as StoreReader<T>;
  }

  /** The object as a complete cache has it; `undefined` when no unfiltered, untrimmed, synced informer keeps the kind. */
  cached<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey): T | undefined {
    const whole = this.informers.get(`${kind.id} ${selectionId(undefined)}`)?.informer;
    if (whole === undefined || whole.kind.trim !== undefined || !whole.store.synced) return undefined;
    return whole.store.get(key) as T | undefined;
  }

  /** Puts the answer of one of our own writes into every cache it belongs to. */
  putOwnWrite(kind: Kind, object: KubernetesObject): void {
    for (const { informer } of this.informers.values()) {
      if (informer.kind.id === kind.id) informer.putOwnWrite(object);
    }
  }

  /** Lets an informer that somebody else starts and stops share the news that the server is back, until it is stopped. */
  accompany(informer: Informer): void {
    this.companions.add(informer);
    this.followRecovery(informer);
  }

  /** When the server answers one of them again, the others need not sit out their pauses. */
  private followRecovery(informer: Informer): void {
    let before: InformerState | undefined;
    informer.onStatus(({ state }) => {
      const hasRecovered = before === 'Backoff' && (state === 'Watching' || state === 'Listing');
      before = state;
      if (state === 'Stopped') this.companions.delete(informer);
      if (!hasRecovered) return;
      for (const other of [...this.list(), ...this.companions]) if (other !== informer) other.hurry();
    });
  }

  /** Listeners are told inline after `state` or `synced` of any informer changed, also of one made later. @returns ends it. */
  onStatus(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  list(): readonly Informer[] {
    return [...this.informers.values()].map(({ informer }) => informer);
  }

  /** Informers of others, see `accompany`. */
  get accompanying(): readonly Informer[] {
    return [...this.companions];
  }

  start(): void {
    this.isStarted = true;
    for (const informer of this.list()) informer.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.list().map((informer) => informer.stop()));
  }
}

/** Equal for selections that mean the same. */
function selectionId(select: Selection | undefined): string {
  if (select === undefined) return 'everything';
  const { namespaces, labels, fields, metadataOnly } = select;
  const parts = [
    namespaces === undefined ? undefined : `namespaces ${namespaces.map(String).sort().join(',')}`,
    labels === undefined ? undefined : `labels ${labels}`,
    fields === undefined ? undefined : `fields ${fields}`,
    metadataOnly === true ? 'metadata only' : undefined,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? 'everything' : parts.join(', ');
}
