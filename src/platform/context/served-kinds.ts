/**
 * Which kinds the cluster serves, kept up to date.
 *
 * Expected flow: `refresh` until the first answer -> `kick` on every change of a CRD or APIService -> one question for a burst of them.
 * Guarantees: what discovery could not say of a group stays as it was said last, and a kind is gone only when that was said for five
 * seconds; listeners hear of a kind once when it appears and once when it is gone.
 * Assumptions: the owner kicks it; the answer is a moment behind the definition, so a kick asks again when nothing has changed yet.
 * Caveats: nothing is served before the first answer: ask `isKnown`.
 * Errors: none; a question that fails is logged and repeated, with growing pauses.
 */
import { type Clock, defineKind, type Kind, type KubernetesObject, type Logger, type Timer } from '../../framework';
import { type Ask, type DiscoveryAnswer, discover, type ServedKind } from './api-discovery';

const DEBOUNCE_MS = 250;
/** A definition is served about a second after it was created; after these pauses it is asked for again. */
const FOLLOW_UP_MS: readonly number[] = [250, 500, 1_000, 2_000];
/** So long a kind has to be missing before it counts as gone. */
const CONFIRM_MS = 5_000;
const RETRY_MS: readonly number[] = [1_000, 2_000, 5_000, 15_000, 30_000];

export interface ServedChange {
  readonly appeared: readonly ServedKind[];
  readonly gone: readonly ServedKind[];
}

export interface ServedKindsOptions {
  readonly ask: Ask;
  readonly clock: Clock;
  readonly log: Logger;
}

export class ServedKinds {
  private groups: ReadonlyMap<string, readonly ServedKind[]> | undefined;
  private readonly listeners = new Set<(change: ServedChange) => void>();
  private timer: Timer | undefined;
  private asking: Promise<void> | undefined;
  private kicked = false;
  /** Monotonic milliseconds since when a kind is missing, as long as that is not confirmed. */
  private missing = new Map<string, number>();
  private followUps = 0;
  private failures = 0;
  private readonly stopping = new AbortController();

  constructor(private readonly options: ServedKindsOptions) {}

  /** Whether discovery has answered once. */
  get isKnown(): boolean {
    return this.groups !== undefined;
  }

  find(apiVersion: string, kind: string): ServedKind | undefined {
    return this.groups?.get(apiVersion)?.find((one) => one.kind === kind);
  }

