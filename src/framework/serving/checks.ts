/**
 * Named health checks and how they are put into words.
 *
 * Owns: the text formats that kubelet and people read. Never: calls the API server; every check answers from memory.
 */

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

const MARKS: Readonly<Record<CheckState, string>> = { ok: '[+]', failed: '[-]', waiting: '[~]' };

/** A check that throws has failed with its message. */
export async function runCheck(check: HealthCheck): Promise<CheckResult> {
  try {
    return await check.run();
  } catch (error) {
    return { state: 'failed', detail: error instanceof Error ? error.message : String(error) };
  }
}

/** @param endpoint name of the whole, for example `readyz`. */
export async function reportHealth(endpoint: string, checks: readonly HealthCheck[], verbose: boolean): Promise<HealthReport> {
  const results = await Promise.all(checks.map(async (check) => ({ name: check.name, ...(await runCheck(check)) })));
  const healthy = results.every(({ state }) => state !== 'failed');
  if (healthy && !verbose) return { healthy, text: 'ok' };
  const lines = results.map(({ name, state, detail }) => {
    const told = verbose ? `: ${detail}` : '';
    return `${MARKS[state]}${name} ${state}${detail === '' ? '' : told}`;
  });
  return { healthy, text: [...lines, `${endpoint} check ${healthy ? 'passed' : 'failed'}`].join('\n') };
}
