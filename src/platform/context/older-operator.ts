/**
 * Tells whether one of the older operators still works on this cluster: two of them would fight over every object.
 *
 * Owns: the names of their Leases and how old a renewal may be. Invariant: pure; a Lease that nobody renews proves nothing.
 */
import { type Lease, timestampMs } from '../../framework';

export const OLDER_LEASES: readonly string[] = ['virt-platform-autopilot.kubevirt.io', 'virt-platform-operator.kubevirt.io'];
/** Four times the duration of a Lease of controller-runtime. */
const FRESH_MS = 60_000;
/** How often to look while one runs, in milliseconds. */
export const LOOK_AGAIN_MS = 30_000;

/** @returns the name of the Lease that is in use, with its holder. */
export function olderOperatorOf(leases: readonly Lease[], nowMs: number): { readonly lease: string; readonly holder: string } | undefined {
  for (const { metadata, spec } of leases) {
    const renewedMs = timestampMs(spec?.renewTime);
    const holder = spec?.holderIdentity ?? '';
    // A Lease that was given up has no holder.
    if (holder !== '' && renewedMs !== undefined && nowMs - renewedMs < FRESH_MS) return { lease: metadata?.name ?? '', holder };
  }
  return undefined;
}
