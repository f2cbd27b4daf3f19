/**
 * `virt-steward doctor --install`: whether an installation works, as its own pod sees it.
 *
 * Expected flow: all checks -> something fails -> all checks again, for up to a minute -> printed once.
 * Guarantees: reads only; ends within the time of one round after the minute.
 */
import { type Clock, isOperatorError, sleep } from '../../framework';
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import { type Finding, fail, unchecked, warn } from '../../kubevirt/diagnosis/finding';
import { jsonReport, reportOf, textReport } from '../../kubevirt/diagnosis/report';
import { agentChecks } from './agent-checks';
import type { InstallCheck, InstallContext } from './context';
import { definitionChecks } from './definition-checks';
import { leaderChecks, moduleChecks, replicaChecks } from './deployment-checks';
import { readInstallation, wantedReplicas } from './installation';
import { grpcChecks, metricsChecks } from './serving-checks';

/** What others depend on comes first: the first that fails is the one to begin with. */
const CHECKS: readonly InstallCheck[] = [
  ...[definitionChecks, replicaChecks, leaderChecks, moduleChecks],
  ...[grpcChecks, metricsChecks, agentChecks],
];
/** Those that say something where no manager is asked for. */
const WITHOUT_MANAGERS: readonly InstallCheck[] = [definitionChecks, replicaChecks];
/** What was just installed needs some time. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 2_000;

export interface InstallCheckOptions extends Pick<InstallContext, 'namespace' | 'probes' | 'token' | 'definition'> {
  /** Name of the manager's Deployment. */
  readonly deployment: string;
  readonly output: 'text' | 'json';
  readonly clock: Clock;
  /** A new one a round, since each remembers what it has read. */
  view(): ClusterView;
  print(line: string): void;
}

/** @returns exit code: 0 nothing failed, 1 something did. */
export async function checkInstallation(options: InstallCheckOptions): Promise<number> {
  const { clock, output, print } = options;
  const deadlineMs = clock.monotonicMs() + PATIENCE_MS;
  let look = await findingsOf(options);
  while (look.mayChange && reportOf(look.findings).firstFailure !== undefined && clock.monotonicMs() < deadlineMs) {
    await sleep(clock, LOOK_MS);
    look = await findingsOf(options);
  }
  const report = reportOf(look.findings);
  if (output === 'json') print(jsonReport(report));
  else for (const line of textReport(report)) print(line.replace(/^fail/, 'FAIL'));
  return report.firstFailure === undefined ? 0 : 1;
}

interface Look {
  readonly findings: readonly Finding[];
  /** Whether it is worth to look again. */
  readonly mayChange: boolean;
}

async function findingsOf({ deployment, namespace, view: newView, clock, ...rest }: InstallCheckOptions): Promise<Look> {
  const view = newView();
  const installation = await readInstallation(view, deployment, namespace);
  const what = `Deployment ${namespace}/${deployment}`;
  if (installation.kind === 'absent')
    return changing([fail('deployment', `there is no ${what}`, '--deployment and --operator-namespace say where it is')]);
  if (installation.kind !== 'read') return changing([unchecked('deployment', what, installation)]);
  const context: InstallContext = { ...rest, view, namespace, installation: installation.value, nowMs: clock.now() };
  const findingsOfAll = async (checks: readonly InstallCheck[]): Promise<Finding[]> =>
    (await Promise.all(checks.map((check) => check(context)))).flat();
  try {
    if (wantedReplicas(installation.value.deployment) > 0) return changing(await findingsOfAll(CHECKS));
    const rest = warn('others', 'leader, modules, gRPC, metrics and agents: not checked, since no manager is asked for');
    return { findings: [...(await findingsOfAll(WITHOUT_MANAGERS)), rest], mayChange: false };
  } catch (error) {
    // Flags of the Deployment that no manager takes.
    if (!isOperatorError(error, 'USAGE')) throw error;
    return changing([fail('deployment', error.message, `kubectl -n ${namespace} edit deployment ${deployment}`)]);
  }
}

function changing(findings: readonly Finding[]): Look {
  return { findings, mayChange: true };
}
