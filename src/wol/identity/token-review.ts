/**
 * What the API server says of a token.
 *
 * Owns: reading its answer. Pure; never: trusts what a token says of itself, but for the time it ends, which the API server has vouched
 * for by accepting it.
 */

export type TokenReview =
  | {
      readonly kind: 'user';
      readonly username: string;
      /** Audiences of ours that the token is for. */
      readonly audiences: readonly string[];
      /** Node of the pod the token is bound to; `undefined` before Kubernetes 1.30 and for tokens without a pod. */
      readonly nodeName: string | undefined;
    }
  /** Nobody's: made up, expired, revoked, or for other audiences. */
  | { readonly kind: 'nobody' };

const NODE_NAME = 'authentication.kubernetes.io/node-name';

/** @param status of a TokenReview. @throws {TypeError} when it is none. */
export function tokenReviewOf(status: unknown): TokenReview {
  if (!isObject(status)) throw new TypeError('a TokenReview was answered without a status');
  const user = isObject(status['user']) ? status['user'] : {};
  const { username } = user;
  if (status['authenticated'] !== true || typeof username !== 'string' || username === '') return { kind: 'nobody' };
  const extra = isObject(user['extra']) ? user['extra'] : {};
  return { kind: 'user', username, audiences: texts(status['audiences']), nodeName: texts(extra[NODE_NAME])[0] };
}

/** @returns milliseconds since 1970; `undefined` when the token does not say. Only for tokens that were accepted. */
export function expiryOf(token: string): number | undefined {
  const seconds = claimsOf(token)['exp'];
  return typeof seconds === 'number' && Number.isFinite(seconds) ? seconds * 1_000 : undefined;
}

/** Whether a token that was refused says that it is for others: tells people why, proves nothing. */
export function isForOthers(token: string, audience: string): boolean {
  const { aud } = claimsOf(token);
  const audiences = typeof aud === 'string' ? [aud] : texts(aud);
  return audiences.length > 0 && !audiences.includes(audience);
}

/** Whether a token that was refused says that its time is over: tells people why, proves nothing. */
export function saysItHasExpired(token: string, nowMs: number): boolean {
  return (expiryOf(token) ?? Number.POSITIVE_INFINITY) <= nowMs;
}

/** What a token says, without any proof. */
function claimsOf(token: string): Readonly<Record<string, unknown>> {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return isObject(claims) ? claims : {};
  } catch {
    return {};
  }
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
