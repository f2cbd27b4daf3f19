/**
 * Wakes one machine with the command line that people use, and measures it from outside.
 *
 * Owns: the measurement. Never: takes the word of the manager for what KubeVirt did; that is in the journal of the stand-in.
 */
import { TestProcess } from '../../test/harness/child-process';
import { poll } from '../../test/harness/poll';
import { MAIN } from '../../test/harness/steward-cluster';
import type { ManagerProcess } from '../../test/harness/steward-processes';
import type { Journal } from '../../test/kubevirt/stand-in';
import { type Named, nameOf, type States } from './states';

const START_ACCEPTED = 202;
/** Much more than the manager takes to count what it has done. */
const COUNT_LIMIT_MS = 60_000;

export interface Wake {
  readonly mac: string;
  /** UDP port of the agent. */
  readonly udpPort: number;
  /** The WolConfig that lets the packet through. */
  readonly config: string;
  /** What shows the state, which `states` follows. */
  readonly subject: Named;
  /** The virtual machine behind it, on its cluster. */
  readonly machine: Required<Named>;
  /** As which the manager must ask for the start. */
  readonly user: string;
}

export interface WakeObservers {
  readonly states: States;
  /** Of the cluster of the virtual machine. */
  readonly journal: Journal;
  readonly manager: ManagerProcess;
}

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

/** Sends one packet and waits until the machine runs. @throws {Error} when the start was not what a single packet must lead to. */
export async function wakeAndMeasure(wake: Wake, { states, journal, manager }: WakeObservers): Promise<Measurement> {
  const { machine, subject, mac, udpPort, user } = wake;
  const call = { namespace: machine.namespace, name: machine.name, verb: 'start' } as const;
  const [mark, earlier, before] = [states.mark, journal.calls(call).length, countedIn(await manager.metrics(), wake.config)];
  const sending = sendPacket(mac, udpPort);
  // Whatever fails, or is interrupted: the command has ended before anybody looks what is left.
  const [running] = await Promise.all([states.seen(subject, 'Running', mark), sending]).finally(() => sending.catch(() => undefined));
  const starts = journal.calls(call).slice(earlier);
  const [start] = starts;
  if (start === undefined || starts.length > 1 || start.code !== START_ACCEPTED || start.user !== user)
    throw new Error(`expected one start of ${nameOf(machine)} by ${user}, answered ${START_ACCEPTED}; seen: ${JSON.stringify(starts)}`);
  const acceptedAtMs = start.receivedAtMs + (start.answeredMs - start.receivedMs);
  const after = await poll(
    `wol_start_latency_seconds to count one more wake for WolConfig ${wake.config}`,
    async () => {
      const counted = countedIn(await manager.metrics(), wake.config);
      return counted.count === before.count + 1 && counted;
    },
    { timeoutMs: COUNT_LIMIT_MS },
  );
  return { startMs: (after.seconds - before.seconds) * 1_000, bootMs: running.seenAtMs - acceptedAtMs };
}

/** What the histogram of the manager has for the config. */
function countedIn(metrics: string, config: string): { count: number; seconds: number } {
  const value = (name: string): number => Number(new RegExp(`^${name}\\{config="${config}"\\} (\\S+)$`, 'm').exec(metrics)?.[1] ?? 0);
  return { count: value('wol_start_latency_seconds_count'), seconds: value('wol_start_latency_seconds_sum') };
}
