/**
 * Who else writes the status of a Machine, and how slowly we answer then.
 *
 * Expected flow: `look` before a write -> it may be made now, or waits -> `wrote` after it.
 * Owns: counting changes of others, and the pace while they go on. Never: reads or writes the cluster itself, except to name the other one.
 * Invariant: after five changes by others within a minute at most one write a minute, until one has stood for a minute.
 * Caveats: in memory; a new leader counts anew. A write that only others' conditions differ in is no change of ours.
 */
import { CLOCK, type Clock, inject, type KubeClient, keyOf, type ObjectKey, singleton } from '../../framework';
import { Machine } from '../kinds';
import { CONDITION_TYPES } from '../status/conditions';
import { sha256 } from '../virtual-machine/names';

const CONTEST_CHANGES = 5;
const WINDOW_MS = 60_000;
/** While it goes on. */
const PACE_MS = 60_000;
/** Written by other parts of a pass, or no statement about the machine. */
const NOT_REPORTED: ReadonlySet<string> = new Set(['lastUpdated', 'observedGeneration', 'kubevirtConfigRef', 'conditions']);
const OWN_FIELDS: ReadonlySet<string> = new Set((Machine.ownStatus ?? []).filter((name) => !NOT_REPORTED.has(name)));
const OWN_CONDITIONS: ReadonlySet<string> = new Set(CONDITION_TYPES);

interface Watched {
  readonly uid: string | undefined;
  version: string;
  /** Of our fields at that version. */
  digest: string;
  changesMs: number[];
  /** Of the last write of ours; `undefined` = none in this life. */
  writtenMs: number | undefined;
  /** Somebody has changed something since. */
  isAnswered: boolean;
  isContested: boolean;
  isTold: boolean;
}

@singleton()
export class StatusContests {
  private readonly watched = new Map<ObjectKey, Watched>();

  constructor(@inject(CLOCK) private readonly clock: Clock) {}

  /** Takes note of a state of the Machine. @returns for how long its status must not be written; 0 = it may be now. */
  look(machine: Machine): number {
    const known = this.of(machine);
    if (known === undefined) return 0;
    const nowMs = this.clock.monotonicMs();
    this.count(known, machine, nowMs);
    if (!known.isContested) return 0;
    const leftMs = known.writtenMs === undefined ? 0 : known.writtenMs + PACE_MS - nowMs;
    if (leftMs > 0) return leftMs;
    if (known.isAnswered) return 0;
    Object.assign(known, { isContested: false, isTold: false, changesMs: [] });
    return 0;
  }

  /** @param before what the write was made from: the same version means that there was nothing to write. */
  wrote(before: Machine, now: Machine): void {
    const { uid, resourceVersion: version = '' } = now.metadata ?? {};
    const known = this.of(now) ?? { uid, changesMs: [], writtenMs: undefined, isAnswered: false, isContested: false, isTold: false };
    const isWritten = before.metadata?.resourceVersion !== version;
    const stamp = isWritten ? { writtenMs: this.clock.monotonicMs(), isAnswered: false } : {};
    this.watched.set(keyOf(now), { ...known, ...stamp, version, digest: digestOf(now) });
  }

  /**
   * Tells of a contest that has begun, once, and who it is with.
   *
   * @param tell what people read
   */
  async tellNew(machine: Machine, client: KubeClient, tell: (note: string) => void): Promise<void> {
    const known = this.of(machine);
    if (known === undefined || !known.isContested || known.isTold) return;
    const live = await client.find(Machine, keyOf(machine));
    if (live === undefined) return;
    known.isTold = true;
    const who = otherWriter(live, client.fieldManager) ?? `another process that calls itself ${client.fieldManager}`;
    tell(`${who} keeps changing the status of this Machine; until it stops, the status is written once a minute at most`);
  }

  /** The Machine is gone. */
  forget(machine: ObjectKey): void {
    this.watched.delete(machine);
  }

  private of(machine: Machine): Watched | undefined {
    const known = this.watched.get(keyOf(machine));
    return known?.uid === machine.metadata?.uid ? known : undefined;
  }

  private count(known: Watched, machine: Machine, nowMs: number): void {
    const version = machine.metadata?.resourceVersion ?? '';
    if (!isNewer(version, known.version)) return;
    const digest = digestOf(machine);
    const isChange = digest !== known.digest;
    Object.assign(known, { version, digest });
    if (!isChange) return;
    known.isAnswered = true;
    known.changesMs = [...known.changesMs, nowMs].filter((atMs) => nowMs - atMs < WINDOW_MS).slice(-CONTEST_CHANGES);
    if (known.changesMs.length >= CONTEST_CHANGES) known.isContested = true;
  }
}

/** API servers count in decimal; of versions that are no numbers any other one counts as newer. */
function isNewer(version: string, known: string): boolean {
  if (!/^\d+$/.test(version) || !/^\d+$/.test(known)) return version !== known;
  return BigInt(version) > BigInt(known);
}

function digestOf({ status = {} }: Machine): string {
  const fields = Object.entries(status).filter(([name]) => OWN_FIELDS.has(name));
  const conditions = (status.conditions ?? [])
    .filter(({ type = '' }) => OWN_CONDITIONS.has(type))
    .map(({ type, status: is, reason, message }) => [type, is, reason, message]);
  return sha256(JSON.stringify([fields.sort(([a], [b]) => (a < b ? -1 : 1)), conditions], sortedFields));
}

/** The order in which a server writes fields says nothing. */
function sortedFields(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

interface FieldsEntry {
  readonly manager?: string;
  readonly time?: string;
  readonly fieldsV1?: { readonly 'f:status'?: Readonly<Record<string, unknown>> };
}

/** The last one beside us that wrote a field of the status. */
function otherWriter({ metadata }: Machine, own: string): string | undefined {
  const entries = (metadata?.managedFields ?? []) as readonly FieldsEntry[];
  return entries
    .filter(({ manager, fieldsV1 }) => manager !== own && fieldsV1?.['f:status'] !== undefined)
    .sort((a, b) => ((a.time ?? '') < (b.time ?? '') ? 1 : -1))
    .map(({ manager }) => manager)
    .find((manager) => manager !== undefined && manager !== '');
}
