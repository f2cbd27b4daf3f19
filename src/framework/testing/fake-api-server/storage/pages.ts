/**
 * Lists in pages.
 *
 * Owns: continue tokens, consistent pages of one version, and their expiry. Never: selects or shapes objects.
 * Tokens have the form of the real server: base64url of `{"v":"meta.k8s.io/v1","rv":<version>,"start":"<key>\0"}`.
 */
import type { Clock } from '../../../time/clock';
import { isObject } from '../json';
import { badRequest, expired, tooLargeVersion } from '../status-error';
import type { ObjectStore, StoredObject } from './object-store';

export interface PageRequest {
  /** 0 = everything. */
  limit: number;
  continueToken: string;
  resourceVersion: string;
  resourceVersionMatch: string;
  /** Key prefix: `namespace/`, or empty. */
  prefix: string;
  matches: (stored: StoredObject) => boolean;
  /** No selector was given, so that what remains can be counted. */
  isUnfiltered: boolean;
}

export interface Page {
  items: readonly StoredObject[];
  version: number;
  continueToken: string;
  remaining: number | undefined;
}

/** How long a version stays readable by continue tokens, in milliseconds: the compaction interval of kube-apiserver. */
export const TOKEN_LIFETIME_MS = 300_000;

/** Versions kept readable at once; the oldest goes first. */
const SNAPSHOT_LIMIT = 64;

const TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

interface Snapshot {
  items: readonly StoredObject[];
  takenAtMs: number;
}

interface Token {
  version: number;
  /** The first key of the page is above this one. */
  after: string;
}

function encodeToken(version: number, after: string): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: version, start: `${after}\0` })).toString('base64url');
}

function decodeToken(text: string): Token {
  let token: unknown;
  try {
    token = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch (error) {
    throw badRequest(`continue key is not valid: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(token) || token['v'] !== 'meta.k8s.io/v1')
    throw badRequest('continue key is not valid: server does not recognize this encoded version');
  return { version: Number(token['rv']), after: String(token['start']).replace(/\0$/, '') };
}

export class Pager {
  private readonly snapshots = new Map<string, Snapshot>();

  constructor(
    private readonly store: ObjectStore,
    private readonly clock: Clock,
  ) {}

  /** Makes every continue token out there too old. */
  expireTokens(): void {
    this.snapshots.clear();
  }

  /** @throws {StatusError} 400 for a bad token, 410 for an old one, 504 for a version of the future. */
  page(id: string, request: PageRequest): Page {
    if (request.continueToken === '') return this.cut(id, this.firstItems(id, request), request);
    const token = decodeToken(request.continueToken);
    const version = token.version < 0 ? this.store.currentVersion : token.version;
    const items = token.version < 0 ? this.store.list(id) : this.remembered(id, version);
    if (items === undefined) throw expired(TOO_OLD, { continue: encodeToken(-1, token.after) });
    return this.cut(id, { items, version }, request, token.after);
  }

  /** The answer for a token that counts as expired although it is not: what the fault does. */
  expiredAnswer(continueToken: string): Error {
    return expired(TOO_OLD, { continue: encodeToken(-1, decodeToken(continueToken).after) });
  }

  private firstItems(
    id: string,
    { resourceVersion, resourceVersionMatch }: PageRequest,
  ): { items: readonly StoredObject[]; version: number } {
    const wanted = Number(resourceVersion === '' ? 0 : resourceVersion);
    const current = this.store.currentVersion;
    if (wanted > current) throw tooLargeVersion(wanted, current);
    if (resourceVersionMatch !== 'Exact' || wanted === 0) return { items: this.store.list(id), version: current };
    const items = this.store.listAt(id, wanted);
    if (items === undefined) throw expired(`The resourceVersion for the provided list is too old.`);
    return { items, version: wanted };
  }

  private remembered(id: string, version: number): readonly StoredObject[] | undefined {
    const snapshot = this.snapshots.get(`${id}@${version}`);
    if (snapshot === undefined) return undefined;
    const isCurrent = snapshot.items === this.store.list(id);
    return isCurrent || this.clock.monotonicMs() - snapshot.takenAtMs <= TOKEN_LIFETIME_MS ? snapshot.items : undefined;
  }

  private cut(id: string, from: { items: readonly StoredObject[]; version: number }, request: PageRequest, after = ''): Page {
    const { items, version } = from;
    const { limit, prefix, matches } = request;
    const chosen: StoredObject[] = [];
    let i = firstAbove(items, after === '' ? '' : `${prefix}${after}`);
    let hasMore = false;
    for (; i < items.length; i++) {
      const item = items[i]!;
      if (!item.key.startsWith(prefix) || !matches(item)) continue;
      if (limit > 0 && chosen.length === limit) {
        hasMore = true;
        break;
      }
      chosen.push(item);
    }
    if (!hasMore) return { items: chosen, version, continueToken: '', remaining: undefined };
    this.remember(id, version, items);
    const remaining = request.isUnfiltered ? countFrom(items, i, prefix) : undefined;
    return { items: chosen, version, continueToken: encodeToken(version, chosen[chosen.length - 1]!.key.slice(prefix.length)), remaining };
  }

  private remember(id: string, version: number, items: readonly StoredObject[]): void {
    const key = `${id}@${version}`;
    const takenAtMs = this.snapshots.get(key)?.takenAtMs ?? this.clock.monotonicMs();
    this.snapshots.delete(key);
    this.snapshots.set(key, { items, takenAtMs });
    for (const oldest of this.snapshots.keys()) {
      if (this.snapshots.size <= SNAPSHOT_LIMIT) return;
      this.snapshots.delete(oldest);
    }
  }
}

function firstAbove(items: readonly StoredObject[], key: string): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (items[middle]!.key <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function countFrom(items: readonly StoredObject[], start: number, prefix: string): number {
  if (prefix === '') return items.length - start;
  let count = 0;
  for (let i = start; i < items.length; i++) if (items[i]!.key.startsWith(prefix)) count++;
  return count;
}
