/**
 * Which of the two generations of the API is installed, and what follows from it.
 *
 * Owns: the choice, and whether a Machine is ours under it. Never: asks a server; who knows the scope of the CRD says so.
 */
import type { Machine } from './kinds';

/** `first`: ours and the first generation. `second`: a cluster-scoped KubevirtConfig is installed. */
export type ApiProfile = 'first' | 'second';

/** @param scope of the KubevirtConfig CRD that is installed; `undefined` while there is none. */
export function profileOf(setting: 'auto' | ApiProfile, scope: 'Namespaced' | 'Cluster' | undefined): ApiProfile {
  if (setting !== 'auto') return setting;
  return scope === 'Cluster' ? 'second' : 'first';
}

/** Of virtual machines where `VM_NAME_PREFIX` is not set. */
export function defaultNamePrefix(profile: ApiProfile): string {
  return profile === 'first' ? 'vm-' : '';
}

/** Whether this operator serves the Machine; one of another provider gets nothing of us. */
export function isOurs({ spec }: Pick<Machine, 'spec'>, profile: ApiProfile): boolean {
  if (profile === 'second') return (spec?.provider ?? '') === '' || spec?.provider === 'kubevirt';
  const named = [spec?.providerConfig?.name, spec?.provider].map((name) => (name ?? '').trim().toLowerCase());
  return named.every((name) => name === '' || name === 'kubevirt');
}
