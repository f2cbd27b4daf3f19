/**
 * The SecureOn passwords of configs, as last read from their Secrets.
 *
 * Expected flow: config followed -> Secret read at once -> read again every 60 s -> config forgotten.
 * Guarantees: nothing is read on the wake path; a Secret that is missing, refused or malformed leaves no password behind; after
 * a change of the reference the former password counts no more; of readings that overlap the one that was begun last counts.
 * Assumptions: `read` selects one Secret by its name.
 * Caveats: a changed password takes effect within 60 s; while the API server does not answer, the last one read stays in force.
 * Errors: none; a problem is kept as one line without anything of the Secret's content.
 */
import { type Clock, isOperatorError, type Timer } from '../../framework';
import { PASSWORD_FORMS, parseSecureOnPassword } from '../protocol/secure-on';
import type { PasswordReference } from './effective-config';
import { PASSWORD_REREAD_MS, PASSWORD_RETRY_MS } from './limits';
import type { PasswordSource } from './wake-admission';

/** Reads the data of one Secret, values in base64; `undefined` when there is none. Rejects with an `ApiError` otherwise. */
export type ReadSecret = (namespace: string, name: string) => Promise<Readonly<Record<string, string>> | undefined>;

interface Entry {
  readonly reference: PasswordReference;
  password: Uint8Array | undefined;
  /** Empty while there is nothing to complain about. */
  problem: string;
  /** The first reading has ended, one way or the other. */
  tried: boolean;
  /** Readings so far, and the latest of them that has ended. */
  begun: number;
  ended: number;
}

export class SecureOnPasswords implements PasswordSource {
  /** By name of the config, and so bounded by what administrators create. */
  private readonly entries = new Map<string, Entry>();
  private readonly listeners = new Set<(config: string) => void>();
  private timer: Timer | undefined;
  /** When `timer` ends, on the monotonic clock; the earliest look that any of them needs. */
  private dueMs = 0;
  private closed = false;

  /** @param defaultNamespace where a Secret is when the reference names no namespace. */
  constructor(
    private readonly read: ReadSecret,
    private readonly defaultNamespace: string,
    private readonly clock: Clock,
  ) {}

  passwordOf(config: string): Uint8Array | undefined {
    return this.entries.get(config)?.password;
  }

  /** Why a config has no password, in one line; `undefined` when it has one, needs none, or is being read for the first time. */
  problemOf(config: string): string | undefined {
    return this.entries.get(config)?.problem || undefined;
  }

  /** Every Secret that is followed was asked for at least once. */
  get settled(): boolean {
    return [...this.entries.values()].every(({ tried }) => tried);
  }

  /** Told of each config whose password, or problem with it, is another one. */
  onChange(listener: (config: string) => void): void {
    this.listeners.add(listener);
  }

  /**
   * Follows the Secret of a config from now on; `undefined` = it needs no password. A Secret that has a problem is read again with
   * each call, so that whoever has mended it need not wait.
   */
  follow(config: string, reference: PasswordReference | undefined): void {
    const known = this.entries.get(config);
    if (reference === undefined || this.closed) {
      this.entries.delete(config);
      return;
    }
    const isSame = known !== undefined && sameReference(known.reference, reference);
    if (isSame && known.problem === '') return;
    const entry: Entry = isSame ? known : { reference, password: undefined, problem: '', tried: false, begun: 0, ended: 0 };
    this.entries.set(config, entry);
    void this.refresh(config, entry).then((delayMs) => this.schedule(delayMs));
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
    this.entries.clear();
  }

  private schedule(delayMs: number): void {
    if (this.closed || this.entries.size === 0) return;
    const dueMs = this.clock.monotonicMs() + delayMs;
    if (this.timer !== undefined && this.dueMs <= dueMs) return;
    this.timer?.cancel();
    this.dueMs = dueMs;
    this.timer = this.clock.setTimer(delayMs, () => {
      this.timer = undefined;
      void this.round();
    });
  }

  private async round(): Promise<void> {
    const delays = await Promise.all([...this.entries].map(([config, entry]) => this.refresh(config, entry)));
    this.schedule(Math.min(PASSWORD_REREAD_MS, ...delays));
  }

  /** @returns milliseconds until the next look. */
  private async refresh(config: string, entry: Entry): Promise<number> {
    const { namespace = this.defaultNamespace, name } = entry.reference;
    const turn = ++entry.begun;
    let delayMs = PASSWORD_REREAD_MS;
    let found: Partial<Pick<Entry, 'password' | 'problem'>> = {};
    try {
      found = passwordIn(await this.read(namespace, name), entry.reference, `${namespace}/${name}`);
    } catch (error) {
      const refusal = refusalText(error, `${namespace}/${name}`);
      if (refusal !== undefined) found = { password: undefined, problem: refusal };
      else if (entry.password === undefined && entry.problem === '')
        found = { problem: `Secret ${namespace}/${name} cannot be read at the moment` };
      delayMs = refusal === undefined ? PASSWORD_RETRY_MS : PASSWORD_REREAD_MS;
    }
    if (turn < entry.ended) return delayMs;
    const before = { password: entry.password, problem: entry.problem, tried: entry.tried };
    Object.assign(entry, found, { tried: true, ended: turn });
    if (this.entries.get(config) === entry && isNews(before, entry)) for (const listener of [...this.listeners]) listener(config);
    return delayMs;
  }
}

function passwordIn(
  data: Readonly<Record<string, string>> | undefined,
  { key }: PasswordReference,
  secret: string,
): Pick<Entry, 'password' | 'problem'> {
  if (data === undefined) return { password: undefined, problem: `Secret ${secret} does not exist` };
  const value = Object.hasOwn(data, key) ? data[key] : undefined;
  if (value === undefined) return { password: undefined, problem: `Secret ${secret} has no key "${key}"` };
  const password = parseSecureOnPassword(Buffer.from(value, 'base64'));
  if (password !== undefined) return { password, problem: '' };
  return { password, problem: `key "${key}" of Secret ${secret} holds no SecureOn password; allowed: ${PASSWORD_FORMS}` };
}

/** What the API server refuses for good; `undefined` for what may pass by itself. */
function refusalText(error: unknown, secret: string): string | undefined {
  if (!isOperatorError(error) || !('status' in error) || typeof error.status !== 'number') return undefined;
  const { status } = error;
  if (status === 403) return `Secret ${secret} may not be read: the manager's account lacks the right to get it`;
  return status >= 400 && status < 500 && status !== 401 && status !== 408 && status !== 429
    ? `Secret ${secret} cannot be read: status ${status}`
    : undefined;
}

function isNews(before: Pick<Entry, 'password' | 'problem' | 'tried'>, after: Entry): boolean {
  if (before.problem !== after.problem || !before.tried) return true;
  const [old, now] = [before.password, after.password];
  return old === undefined || now === undefined ? old !== now : Buffer.compare(old, now) !== 0;
}

function sameReference(a: PasswordReference, b: PasswordReference): boolean {
  return a.namespace === b.namespace && a.name === b.name && a.key === b.key;
}
