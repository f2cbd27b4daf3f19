/** What is wrong with an expression of the catalog: told when it is compiled, or when it is evaluated. */
import { OperatorError } from '../../framework';

/** The expression can never be evaluated. The message says why, in one line. */
export class ExpressionSyntaxError extends OperatorError {
  constructor(
    readonly source: string,
    why: string,
  ) {
    super('EXPRESSION_SYNTAX', `expression ${excerptOf(source)}: ${why}`);
  }
}

export type ExpressionFailure = 'RenderFailed' | 'InvalidOption';

export interface ExpressionErrorOptions {
  /** @default RenderFailed */
  reason?: ExpressionFailure;
  /** The same expression may give a value later, although nothing that it reads has changed. @default false */
  isTransient?: boolean;
  cause?: unknown;
}

/** The expression gave no value this time. */
export class ExpressionError extends OperatorError {
  readonly isTransient: boolean;
  declare readonly reason: ExpressionFailure;

  constructor(message: string, { reason = 'RenderFailed', isTransient = false, cause }: ExpressionErrorOptions = {}) {
    super('EXPRESSION', message, { reason, cause });
    this.isTransient = isTransient;
  }
}

const MAX_EXCERPT_CHARS = 80;

/** Enough of an expression to find it, on one line. */
export function excerptOf(source: string): string {
  const line = source.trim().replace(/\s+/g, ' ');
  return JSON.stringify(line.length > MAX_EXCERPT_CHARS ? `${line.slice(0, MAX_EXCERPT_CHARS - 3)}...` : line);
}
