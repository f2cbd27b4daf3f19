/**
 * Whether a packet may wake what it names.
 *
 * Owns: source networks and SecureOn passwords of the governing configs. Never: reads a Secret; looks at the virtual machine.
 * Invariant: a password that is required and cannot be read refuses the packet.
 */
import { timingSafeEqual } from 'node:crypto';
import type { WakeReason } from '../../kubevirt/wake-reason';
import type { EffectiveConfig } from './effective-config';
import type { WakeEvent } from './wake-event';

export interface PasswordSource {
  /** The SecureOn password of a config as last read; `undefined` when it is not readable or malformed. */
  passwordOf(config: string): Uint8Array | undefined;
}

export type WakeAdmission =
  /** The config whose policy, limits and status count for this wake. */
  | { readonly kind: 'admitted'; readonly acting: EffectiveConfig }
  | { readonly kind: 'refused'; readonly config: EffectiveConfig | undefined; readonly reason: WakeReason; readonly text: string };

interface Refusal {
  readonly reason: WakeReason;
  readonly text: string;
}

/** The first governing config that lets the packet pass acts; if none does, the first one's reason is the answer. */
export function admitWake(governing: readonly EffectiveConfig[], event: WakeEvent, passwords: PasswordSource): WakeAdmission {
  let first: Refusal | undefined;
  for (const config of governing) {
    const refusal = refusalOf(config, event, passwords);
    if (refusal === undefined) return { kind: 'admitted', acting: config };
    first ??= refusal;
  }
  return { kind: 'refused', config: governing[0], ...(first ?? { reason: 'SourceNotAllowed', text: 'no WolConfig governs this address' }) };
}

function refusalOf(config: EffectiveConfig, event: WakeEvent, passwords: PasswordSource): Refusal | undefined {
  if (config.acceptsSource !== undefined && !(event.transport !== 'ethernet' && config.acceptsSource(event.sourceIp))) {
    return { reason: 'SourceNotAllowed', text: `the sender is in none of spec.allowedSources of WolConfig ${config.name}` };
  }
  if (config.passwordSecret === undefined) return undefined;
  const password = passwords.passwordOf(config.name);
  if (password === undefined) {
    return { reason: 'SecretUnavailable', text: `the SecureOn password of WolConfig ${config.name} cannot be read` };
  }
  if (equalSecrets(password, event.secureOn)) return undefined;
  return { reason: 'PasswordMismatch', text: `the packet does not carry the SecureOn password of WolConfig ${config.name}` };
}

function equalSecrets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
