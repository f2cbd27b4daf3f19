/** The outcome of one check, as people and programs read it. */
import type { Reading } from './reading';

export type Outcome = 'ok' | 'warn' | 'fail';

export interface Finding {
  /** Of which kind of check; scripts match it. */
  readonly check: string;
  readonly outcome: Outcome;
  /** What was found, in one line without secrets. */
  readonly found: string;
  /** What to do; absent when there is nothing to do. */
  readonly remedy?: string;
}

export function ok(check: string, found: string): Finding {
  return { check, outcome: 'ok', found };
}

export function warn(check: string, found: string, remedy?: string): Finding {
  return { check, outcome: 'warn', found, ...(remedy === undefined ? {} : { remedy }) };
}

export function fail(check: string, found: string, remedy: string): Finding {
  return { check, outcome: 'fail', found, remedy };
}

/** A check that could not be made is no failure of the cluster: the missing right is named. */
export function unchecked(check: string, what: string, result: Reading<unknown>): Finding {
  if (result.kind === 'denied')
    return warn(check, `${what}: not checked, you may not ${result.right}`, `ask for the right to ${result.right}`);
  return warn(check, `${what}: not checked, ${result.kind === 'failed' ? result.text : 'there is nothing to read'}`, 'try again');
}
