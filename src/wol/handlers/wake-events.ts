/** Which Kubernetes Events tell of a wake: pure. */
import type { KubernetesObject } from '../../framework';
import type { WakeTarget } from '../../kubevirt/wake-target';
import type { WakeFacts, WakeNotification } from '../manager/wake-observer';

export interface WakeEventNote {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly note: string;
  /** `vm` falls back to the config when the virtual machine does not exist. */
  readonly about: readonly ('vm' | 'config')[];
}

/** @returns `undefined` for what deserves no Event: duplicates, unknown addresses, machines that run already. */
export function wakeEventNote(notification: WakeNotification): WakeEventNote | undefined {
  switch (notification.kind) {
    case 'started':
      return { type: 'Normal', reason: 'WakeStarted', note: `started ${origin(notification.facts)}`, about: ['vm', 'config'] };
    case 'unpaused':
      return { type: 'Normal', reason: 'WakeUnpaused', note: `unpaused ${origin(notification.facts)}`, about: ['vm', 'config'] };
    case 'failed':
      return { type: 'Warning', reason: 'WakeFailed', note: because(notification), about: ['vm', 'config'] };
    case 'skipped':
      return { type: 'Normal', reason: 'WakeSkipped', note: because(notification), about: ['vm'] };
    case 'refused':
      return { type: 'Warning', reason: 'WakeRefused', note: because(notification), about: ['config'] };
    case 'not-confirmed': {
      const note = `the start was accepted but shows no effect ${origin(notification.facts)}`;
      return { type: 'Warning', reason: 'WakeNotConfirmed', note, about: ['vm', 'config'] };
    }
    default:
      return undefined;
  }
}

/** What an Event is about, beyond its reason: repeats of the same are told once. A config that is out of tokens is one matter. */
export function wakeEventSubject(notification: WakeNotification, { config, vm }: WakeFacts): string {
  return notification.kind === 'refused' && notification.reason === 'RateLimited' ? config : `${config} ${vm}`;
}

function because({ facts, reason, text }: { facts: WakeFacts; reason: string; text: string }): string {
  return `${reason}: ${text} ${origin(facts)}`;
}

function origin({ mac, vm, nodeName, sourceIp, config }: WakeFacts): string {
  return `(${vm} by a packet for ${mac} from ${sourceIp} seen on node ${nodeName}, config ${config})`;
}

/** The object that a target's Events are about. */
export function objectOf(target: WakeTarget | undefined): KubernetesObject | undefined {
  if (target === undefined) return undefined;
  const { apiVersion, kind, ...metadata } = target.subject;
  return { apiVersion, kind, metadata };
}
