/**
 * The Secrets that KubevirtConfigs name, each followed by its own name.
 *
 * Owns: one follower a Secret, shared by the configs that name it. Never: lists or watches Secrets without naming one; logs content.
 * Invariant: nobody is told of a change that leaves the kubeconfig as it was; after `close` nothing is followed.
 */
import {
  CLOCK,
  type Clock,
  Cluster,
  type FollowedObject,
  inject,
  ObjectFollower,
  objectKey,
  Secret,
  type Secret as SecretObject,
  singleton,
} from '../../framework';
import { type ConfigPlace, type KubevirtConfigError, type SecretPlace, secretGone, secretUnreadable } from './config-error';
import { kubeconfigIn, sha256 } from './kubeconfig';

/** A Secret as it was at one time. */
export interface SecretVersion extends SecretPlace {
  readonly resourceVersion: string;
}

export interface FoundKubeconfig {
  readonly bytes: Buffer;
  readonly origin: SecretVersion;
}

interface Followed {
  readonly follower: ObjectFollower<SecretObject>;
  /** Cluster keys of the configs that name it. */
  readonly keys: Set<string>;
  /** Of the kubeconfig; `undefined` = there is none. */
  hash: string | undefined;
}

@singleton()
export class KubeconfigSecrets {
  private readonly followed = new Map<string, Followed>();
  private readonly places = new Map<string, string>();
  private readonly listeners = new Set<(key: string) => void>();

  constructor(
    private readonly cluster: Cluster,
    @inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Told of the cluster key when what its config names is another kubeconfig than before. @returns ends it. */
  onChange(listener: (key: string) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Follows the Secret of a config from now on, instead of the one before; `undefined` = none. */
  follow(key: string, secret: SecretPlace | undefined): void {
    const id = secret === undefined ? undefined : objectKey(secret.namespace, secret.name);
    const before = this.places.get(key);
    if (before === id) return;
    if (before !== undefined) this.leave(key, before);
    if (id === undefined) return;
    this.places.set(key, id);
    const entry = this.followed.get(id) ?? this.begin(id);
    entry.keys.add(key);
  }

  /**
   * The kubeconfig of a config and where it is from: as it was told last, or read if nothing is known yet or `anew`.
   * @throws {KubevirtConfigError}
   */
  async kubeconfig(place: ConfigPlace, secret: SecretPlace, { anew = false } = {}): Promise<FoundKubeconfig> {
    const id = objectKey(secret.namespace, secret.name);
    const follower = this.followed.get(id)?.follower;
    if (follower === undefined) return this.readOnce(place, secret);
    const now = anew || follower.current.type === 'unknown' ? await follower.read() : follower.current;
    return contentOf(now, place, secret);
  }

  /** How the Secret of a config is followed; `undefined` = it is not. */
  watching(key: string): 'not yet' | 'yes' | 'refused' | undefined {
    return this.followed.get(this.places.get(key) ?? '')?.follower.watching;
  }

  async close(): Promise<void> {
    const followers = [...this.followed.values()].map(({ follower }) => follower.stop());
    this.followed.clear();
    this.places.clear();
    await Promise.all(followers);
  }

  private begin(id: string): Followed {
    const follower = new ObjectFollower({
      client: this.cluster.client,
      kind: Secret,
      key: id,
      clock: this.clock,
      onChange: (now) => this.changed(entry, now),
    });
    const entry: Followed = { follower, keys: new Set(), hash: undefined };
    this.followed.set(id, entry);
    follower.start();
    return entry;
  }

  private leave(key: string, id: string): void {
    this.places.delete(key);
    const entry = this.followed.get(id);
    entry?.keys.delete(key);
    if (entry === undefined || entry.keys.size > 0) return;
    this.followed.delete(id);
    void entry.follower.stop();
  }

  private changed(entry: Followed, now: FollowedObject<SecretObject>): void {
    const hash = hashOf(now);
    if (hash === entry.hash) return;
    entry.hash = hash;
    for (const key of entry.keys) for (const listener of this.listeners) listener(key);
  }

  private async readOnce(place: ConfigPlace, secret: SecretPlace): Promise<FoundKubeconfig> {
    try {
      const found = await this.cluster.client.get(Secret, objectKey(secret.namespace, secret.name));
      return foundIn(found, place, secret);
    } catch (cause) {
      if (isConfigError(cause)) throw cause;
      throw secretUnreadable(place, secret, cause);
    }
  }
}

function contentOf(now: FollowedObject<SecretObject>, place: ConfigPlace, secret: SecretPlace): FoundKubeconfig {
  if (now.type === 'found') return foundIn(now.object, place, secret);
  if (now.type === 'absent') throw secretGone(place, secret, now.error);
  throw secretUnreadable(place, secret, now.type === 'unreadable' ? now.error : new Error('it was not read yet'));
}

function foundIn(object: SecretObject, place: ConfigPlace, { namespace, name }: SecretPlace): FoundKubeconfig {
  const bytes = kubeconfigIn(object, place, { namespace, name });
  return { bytes, origin: { namespace, name, resourceVersion: object.metadata?.resourceVersion ?? '' } };
}

/** Differs for everything that a config would be judged by differently. */
function hashOf(now: FollowedObject<SecretObject>): string {
  if (now.type !== 'found') return now.type === 'unknown' ? 'unknown' : `${now.type} ${now.error.message}`;
  return sha256(Buffer.from(now.object.data?.['kubeconfig'] ?? ''));
}

function isConfigError(error: unknown): error is KubevirtConfigError {
  return error instanceof Error && 'problem' in error;
}
