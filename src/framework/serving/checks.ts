/**
 * Named health checks and how they are put into words.
 *
 * Owns: the text formats that kubelet and people read. Never: calls the API server; every check answers from memory.
 * Invariant: a report is there within a second, also when a check hangs.
 */
import type { Clock } from '../time/clock';

/** `waiting` is shown but fails nothing: an optional kind that is absent, a short outage. */
export type CheckState = 'ok' | 'failed' | 'waiting';

export interface CheckResult {
  readonly state: CheckState;
  /** Why; shown in verbose output only. No secrets. */
  readonly detail: string;
}

export interface HealthCheck {
  readonly name: string;
  run(): CheckResult | Promise<CheckResult>;
}

export interface HealthReport {
  readonly healthy: boolean;
  readonly text: string;
}

/** Probes give up after one second by default; the answer has to travel as well. */
const CHECK_LIMIT_MS = 900;
const MARKS: Readonly<Record<CheckState, string>> = { ok: '[+]', failed: '[-]', waiting: '[~]' };

/** A check that throws has failed with its message; one that does not answer in time has failed, too. */
export function runCheck(check: HealthCheck, clock: Clock): Promise<CheckResult> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(CHECK_LIMIT_MS, () => resolve({ state: 'failed', detail: `no answer within ${CHECK_LIMIT_MS} ms` }));
    Promise.resolve()
      .then(() => check.run())
      .catch((error: unknown): CheckResult => ({ state: 'failed', detail: error instanceof Error ? error.message : String(error) }))
      .then(resolve)
      .finally(() => timer.cancel());
  });
}

/** @param endpoint name of the whole, for example `readyz`. */
export async function reportHealth(
  endpoint: string,
  checks: readonly HealthCheck[],
  verbose: boolean,
  clock: Clock,
): Promise<HealthReport> {
  const results = await Promise.all(checks.map(async (check) => ({ name: check.name, ...(await runCheck(check, clock)) })));
  const healthy = results.every(({ state }) => state !== 'failed');
  if (healthy && !verbose) return { healthy, text: 'ok' };
  const lines = results.map(({ name, state, detail }) => {
    const told = verbose && detail !== '' ? `: ${detail}` : '';
    return `${MARKS[state]}${name} ${state}${told}`;
  });
  return { healthy, text: [...lines, `${endpoint} check ${healthy ? 'passed' : 'failed'}`].join('\n') };
}
