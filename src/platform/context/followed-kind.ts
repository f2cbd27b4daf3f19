/**
 * Follows every object of one kind, in the best version that is served, as long as it is served at all.
 *
 * Expected flow: not known -> absent, or served: watch opened -> listed -> events; another version wins -> its watch takes over once it is
 * listed; not served any more -> closed, empty.
 * Guarantees: what was listed stays readable through outages; a kind that comes back is watched again, without a restart.
 * Assumptions: `ServedKinds` is kept up to date.
 * Caveats: over a change of version every object is news.
 * Errors: none; what hinders reading is in `failure`.
 */
import type { Informer, Kind, KubernetesObject, ResourceEvent, Selection } from '../../framework';
import type { ServedKind } from './api-discovery';
import { kindOf, type ServedKinds } from './served-kinds';

export interface FollowedKindOptions {
  /** In the order of preference, all of one group. */
  readonly apiVersions: readonly string[];
  readonly kind: string;
  readonly select?: Selection;
  /** Drops what nobody reads. */
  readonly trim?: (object: KubernetesObject) => KubernetesObject;
  /** Whether a change of an object matters. @default every change */
  readonly isNews?: (now: KubernetesObject, old: KubernetesObject) => boolean;
}

export interface FollowedKindPorts {
  readonly served: ServedKinds;
  readonly open: (kind: Kind, select: Selection | undefined) => Informer;
  /** Told inline when anything that can be read here may be another. */
  readonly onChange: () => void;
  /** Told inline of each change that is news, and of those of the first list as well; before `onChange`. */
  readonly onEvent?: (event: ResourceEvent) => void;
}

interface Opened {
  readonly served: ServedKind;
  readonly informer: Informer;
  close(): Promise<void>;
}

export class FollowedKind {
  private current: Opened | undefined;
  /** Of a better version, until it is listed. */
  private next: Opened | undefined;
  private readonly endServed: () => void;
  /** `undefined` before discovery has answered. */
  private wasServed: boolean | undefined;
  private isStopped = false;

  constructor(
    private readonly options: FollowedKindOptions,
    private readonly ports: FollowedKindPorts,
  ) {
    this.endServed = ports.served.onChange(() => this.look());
  }

  /** Whether discovery knows the kind. */
  get availability(): 'served' | 'absent' | 'unknown' {
    if (!this.ports.served.isKnown) return 'unknown';
    return this.best() === undefined ? 'absent' : 'served';
  }

  /** Every object is known, or there can be none. */
  get isComplete(): boolean {
    return this.availability === 'absent' || this.current?.informer.store.synced === true;
  }

  get synced(): boolean {
    return this.current?.informer.store.synced === true;
  }

  /** Why objects cannot be read at present; `undefined` while they can. */
  get failure(): string | undefined {
    if (!this.ports.served.isKnown) return undefined;
    const status = this.current?.informer.status();
    const isFailing = status?.state === 'Backoff' || status?.state === 'Denied';
    return isFailing ? `${this.options.kind}: ${status.detail}` : undefined;
  }

  objects(): readonly KubernetesObject[] {
    return [...(this.current?.informer.store.list() ?? [])];
  }

  get(key: string): KubernetesObject | undefined {
    return this.current?.informer.store.get(key);
  }

  /** The answer of a write of ours, so that nobody reads an older state. */
  putOwnWrite(object: KubernetesObject): void {
    this.current?.informer.putOwnWrite(object);
  }

  /** Opens, replaces or closes the watch as discovery says; called by itself when that changes. */
  look(): void {
    if (this.isStopped || !this.ports.served.isKnown) return;
    const best = this.best();
    const before = [this.current, this.next, this.wasServed];
    this.wasServed = best !== undefined;
    const isOpen = (opened: Opened | undefined): boolean => opened !== undefined && isSame(opened.served, best);
    if (!isOpen(this.next)) this.dropNext();
    if (best === undefined) this.dropCurrent();
    else if (this.current === undefined) this.current = this.open(best);
    else if (!isOpen(this.current) && this.next === undefined) this.next = this.open(best);
    this.takeOver();
    const isChanged = before.some((value, index) => value !== [this.current, this.next, this.wasServed][index]);
    if (isChanged) this.ports.onChange();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.endServed();
    await Promise.all([this.current?.close(), this.next?.close()]);
  }

  private best(): ServedKind | undefined {
    return this.ports.served.firstServed(this.options.apiVersions, this.options.kind);
  }

  private open(served: ServedKind): Opened {
    const { select, trim, isNews } = this.options;
    const informer = this.ports.open(kindOf(served, trim), select);
    const ends = [
      informer.subscribe((event) => {
        const { object, old, type } = event;
        if (type === 'MODIFIED' && old !== undefined && isNews?.(object, old) === false) return;
        this.ports.onEvent?.(event);
        if (informer.store.synced) this.ports.onChange();
      }),
      informer.onStatus(() => {
        this.takeOver();
        this.ports.onChange();
      }),
    ];
    informer.start();
    return {
      served,
      informer,
      close: () => {
        for (const end of ends) end();
        return informer.stop();
      },
    };
  }

  private takeOver(): void {
    if (this.next?.informer.store.synced !== true) return;
    void this.current?.close();
    this.current = this.next;
    this.next = undefined;
  }

  private dropCurrent(): void {
    void this.current?.close();
    this.current = undefined;
  }

  private dropNext(): void {
    void this.next?.close();
    this.next = undefined;
  }
}

function isSame(a: ServedKind, b: ServedKind | undefined): boolean {
  return a.apiVersion === b?.apiVersion && a.kind === b.kind && a.plural === b.plural && a.scope === b.scope;
}
