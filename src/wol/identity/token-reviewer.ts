/**
 * Asks the API server who a token belongs to.
 *
 * Expected flow: token -> (remembered answer) -> (turn) -> TokenReview -> answer, remembered.
 * Guarantees: nobody is known without the API server's word; one token is asked about once at a time, however many calls carry it; at
 * most MAX_REVIEWS questions are under way; no token is kept longer than its question, or logged.
 * Assumptions: the process may create TokenReviews.
 * Caveats: a token that was revoked is accepted until the remembered answer is over.
 * Errors: IdentityUnknownError when the API server does not answer or too many callers wait.
 */
import { type Clock, type KubeClient, type Logger, OperatorError } from '../../framework';
import { TOKEN_AUDIENCE } from '../protocol/identity';
import { MAX_REVIEWS, MAX_TOKEN_BYTES, MAX_WAITING_REVIEWS, REVIEW_TIMEOUT_MS } from './limits';
import { ReviewMemory } from './review-memory';
import { type TokenReview, tokenReviewOf } from './token-review';

/** It could not be found out who a caller is: the call may be repeated. */
export class IdentityUnknownError extends OperatorError {
  constructor(message: string, cause?: unknown) {
    super('IDENTITY_UNKNOWN', message, { cause });
  }
}

export interface TokenReviewerOptions {
  readonly client: Pick<KubeClient, 'raw'>;
  readonly clock: Clock;
  readonly log: Logger;
}

const PATH = '/apis/authentication.k8s.io/v1/tokenreviews';

export class TokenReviewer {
  private readonly memory: ReviewMemory;
  private readonly asking = new Map<string, Promise<TokenReview>>();
  private running = 0;
  /** Oldest first. */
  private readonly waiting: (() => void)[] = [];
  private isFailing = false;

  constructor(private readonly options: TokenReviewerOptions) {
    this.memory = new ReviewMemory(options.clock);
  }

  /** @throws {IdentityUnknownError} */
  async review(token: string): Promise<TokenReview> {
    if (token.length > MAX_TOKEN_BYTES) return { kind: 'nobody' };
    const key = this.memory.keyOf(token);
    const known = this.memory.get(key) ?? this.asking.get(key);
    if (known !== undefined) return known;
    if (this.waiting.length >= MAX_WAITING_REVIEWS) throw new IdentityUnknownError('too many tokens are being reviewed');
    const answer = this.inTurn(() => this.ask(token))
      .then((review) => {
        this.memory.put(key, review);
        return review;
      })
      .finally(() => this.asking.delete(key));
    this.asking.set(key, answer);
    return answer;
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= MAX_REVIEWS) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.running++;
    try {
      return await work();
    } finally {
      // A turn is handed on, not given back, so that nobody can slip in between.
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next();
    }
  }

  private async ask(token: string): Promise<TokenReview> {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences: [TOKEN_AUDIENCE] } };
    try {
      const answer = await this.options.client.raw({ method: 'POST', path: PATH, body, totalTimeoutMs: REVIEW_TIMEOUT_MS });
      const review = tokenReviewOf((answer.body as { status?: unknown } | undefined)?.status);
      this.tell(undefined);
      return review;
    } catch (cause) {
      this.tell(cause);
      throw new IdentityUnknownError('the API server could not be asked who the caller is', cause);
    }
  }

  /** One line when it begins and one when it is over. */
  private tell(failure: unknown): void {
    const { log } = this.options;
    if (failure !== undefined && !this.isFailing) log.warn('agents cannot be identified and have to wait', { error: failure });
    if (failure === undefined && this.isFailing) log.info('agents can be identified again');
    this.isFailing = failure !== undefined;
  }
}