  /** The first of the versions under which the kind is served. */
  firstServed(apiVersions: readonly string[], kind: string): ServedKind | undefined {
    for (const apiVersion of apiVersions) {
      const found = this.find(apiVersion, kind);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** @param resource `<plural>.<group>`, the bare plural for the core group; in any version. */
  hasResource(resource: string): boolean {
    for (const kinds of this.groups?.values() ?? []) {
      if (kinds.some(({ plural, group }) => resource === (group === '' ? plural : `${plural}.${group}`))) return true;
    }
    return false;
  }

  /** Whether anything of the group is served. */
  hasGroup(group: string): boolean {
    for (const kinds of this.groups?.values() ?? []) if (kinds.some((one) => one.group === group)) return true;
    return false;
  }

  /** apiVersions under which a kind of the group is served, for people who are told that another one is not. */
  versionsOf(group: string, kind: string): readonly string[] {
    const served = [...(this.groups?.values() ?? [])].flat().filter((one) => one.group === group && one.kind === kind);
    return served.map(({ apiVersion }) => apiVersion).sort();
  }

  /** Every version and kind of a resource. */
  ofResource(group: string, plural: string): readonly ServedKind[] {
    return [...(this.groups?.values() ?? [])].flat().filter((one) => one.group === group && one.plural === plural);
  }

  /** Told inline after each change, the first answer included. @returns ends it. */
  onChange(listener: (change: ServedChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Something about a definition changed, or may have: ask soon, once for all that happens within a quarter of a second. */
  kick(): void {
    this.followUps = 0;
    this.kicked = true;
    if (this.asking !== undefined) return;
    this.schedule(DEBOUNCE_MS);
  }

  /** Asks now. Never rejects. */
  refresh(): Promise<void> {
    this.asking ??= this.ask().finally(() => {
      this.asking = undefined;
    });
    return this.asking;
  }

  stop(): void {
    this.stopping.abort(new Error('discovery was stopped'));
    this.timer?.cancel();
  }

  private async ask(): Promise<void> {
    const { ask, log } = this.options;
    this.timer?.cancel();
    const wasKicked = this.kicked;
    this.kicked = false;
    try {
      const answer = await discover(ask, this.stopping.signal);
      if (this.stopping.signal.aborted) return;
      const isChanged = this.take(answer);
      const hasUnknown = answer.unknown.size > 0;
      this.failures = hasUnknown ? this.failures + 1 : 0;
      const pauses = [
        this.kicked ? DEBOUNCE_MS : undefined,
        hasUnknown ? pauseAfter(this.failures) : undefined,
        wasKicked || this.followUps > 0 ? this.followUpMs(isChanged) : undefined,
        this.missing.size > 0 ? CONFIRM_MS : undefined,
      ].filter((pauseMs) => pauseMs !== undefined);
      if (pauses.length > 0) this.schedule(Math.min(...pauses));
    } catch (error) {
      if (this.stopping.signal.aborted) return;
      log.debug('discovery did not answer', { error });
      this.kicked ||= wasKicked;
      this.schedule(pauseAfter(++this.failures));
    }
  }

  private followUpMs(isChanged: boolean): number | undefined {
    const pauseMs = isChanged ? undefined : FOLLOW_UP_MS[this.followUps++];
    if (pauseMs === undefined) this.followUps = 0;
    return pauseMs;
  }

  private schedule(delayMs: number): void {
    if (this.stopping.signal.aborted) return;
    this.timer?.cancel();
    this.timer = this.options.clock.setTimer(delayMs, () => void this.refresh());
  }

  /** @returns whether something is served now that was not, or the other way round. */
  private take({ groups, unknown }: DiscoveryAnswer): boolean {
    const before = this.groups;
    const now = new Map(groups);
    for (const apiVersion of unknown) {
      const last = before?.get(apiVersion);
      if (last !== undefined) now.set(apiVersion, last);
    }
    this.keepUnconfirmed(before, now);
    this.groups = now;
    const change = { appeared: without(now, before), gone: without(before, now) };
    const isChanged = change.appeared.length > 0 || change.gone.length > 0;
    if (isChanged) for (const listener of [...this.listeners]) listener(change);
    return isChanged;
  }

  /** A server that has just started may know of no definition yet. */
  private keepUnconfirmed(before: Groups | undefined, now: Map<string, readonly ServedKind[]>): void {
    const nowMs = this.options.clock.monotonicMs();
    const stillMissing = new Map<string, number>();
    for (const one of [...(before?.values() ?? [])].flat()) {
      if (now.get(one.apiVersion)?.some(({ kind }) => kind === one.kind)) continue;
      const id = `${one.apiVersion} ${one.kind}`;
      const sinceMs = this.missing.get(id) ?? nowMs;
      if (nowMs - sinceMs >= CONFIRM_MS) continue;
      stillMissing.set(id, sinceMs);
      now.set(one.apiVersion, [...(now.get(one.apiVersion) ?? []), one]);
    }
    this.missing = stillMissing;
  }
}

/** The kind as informers and the client want it. */
export function kindOf(served: ServedKind, trim?: (object: KubernetesObject) => KubernetesObject): Kind {
  const { apiVersion, kind, plural, scope } = served;
  return defineKind(apiVersion, kind, plural, { scope, ...(trim === undefined ? {} : { trim }) });
}

type Groups = ReadonlyMap<string, readonly ServedKind[]>;

function without(all: Groups | undefined, others: Groups | undefined): ServedKind[] {
  const isIn = (one: ServedKind): boolean =>
    others?.get(one.apiVersion)?.some(({ kind, scope }) => kind === one.kind && scope === one.scope) ?? false;
  return [...(all?.values() ?? [])].flat().filter((one) => !isIn(one));
}

function pauseAfter(failures: number): number {
  return RETRY_MS[Math.min(failures, RETRY_MS.length) - 1]!;
}
