/**
 * Wakes one machine with the command line that people use, and measures it from outside.
 *
 * Owns: the measurement. Never: takes the word of the manager for what KubeVirt did; that is in the journal of the stand-in.
 */
import { TestProcess } from '../../test/harness/child-process';
import { MAIN, NAMESPACE, SERVICE_ACCOUNT } from '../../test/harness/steward-cluster';
import type { ManagerProcess } from '../../test/harness/steward-processes';
import type { Journal } from '../../test/kubevirt/stand-in';
import { type MachineStates, nameOf } from './machine-states';
import type { SampleWake } from './sample-objects';

const START_ACCEPTED = 202;
const MANAGER_USER = `system:serviceaccount:${NAMESPACE}:${SERVICE_ACCOUNT}`;

export interface Measurement {
  /** From the packet at the agent to the answer of KubeVirt, by the manager's own histogram. */
  readonly startMs: number;
  /** From the answer of KubeVirt to the state Running. */
  readonly bootMs: number;
}

/** @returns the line that the command prints. @throws {Error} when it fails. */
export async function sendPacket(mac: string, udpPort: number): Promise<string> {
  const wake = new TestProcess('wake', [MAIN, 'wake', mac, '--to', '127.0.0.1', '--port', String(udpPort)]);
  const { code } = await wake.exited;
  if (code !== 0) throw new Error(`virt-steward wake ended with ${code}: ${wake.log.trim()}`);
  return wake.log.trim();
}

/** Waits until the machine runs. @throws {Error} when the start was not what a single packet must lead to. */
export async function measureWake(
  { machine, config = '' }: SampleWake,
  { states, journal, manager }: { states: MachineStates; journal: Journal; manager: ManagerProcess },
): Promise<Measurement> {
  await states.until(machine, 'Running');
  const starts = journal.calls({ ...machine, verb: 'start' });
  const [start] = starts;
  if (start === undefined || starts.length > 1 || start.code !== START_ACCEPTED || start.user !== MANAGER_USER)
    throw new Error(
      `expected one start of ${nameOf(machine)} by ${MANAGER_USER}, answered ${START_ACCEPTED}; seen: ${JSON.stringify(starts)}`,
    );
  const acceptedAtMs = start.receivedAtMs + (start.answeredMs - start.receivedMs);
  const runningAtMs = states.transitions.findLast((transition) => transition.machine === nameOf(machine))?.seenAtMs ?? Number.NaN;
  return { startMs: startLatencyMs(await manager.metrics(), config), bootMs: runningAtMs - acceptedAtMs };
}

/** Of the only wake that the config has seen. */
function startLatencyMs(metrics: string, config: string): number {
  const value = (name: string): number => Number(new RegExp(`^${name}\\{config="${config}"\\} (\\S+)$`, 'm').exec(metrics)?.[1] ?? 0);
  const count = value('wol_start_latency_seconds_count');
  if (count !== 1) throw new Error(`expected wol_start_latency_seconds to count one wake for config ${config}; counted: ${count}`);
  return value('wol_start_latency_seconds_sum') * 1_000;
}
