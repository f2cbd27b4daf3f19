/**
 * Remembers which desired state an object is known to hold, so that a steady cluster costs no request.
 *
 * Owns: a bounded memory and the hash of a desired state. Invariant: at most 50 000 entries; forgetting one costs one dry run.
 */
import { createHash } from 'node:crypto';
import type { KubernetesObject } from '../kinds/object';

const MAX_ENTRIES = 50_000;

interface Entry {
  readonly hash: string;
  readonly uid: string | undefined;
  readonly version: string | undefined;
}

export class ApplyMemo {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly maxEntries: number = MAX_ENTRIES) {}

  holds(place: string, hash: string, live: KubernetesObject): boolean {
    const entry = this.entries.get(place);
    if (entry === undefined || entry.hash !== hash) return false;
    this.entries.delete(place);
    this.entries.set(place, entry);
    return entry.uid === live.metadata?.uid && entry.version === versionOf(live);
  }

  remember(place: string, hash: string, live: KubernetesObject): void {
    this.entries.delete(place);
    this.entries.set(place, { hash, uid: live.metadata?.uid, version: versionOf(live) });
    if (this.entries.size > this.maxEntries) this.entries.delete(this.entries.keys().next().value!);
  }

  get size(): number {
    return this.entries.size;
  }
}

/** What moves when somebody changes the spec: the generation, or the resourceVersion of kinds that keep none. */
function versionOf({ metadata }: KubernetesObject): string | undefined {
  return metadata?.generation === undefined ? metadata?.resourceVersion : `generation ${metadata.generation}`;
}

/** Equal for equal content, whatever the order of fields. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(stable(value)).digest('base64');
}

function stable(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stable).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, inner]) => `${JSON.stringify(name)}:${stable(inner)}`).join(',')}}`;
}
