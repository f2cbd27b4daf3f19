/** Everything that is wrong with handlers and options at start, reported together before anything is contacted. */
import { OperatorError } from './operator-error';

export interface ConfigProblem {
  /** Stable code, for example `HANDLER_ID_CLASH`; the list is in docs/reference. */
  readonly code: string;
  readonly text: string;
}

export class ConfigError extends OperatorError {
  constructor(readonly problems: readonly ConfigProblem[]) {
    super('CONFIG', problems.map(({ code, text }) => `${code}: ${text}`).join('\n'));
  }
}
