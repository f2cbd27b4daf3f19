/**
 * Follows the objects that are ours, of every kind that the catalog manages: built-in kinds as well as those that come and go.
 *
 * Owns: one informer a kind, limited to our label. Never: waits for one; a kind that cannot be listed holds up nobody.
 * Caveats: an object without our label is not here, whoever made it: ask the API server.
 */
import type { KubernetesObject, ResourceEvent } from '../../framework';
import type { Catalog } from '../catalog';
import { FollowedKind, type FollowedKindPorts } from '../context/followed-kind';
import { MANAGED_SELECTOR } from '../keys';
import { groupOf } from '../overrides/sensitive-kinds';

export interface ManagedKindsOptions extends Pick<FollowedKindPorts, 'served' | 'open'> {
  readonly catalog: Catalog;
  /** Told inline of every change that is not our own. */
  readonly onEvent: (event: ResourceEvent) => void;
  /** Told when the objects of some kind can be read, or not any more. */
  readonly onChange: () => void;
}

export class ManagedKinds {
  /** By group and kind. */
  private readonly kinds = new Map<string, FollowedKind>();
  private isOwnWrite = false;

  constructor(private readonly options: ManagedKindsOptions) {
    for (const [id, { kind, apiVersions }] of kindsOf(options.catalog)) {
      const ports: FollowedKindPorts = {
        ...{ served: options.served, open: options.open, onChange: options.onChange },
        onEvent: (event) => this.tell(event),
      };
      this.kinds.set(id, new FollowedKind({ apiVersions: [...apiVersions], kind, select: { labels: MANAGED_SELECTOR }, isNews }, ports));
    }
  }

  /** As the cache has it; `undefined` while there is none, or it does not know the object. */
  get(apiVersion: string, kind: string, key: string): KubernetesObject | undefined {
    return this.kinds.get(idOf(apiVersion, kind))?.get(key);
  }

  /** Every object with our label, of every kind. */
  *objects(): Generator<KubernetesObject> {
    for (const kind of this.kinds.values()) yield* kind.objects();
  }

  /** Every object of every kind is known, or there can be none. */
  get isComplete(): boolean {
    return [...this.kinds.values()].every((kind) => kind.isComplete);
  }

  /** One line for each kind that cannot be read at present. */
  get failures(): readonly string[] {
    return [...this.kinds.values()].map(({ failure }) => failure).filter((failure) => failure !== undefined);
  }

  /** The answer of our own write: the cache has it from now on, and it is news to nobody. */
  putOwnWrite(object: KubernetesObject): void {
    this.isOwnWrite = true;
    try {
      this.kinds.get(idOf(object.apiVersion ?? '', object.kind ?? ''))?.putOwnWrite(object);
    } finally {
      this.isOwnWrite = false;
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.kinds.values()].map((kind) => kind.stop()));
  }

  private tell(event: ResourceEvent): void {
    if (!this.isOwnWrite) this.options.onEvent(event);
  }
}

function kindsOf({ assets, tombstones, retired }: Catalog): Map<string, { kind: string; apiVersions: Set<string> }> {
  const kinds = new Map<string, { kind: string; apiVersions: Set<string> }>();
  for (const { identity, strategy } of assets) {
    // What is edited belongs to somebody else, and carries no label of ours.
    if (strategy === 'edit') continue;
    const id = idOf(identity.apiVersions[0]!, identity.kind);
    const known = kinds.get(id) ?? { kind: identity.kind, apiVersions: new Set<string>() };
    for (const apiVersion of identity.apiVersions) known.apiVersions.add(apiVersion);
    kinds.set(id, known);
  }
  // What is deleted may come back, and what is left behind is to be seen.
  for (const { apiVersion, kind } of [...tombstones, ...retired]) {
    const id = idOf(apiVersion, kind);
    kinds.set(id, kinds.get(id) ?? { kind, apiVersions: new Set([apiVersion]) });
  }
  return kinds;
}

function idOf(apiVersion: string, kind: string): string {
  return `${groupOf(apiVersion)}/${kind}`;
}

/** Where the API server counts generations, a change of status is none, however often it comes. */
function isNews({ metadata: now }: KubernetesObject, { metadata: old }: KubernetesObject): boolean {
  if (now?.generation === undefined || now.generation !== old?.generation || now.uid !== old?.uid) return true;
  const parts = (metadata: typeof now): string => JSON.stringify([metadata.labels, metadata.annotations, metadata.deletionTimestamp]);
  return parts(now) !== parts(old);
}
