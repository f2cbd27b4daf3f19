/**
 * What keeps the pods of a manager from being Ready, in the words of Kubernetes. Pure.
 *
 * Owns: which of the many states of a pod is the reason. Never: judges; the cause, such as an image that does not exist, is told as it is.
 */
import type { Pod } from '../../framework';
import type { Installation } from './installation';

/** Of messages of the kubelet, which may hold a whole answer of a registry. */
const MAX_CHARS = 300;

/** Reasons of a container that has only just begun. */
const STARTING: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing']);

interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: Ended;
  };
  readonly lastState?: { readonly terminated?: Ended };
}

interface Ended {
  readonly exitCode?: number;
  readonly reason?: string;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message?: string;
}

/** One text a pod that is not Ready and says why, and one when no pod can be made at all. */
export function troubles({ deployment, pods }: Installation): string[] {
  const { conditions = [] } = deployment.status ?? {};
  const refused = conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  const ofPods = pods.flatMap((pod) => {
    const trouble = troubleOf(pod);
    return trouble === undefined ? [] : [`${pod.metadata?.name}: ${trouble}`];
  });
  return [...(refused === undefined ? [] : [`no pod can be made: ${short(refused.message ?? '')}`]), ...ofPods];
}

/** @returns `undefined` when it is Ready, or there is nothing to tell yet. */
function troubleOf({ status }: Pod): string | undefined {
  const {
    conditions = [],
    containerStatuses = [],
    initContainerStatuses = [],
  } = (status ?? {}) as {
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
  const unscheduled = conditions.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
  if (unscheduled !== undefined) return `cannot be scheduled: ${short(unscheduled.message ?? '')}`;
  // An init container that ends with 0 has done its work; a manager has not.
  const unfinished = initContainerStatuses.filter(({ state }) => state?.terminated?.exitCode !== 0);
  for (const container of [...unfinished, ...containerStatuses]) {
    const trouble = containerTrouble(container);
    if (trouble !== undefined) return trouble;
  }
  return containerStatuses.some(({ ready }) => ready === false) ? 'it runs and is not ready' : undefined;
}

function containerTrouble({ state = {}, lastState = {} }: ContainerStatus): string | undefined {
  const { reason = '', message = '' } = state.waiting ?? {};
  const ended = state.terminated ?? lastState.terminated;
  const exit = ended === undefined ? '' : `${ended.reason ?? 'Error'} with exit code ${ended.exitCode}`;
  if (reason === '' || STARTING.has(reason)) return state.terminated === undefined ? undefined : `it has ended: ${exit}`;
  const detail = exit === '' ? short(message) : exit;
  return detail === '' ? reason : `${reason}: ${detail}`;
}

function short(text: string): string {
  return text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS)}…`;
}
