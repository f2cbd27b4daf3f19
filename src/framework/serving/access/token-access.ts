/**
 * Asks the API server whether the bearer of a token may read a path.
 *
 * Expected flow: token -> (remembered answer) -> TokenReview -> SubjectAccessReview -> answer, remembered.
 * Guarantees: nobody is let in without the API server's word; one token is asked about once at a time, however many requests carry it;
 * a bounded number of questions is under way; no token is kept or logged.
 * Assumptions: the process may create both reviews.
 * Caveats: a right that was taken away lasts until the remembered answer is over.
 * Errors: AccessUnknownError when the API server does not answer or too many questions are under way.
 */
import type { KubeClient } from '../../client';
import { OperatorError } from '../../errors/operator-error';
import type { Logger } from '../../logging/logger';
import type { Clock } from '../../time/clock';
import { type Access, AccessCache, type AccessCacheOptions } from './access-cache';

/** It could not be found out whether a token is allowed; the request has to be refused for now. */
export class AccessUnknownError extends OperatorError {
  constructor(message: string, cause?: unknown) {
    super('ACCESS_UNKNOWN', message, { cause });
  }
}

export interface TokenAccessOptions {
  readonly client: Pick<KubeClient, 'raw'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Path that is asked for, for example `/metrics`. */
  readonly path: string;
  readonly cache?: AccessCacheOptions;
}

interface User {
  readonly username: string;
  readonly uid?: unknown;
  readonly groups?: unknown;
  readonly extra?: unknown;
}

/** Distinct tokens that are asked about at a time. A scraper or two need one each. */
const MAX_QUESTIONS = 8;
/** Scrapes time out after ten seconds by default; an answer that comes later helps nobody. */
const REVIEW_TIMEOUT_MS = 5_000;

export class TokenAccess {
  private readonly cache: AccessCache;
  private readonly asking = new Map<string, Promise<Access>>();
  private isFailing = false;

  constructor(private readonly options: TokenAccessOptions) {
    this.cache = new AccessCache(options.clock, options.cache);
  }

  /** @throws {AccessUnknownError} */
  check(token: string): Promise<Access> {
    const key = this.cache.keyOf(token);
    const known = this.cache.get(key);
    if (known !== undefined) return Promise.resolve(known);
    const asked = this.asking.get(key);
    if (asked !== undefined) return asked;
    if (this.asking.size >= MAX_QUESTIONS) return Promise.reject(new AccessUnknownError('too many tokens are being checked'));
    const answer = this.ask(token)
      .then((access) => {
        this.cache.put(key, access);
        return access;
      })
      .finally(() => this.asking.delete(key));
    this.asking.set(key, answer);
    return answer;
  }

  private async ask(token: string): Promise<Access> {
    try {
      const user = await this.review(token);
      const access = user === undefined ? 'unauthenticated' : (await this.mayGet(user)) ? 'allowed' : 'forbidden';
      this.tell(undefined);
      return access;
    } catch (cause) {
      this.tell(cause);
      throw new AccessUnknownError('the API server could not be asked who the caller is', cause);
    }
  }

  /** Who the bearer is; `undefined` = the token is nobody's. */
  private async review(token: string): Promise<User | undefined> {
    const status = await this.create('/apis/authentication.k8s.io/v1/tokenreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token },
    });
    const user = status['user'] as Partial<User> | undefined;
    if (status['authenticated'] !== true || typeof user?.username !== 'string' || user.username === '') return undefined;
    return { ...user, username: user.username };
  }

  private async mayGet({ username, uid, groups, extra }: User): Promise<boolean> {
    const status = await this.create('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user: username, uid, groups, extra, nonResourceAttributes: { path: this.options.path, verb: 'get' } },
    });
    return status['allowed'] === true && status['denied'] !== true;
  }

  private async create(path: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.options.client.raw({ method: 'POST', path, body, totalTimeoutMs: REVIEW_TIMEOUT_MS });
    const { status } = (answer.body ?? {}) as { status?: unknown };
    if (typeof status !== 'object' || status === null) throw new TypeError(`POST ${path} was answered without a status`);
    return status as Record<string, unknown>;
  }

  /** One line when it begins and one when it is over. */
  private tell(failure: unknown): void {
    const { log, path } = this.options;
    if (failure !== undefined && !this.isFailing) log.warn('callers cannot be checked and are refused', { path, error: failure });
    if (failure === undefined && this.isFailing) log.info('callers can be checked again', { path });
    this.isFailing = failure !== undefined;
  }
}
