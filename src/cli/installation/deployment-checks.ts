/** Whether managers run as the Deployment wants them, one of them leads, and what their modules wait for. */
import { Lease } from '../../framework';
import { type Finding, fail, ok, unchecked, warn } from '../../kubevirt/diagnosis/finding';
import { MANAGER_LEASE } from '../lease-name';
import { parseModules } from '../module-names';
import { type InstallCheck, type InstallContext, OUTSIDE } from './context';
import { wantedReplicas } from './installation';
import { troubles } from './pod-trouble';
import { portOf } from './ports';

/** Of what a manager says of itself in one line. */
const MAX_TOLD_CHARS = 400;

export const replicaChecks: InstallCheck = async ({ installation, namespace }) => {
  const check = 'deployment';
  const { deployment } = installation;
  const { name = '', generation = 0 } = deployment.metadata ?? {};
  const wanted = wantedReplicas(deployment);
  if (wanted === 0) {
    const remedy = `kubectl -n ${namespace} scale deployment ${name} --replicas=2, or set manager.replicas`;
    return [fail(check, `Deployment ${namespace}/${name} is scaled to 0: no manager runs, and nothing is looked after`, remedy)];
  }
  const { availableReplicas = 0, updatedReplicas = 0, observedGeneration = 0 } = deployment.status ?? {};
  const found = `${availableReplicas} of ${wanted} replicas of Deployment ${namespace}/${name} are available`;
  const isCurrent = updatedReplicas >= wanted && observedGeneration >= generation;
  if (availableReplicas >= wanted && isCurrent) return [ok(check, found)];
  const facts = [isCurrent ? found : `${found}, ${updatedReplicas} of ${wanted} are what it says now`, ...troubles(installation)];
  return [fail(check, facts.join('; '), `kubectl -n ${namespace} describe pods -l app.kubernetes.io/component=manager`)];
};

export const leaderChecks: InstallCheck = async ({ view, installation, namespace, nowMs }) => {
  const check = 'leader';
  if (!installation.settings.boolean('leaderElect')) {
    const wanted = wantedReplicas(installation.deployment);
    if (wanted > 1) return [fail(check, `${wanted} replicas without --leader-elect all reconcile`, 'set --leader-elect')];
    return [ok(check, 'one replica, which needs no election')];
  }
  const lease = await view.get(Lease, MANAGER_LEASE, namespace);
  const remedy = 'see the logs of the managers; virt-steward doctor looks at their rights, to the Lease too';
  if (lease.kind === 'absent') return [fail(check, `nobody leads: there is no Lease ${MANAGER_LEASE}`, remedy)];
  if (lease.kind !== 'read') return [unchecked(check, `Lease ${MANAGER_LEASE}`, lease)];
  const { holderIdentity = '', renewTime = '', leaseDurationSeconds = 0 } = lease.value.spec ?? {};
  const holder = holderIdentity.split('_')[0] ?? '';
  if (holder === '') return [fail(check, 'nobody leads', remedy)];
  const ageMs = nowMs - Date.parse(renewTime);
  if (!(ageMs < 2 * leaseDurationSeconds * 1_000)) return [fail(check, `nobody leads: ${holder} last did so at ${renewTime}`, remedy)];
  if (installation.readyPods.some(({ metadata }) => metadata?.name === holder)) return [ok(check, `${holder} leads`)];
  if (installation.pods.some(({ metadata }) => metadata?.name === holder))
    return [fail(check, `${holder} leads, and is not ready`, 'see the checks "deployment" and "modules"')];
  return [fail(check, `${holder} leads, which is no pod of the Deployment`, 'wait, or stop the other manager')];
};

/** What each manager says of itself: its modules run, or wait for a definition. */
export const moduleChecks: InstallCheck = async (context) => {
  const { installation, token } = context;
  const check = 'modules';
  const names = parseModules('--modules', installation.settings.text('modules')).join(', ');
  const port = portOf(installation.settings, 'healthProbeBindAddress');
  if (token === undefined || port === undefined) return [warn(check, `${names}: ${port === undefined ? 'health is off' : OUTSIDE}`)];
  // One that is not ready answers too, and says why.
  const running = installation.pods.filter(({ status }) => status?.podIP !== undefined && status.podIP !== '');
  if (running.length === 0) return [fail(check, `${names}: no manager runs`, 'see the check "deployment"')];
  return Promise.all(running.map((pod) => moduleFinding(context, pod, port, names)));
};

async function moduleFinding(
  { probes }: InstallContext,
  { metadata, status }: InstallContext['installation']['readyPods'][number],
  port: number,
  names: string,
): Promise<Finding> {
  const check = 'modules';
  const answer = await probes.get(new URL(`http://${hostOf(status?.podIP)}:${port}/readyz?verbose`));
  if (answer.kind === 'none') return fail(check, `${metadata?.name}: /readyz does not answer: ${answer.why}`, 'see its log');
  const lines = answer.text.split('\n');
  const told = (mark: string): string =>
    lines
      .filter((line) => line.startsWith(mark))
      .map((line) => line.slice(mark.length))
      .join('; ');
  if (answer.status !== 200) {
    const why = told('[-]');
    const shown = why.length <= MAX_TOLD_CHARS ? why : `${why.slice(0, MAX_TOLD_CHARS)}…`;
    return fail(check, `${metadata?.name} is not ready: ${shown}`, 'see its log');
  }
  const waiting = told('[~]');
  return ok(check, `${names} on ${metadata?.name}: ${waiting === '' ? 'running' : waiting}`);
}

/** As a URL wants it. */
export function hostOf(address = ''): string {
  return address.includes(':') ? `[${address}]` : address;
}
