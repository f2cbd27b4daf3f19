/** A flag or environment variable has a value that cannot be used. The command line prints the one line and ends with exit code 2. */
import { OperatorError } from '../errors/operator-error';

export class UsageError extends OperatorError {
  /** @param message one line that names the flag, its value and what is allowed. */
  constructor(message: string) {
    super('USAGE', message);
  }
}
