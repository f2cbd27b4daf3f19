/**
 * What happens to packets and wakes, told to those who count, record and report it.
 *
 * Owns: the vocabulary between the waker and metrics, Events and status. Never: does any of that itself.
 */
import type { WakeReason } from '../../kubevirt/wake-reason';
import type { WakeTarget } from '../../kubevirt/wake-target';
import type { WakeStatus, WakeTransport } from './wake-event';

/** The circumstances of one wake. */
export interface WakeFacts {
  readonly mac: string;
  /** `namespace/name`, or `cluster:namespace/name`. */
  readonly vm: string;
  /** As it was when the packet came; `undefined` when it does not exist. */
  readonly target: WakeTarget | undefined;
  /** The acting config; for a refusal the first governing one. */
  readonly config: string;
  readonly nodeName: string;
  readonly sourceIp: string;
  readonly destPort: number;
  readonly transport: WakeTransport;
  /** When the agent read the packet, milliseconds since the epoch; never in the future. */
  readonly packetAtMs: number;
}

export type WakeNotification =
  /** An event has come in, duplicates included. `config` is empty when none was found; `clockSkew`: its time stamp lies in the future. */
  | { readonly kind: 'packet'; readonly config: string; readonly clockSkew: boolean }
  | { readonly kind: 'answered'; readonly config: string; readonly status: WakeStatus }
  /** An event that cannot be processed: `InvalidMAC` or `InvalidEvent`. */
  | { readonly kind: 'invalid'; readonly reason: WakeReason; readonly text: string; readonly nodeName: string }
  /** The first call of a wake that did not wait is about to be sent. */
  | { readonly kind: 'dispatched'; readonly facts: WakeFacts; readonly latencyMs: number }
  /** Work goes on; told once per wake. */
  | { readonly kind: 'waiting'; readonly facts: WakeFacts; readonly text: string }
  | { readonly kind: 'started'; readonly facts: WakeFacts; readonly latencyMs: number }
  | { readonly kind: 'unpaused'; readonly facts: WakeFacts }
  | { readonly kind: 'already-running'; readonly facts: WakeFacts; readonly text: string }
  /** The owner's wishes stand in the way. */
  | { readonly kind: 'skipped'; readonly facts: WakeFacts; readonly reason: WakeReason; readonly text: string }
  /** The packet was not allowed to wake anything. */
  | { readonly kind: 'refused'; readonly facts: WakeFacts; readonly reason: WakeReason; readonly text: string }
  | { readonly kind: 'failed'; readonly facts: WakeFacts; readonly reason: WakeReason; readonly text: string }
  /** An accepted start has shown no effect. */
  | { readonly kind: 'not-confirmed'; readonly facts: WakeFacts };

export interface WakeObserver {
  /** Called inline on the wake path: must return at once. One that throws is logged and disturbs nothing. */
  onWake(notification: WakeNotification): void;
}

const SKIPPED: ReadonlySet<WakeReason> = new Set<WakeReason>(['SkippedByPolicy', 'RerunByKubeVirt', 'NotStartable']);
const REFUSED: ReadonlySet<WakeReason> = new Set<WakeReason>(['SourceNotAllowed', 'PasswordMismatch', 'SecretUnavailable', 'RateLimited']);

/** Which kind of notification a reason belongs to. */
export function kindOfReason(reason: WakeReason): 'skipped' | 'refused' | 'failed' {
  if (SKIPPED.has(reason)) return 'skipped';
  return REFUSED.has(reason) ? 'refused' : 'failed';
}
