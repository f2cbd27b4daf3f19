/**
 * Follows a machine from the packet until it runs.
 *
 * Expected flow: state read -> every second again -> one line a change -> runs, refused, gone, or time is up.
 * Guarantees: reads only; a failed look ends nothing, it is told once and tried again; an abort ends it within the look under way.
 * Caveats: that a wake was refused is known from `status.lastWake`, which a manager writes at most once in 10 s for one WolConfig.
 */
import { type Clock, sleep } from '../../framework';
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import { VirtualMachine } from '../../kubevirt/virtual-machine';
import { VirtualMachineInstance } from '../../kubevirt/virtual-machine-instance';
import { currentStateOf, type WakeState, wakeStateOf } from '../../kubevirt/wake-state';
import { WolConfig } from '../wol-config';

const LOOK_MS = 1_000;
const FAILURES: ReadonlySet<string> = new Set(['Refused', 'Failed', 'Skipped']);

export interface WaitOptions {
  readonly view: Pick<ClusterView, 'look'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  print(line: string): void;
  readonly namespace: string;
  readonly name: string;
  readonly mac: string;
  /** Whose `status.lastWake` tells of a refusal, as they were before the packet. */
  readonly configs: readonly WolConfig[];
  /** A paused machine counts as running, unless somebody is going to unpause it. */
  readonly unpauses: boolean;
  readonly timeoutMs: number;
}

export type WaitEnd = 'running' | 'refused' | 'gone' | 'timeout' | 'interrupted';

export async function waitUntilRunning(options: WaitOptions): Promise<WaitEnd> {
  const { clock, signal, print, timeoutMs } = options;
  const key = `${options.namespace}/${options.name}`;
  const endMs = clock.monotonicMs() + timeoutMs;
  let shown: string | undefined;
  let complaint = '';
  while (!signal.aborted) {
    const look = await lookAt(options);
    if (typeof look === 'string') {
      if (look !== complaint) print(`${key}: cannot be seen: ${look}`);
      complaint = look;
    } else {
      complaint = '';
      if (look.vm === undefined) return tell(print, `${key}: does not exist any more`, 'gone');
      const isRunning = runs(look, options);
      // The status of the machine follows that of its instance, a moment later.
      const state = isRunning && look.vmi?.paused !== true ? 'Running' : currentStateOf(look);
      if (state !== shown) print(shown === undefined ? `${key}: ${state}` : `${key}: ${shown} -> ${state}`);
      shown = state;
      if (isRunning) return 'running';
      const refusal = await refusalOf(options);
      if (refusal !== undefined) return tell(print, `${key}: ${refusal}`, 'refused');
    }
    if (clock.monotonicMs() >= endMs) return tell(print, `${key}: does not run after ${timeoutMs / 1_000} s`, 'timeout');
    await sleep(clock, LOOK_MS, signal).catch(() => undefined);
  }
  return tell(print, `${key}: ${shown ?? 'not seen'}; no longer waited for, which stops nothing`, 'interrupted');
}

function tell(print: (line: string) => void, line: string, end: WaitEnd): WaitEnd {
  print(line);
  return end;
}

/** The state, or why it cannot be seen. */
async function lookAt({ view, namespace, name }: WaitOptions): Promise<WakeState | string> {
  const [vm, vmi] = await Promise.all([
    view.look(VirtualMachine, name, namespace),
    view.look(VirtualMachineInstance, name, namespace),
  ]).catch((error: Error) => [{ kind: 'failed' as const, text: error.message }, { kind: 'absent' as const }]);
  for (const result of [vm, vmi]) {
    if (result.kind === 'denied') return `you may not ${result.right}`;
    if (result.kind === 'failed') return result.text;
  }
  return wakeStateOf(vm.kind === 'read' ? vm.value : undefined, vmi.kind === 'read' ? vmi.value : undefined);
}

function runs({ vmi }: WakeState, { unpauses }: WaitOptions): boolean {
  return vmi?.phase === 'Running' && !vmi.terminating && !vmi.stopRequested && !(vmi.paused && unpauses);
}

/** The first governing config that has told of this machine since, and not of a success. */
async function refusalOf({ view, configs, mac, namespace, name }: WaitOptions): Promise<string | undefined> {
  for (const before of configs) {
    const now = await view.look(WolConfig, before.metadata?.name ?? '').catch(() => undefined);
    const lastWake = now?.kind === 'read' ? now.value.status?.lastWake : undefined;
    const isNews = lastWake !== undefined && JSON.stringify(lastWake) !== JSON.stringify(before.status?.lastWake);
    if (!isNews || lastWake.macAddress !== mac || lastWake.vm !== `${namespace}/${name}` || !FAILURES.has(lastWake.result)) continue;
    return `the wake was ${lastWake.result.toLowerCase()}, says WolConfig ${before.metadata?.name}`;
  }
  return undefined;
}
