/** How to tell whether an object is the one meant, and whether it is ours. */
import { ApiError, NotFoundError } from '../errors/api-error';

/** Label that says who looks after an object. */
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';

/** An error that says that the object of that UID is not there: gone, or another one has its name. */
export function isAnotherObject(error: unknown): boolean {
  if (error instanceof NotFoundError) return true;
  if (!(error instanceof ApiError) || (error.status !== 409 && error.status !== 422)) return false;
  return /\buid\b/i.test(error.message) && /precondition|mismatch|immutable/i.test(error.message);
}
