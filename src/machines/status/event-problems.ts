/**
 * Why a virtual machine does not run, as the Events of KubeVirt tell it.
 *
 * Owns: which Events count and how they are told. Never: fetches them. Invariant: at most 500 bytes, cut between characters; an Event
 * that only counts up changes nothing.
 */
import { timestampMs } from '../../framework';
import type { RemoteEvent, RemoteInstance, RemoteVirtualMachine } from '../virtual-machine/remote-objects';

export interface EventProblem {
  readonly reason: 'VMIError' | 'VMError';
  readonly text: string;
}

const MAX_BYTES = 500;
/** Of what is kept when a text is cut. */
const CUT_BYTES = 497;
const STARTING: ReadonlySet<string> = new Set(['Pending', 'Failed', 'Scheduling', 'Scheduled']);
/** Events of one object that are looked at; the newest. */
const MAX_EVENTS = 50;

/** @returns `undefined` when it runs, or nothing is known to be wrong. */
export function eventProblem(
  vm: RemoteVirtualMachine,
  vmi: RemoteInstance | undefined,
  events: readonly RemoteEvent[],
): EventProblem | undefined {
  if (vmi !== undefined) {
    if (!STARTING.has(vmi.status?.phase ?? '')) return undefined;
    const texts = problemTexts(eventsOf(vmi, 'VirtualMachineInstance', events), true);
    return texts.length === 0 ? undefined : { reason: 'VMIError', text: told('VM startup failed', texts) };
  }
  if (vm.status?.ready === true) return undefined;
  const texts = problemTexts(eventsOf(vm, 'VirtualMachine', events), false);
  return texts.length === 0 ? undefined : { reason: 'VMError', text: told('VM creation failed', texts) };
}

/** Those of this very object; an older one of the same name has left Events, too. */
function eventsOf({ metadata = {} }: RemoteVirtualMachine | RemoteInstance, kind: string, events: readonly RemoteEvent[]): RemoteEvent[] {
  const bornMs = timestampMs(metadata.creationTimestamp) ?? 0;
  return events.filter(({ involvedObject: about, ...event }) => {
    if (about?.kind !== kind || about.name !== metadata.name || about.uid !== metadata.uid) return false;
    const ms = timeOf(event);
    return ms === undefined || ms >= bornMs;
  });
}

function problemTexts(events: readonly RemoteEvent[], isInstance: boolean): string[] {
  const sorted = events
    .filter((event) => isProblem(event, isInstance))
    .sort((a, b) => (timeOf(a) ?? 0) - (timeOf(b) ?? 0))
    .slice(-MAX_EVENTS);
  const seen = new Set<string>();
  return sorted.flatMap((event) => {
    const text = `${event.reason ?? ''}: ${event.message ?? ''}`;
    if (seen.has(text)) return [];
    seen.add(text);
    return [`[${clockText(timeOf(event))}] ${text}`];
  });
}

/** Whether an Event may explain why a machine does not run. */
export function isProblem({ type, reason = '', message = '' }: RemoteEvent, isInstance: boolean): boolean {
  if (type === 'Warning') return true;
  const words = ['error', 'failed', ...(isInstance ? ['syncfailed'] : [])];
  return words.some((word) => reason.toLowerCase().includes(word) || message.toLowerCase().includes(word));
}

function timeOf({ lastTimestamp, eventTime, series, firstTimestamp }: RemoteEvent): number | undefined {
  for (const time of [lastTimestamp, eventTime, series?.lastObservedTime, firstTimestamp]) {
    const ms = timestampMs(time ?? undefined);
    if (ms !== undefined) return ms;
  }
  return undefined;
}

function clockText(ms: number | undefined): string {
  return ms === undefined ? 'unknown' : new Date(ms).toISOString().slice(11, 19);
}

function told(what: string, texts: readonly string[]): string {
  return shortened(`${what} - ${texts.length} error(s) found: ${texts.join('; ')}`);
}

/** At most 500 bytes of UTF-8, without half a character. */
export function shortened(text: string): string {
  if (Buffer.byteLength(text) <= MAX_BYTES) return text;
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > CUT_BYTES) break;
    kept += character;
  }
  return `${kept}...`;
}
