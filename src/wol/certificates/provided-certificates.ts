/**
 * Modes in which somebody else makes the certificate: only its authority has to reach the agents.
 *
 * Owns: the published bundle, exactly what the maker says. Never: writes a Secret.
 * Errors: TemporaryError naming object and key while there is no authority; the bundle stays as it is then.
 */
import { TemporaryError } from '../../framework';
import { BUNDLE_CONFIG_MAP } from '../protocol/identity';
import type { CertificateStore } from './certificate-store';
import { LOOK_AGAIN_MS } from './lifetimes';
import { certificatesIn } from './stored-certificate';

/** Where the authority is found. */
export interface AuthoritySource {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly name: string;
  readonly key: string;
}

/** Seconds a missing object is waited for; its watch brings it sooner. */
const MISSING_RETRY_MS = 30_000;

/** @returns milliseconds after which to look again. */
export async function publishProvided(store: CertificateStore, namespace: string, source: AuthoritySource): Promise<number> {
  const { values } = source.kind === 'Secret' ? await store.secret(source.name) : await store.configMap(source.name);
  const authorities = certificatesIn(values[source.key]);
  if (authorities.length === 0) {
    const problem = values[source.key] === undefined ? 'is missing' : 'holds no certificate';
    throw new TemporaryError(`key ${source.key} of ${source.kind} ${namespace}/${source.name} ${problem}`, {
      reason: 'AuthorityMissing',
      delayMs: MISSING_RETRY_MS,
    });
  }
  const bundle = await store.configMap(BUNDLE_CONFIG_MAP);
  await store.writeConfigMap(BUNDLE_CONFIG_MAP, bundle, { 'ca.crt': authorities.map(({ pem }) => pem).join('') }, {});
  return LOOK_AGAIN_MS;
}
