/**
 * What became of the agents of one config, and what its status says about it. Pure.
 *
 * Owns: reasons and wording of AgentReady, and what of it makes Ready false.
 */
import type { WolConfigStatusAgentStatus } from '../../api/wol/v1beta1';
import type { ConditionInput, DaemonSet } from '../../framework';
import { BUNDLE_CONFIG_MAP } from '../protocol/identity';
import { HEALTH_PORTS } from './health-ports';

/** The outcome of the last look at a config's DaemonSet. */
export type AgentState =
  | { readonly kind: 'deployed' }
  /** A DaemonSet of that name belongs to somebody else. */
  | { readonly kind: 'conflict'; readonly why: string }
  | { readonly kind: 'image-not-allowed'; readonly image: string }
  | { readonly kind: 'waiting-for-garbage-collection' }
  /** What agents verify the manager by has not been published yet. */
  | { readonly kind: 'waiting-for-authority' }
  | { readonly kind: 'no-health-port' }
  /** The config is not in force, so its DaemonSet, if there is one, stays as it is. */
  | { readonly kind: 'untouched' }
  | { readonly kind: 'failed'; readonly message: string };

/** What of it keeps the config from being ready; `undefined` = nothing. */
export function readyProblem(state: AgentState, daemonSet: string): ConditionInput | undefined {
  const notReady = (reason: string, message: string): ConditionInput => ({ type: 'Ready', status: 'False', reason, message });
  switch (state.kind) {
    case 'conflict':
      return notReady('AgentConflict', conflictMessage(daemonSet, state.why));
    case 'image-not-allowed':
      return notReady('ImageNotAllowed', imageMessage(state.image));
    case 'no-health-port':
      return notReady(
        'AgentFailed',
        `no health port is free between ${HEALTH_PORTS.first} and ${HEALTH_PORTS.last}; set spec.agent.healthPort`,
      );
    case 'failed':
      return notReady('AgentFailed', state.message);
    default:
      return undefined;
  }
}

/**
 * @param live the DaemonSet as it is, if it belongs to the config.
 * @param missingAccount the service account of agents, when it does not exist.
 */
export function agentCondition(state: AgentState, daemonSet: string, live: DaemonSet | undefined, missingAccount?: string): ConditionInput {
  const says = (status: ConditionInput['status'], reason: string, message: string): ConditionInput => ({
    type: 'AgentReady',
    status,
    reason,
    message,
  });
  if (state.kind === 'conflict') return says('False', 'AgentConflict', conflictMessage(daemonSet, state.why));
  if (state.kind === 'image-not-allowed') return says('False', 'ImageNotAllowed', imageMessage(state.image));
  if (state.kind === 'waiting-for-garbage-collection') {
    const message = `DaemonSet ${daemonSet} belongs to an earlier config of this name and is about to be removed`;
    return says('False', 'WaitingForGarbageCollection', message);
  }
  if (live === undefined) return says('False', 'DaemonSetMissing', missingMessage(state, daemonSet));
  if (!isObserved(live)) return says('Unknown', 'Pending', 'the state of the DaemonSet is not known yet');
  const { desiredNumberScheduled: desired = 0, numberReady: ready = 0 } = live.status ?? {};
  if (desired === 0) return says('False', 'NoNodes', 'no node matches the agents');
  const message = `${ready} of ${desired} agents are ready`;
  if (ready >= desired) return says('True', 'AllReady', message);
  if (missingAccount === undefined) return says('False', 'NotReady', message);
  return says('False', 'ServiceAccountMissing', `${message}: ServiceAccount ${missingAccount}, which their pods run as, does not exist`);
}

export function agentStatus({ metadata, status = {} }: DaemonSet, healthPort: number | undefined): WolConfigStatusAgentStatus {
  return {
    ...(metadata?.name === undefined ? {} : { daemonSetName: metadata.name }),
    desiredNumberScheduled: status.desiredNumberScheduled ?? 0,
    numberReady: status.numberReady ?? 0,
    numberAvailable: status.numberAvailable ?? 0,
    updatedNumberScheduled: status.updatedNumberScheduled ?? 0,
    ...(healthPort === undefined ? {} : { healthPort }),
  };
}

/** Every pod that should run is ready, by a status that describes the DaemonSet as it is now. */
export function areAllReady(daemonSet: DaemonSet): boolean {
  const { desiredNumberScheduled: desired = 0, numberReady: ready = 0 } = daemonSet.status ?? {};
  return isObserved(daemonSet) && desired > 0 && ready >= desired;
}

function isObserved({ metadata, status }: DaemonSet): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 1);
}

function conflictMessage(daemonSet: string, why: string): string {
  return `DaemonSet ${daemonSet} is not of this config: ${why}; delete or rename it`;
}

function missingMessage({ kind }: AgentState, daemonSet: string): string {
  const missing = `there is no DaemonSet ${daemonSet}`;
  return kind === 'waiting-for-authority'
    ? `${missing} yet: ConfigMap ${BUNDLE_CONFIG_MAP}, by which agents verify the manager, is missing`
    : missing;
}

function imageMessage(image: string): string {
  return `the repository of image ${image} is not on the list of allowed agent images (--allowed-agent-images)`;
}
