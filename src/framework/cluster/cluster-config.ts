/**
 * A kubeconfig that passed its policy, and what of it differs from another one.
 *
 * Owns: reading, and the two fingerprints. Never: contacts, reads or executes anything; keeps the text.
 */
import { createHash } from 'node:crypto';
import { KubeConfig } from '@kubernetes/client-node';
import { dataOnlyKubeConfig } from '../client';
import { PermanentError } from '../errors/handler-errors';
import { maskMessage } from '../logging/mask';
import type { CompiledEngageOptions } from './engage-options';

/** Text, bytes, or a loaded kubeconfig. */
export type KubeconfigSource = string | Uint8Array | KubeConfig;

export interface ClusterConfig {
  readonly kubeConfig: KubeConfig;
  readonly options: CompiledEngageOptions;
  /** Equal where only the credential may differ: same server, CA, proxy, TLS flags and options. */
  readonly connectionHash: string;
}

/** Fingerprint of everything that was handed in: equal means that nothing is to be done. */
export function contentHash(source: KubeconfigSource, options: CompiledEngageOptions): string {
  return createHash('sha256').update(JSON.stringify(options)).update('\0').update(bytesOf(source)).digest('hex');
}

/**
 * Reads a kubeconfig under the policy of the options.
 * @throws {PermanentError} reason `KubeconfigRefused`, naming cluster, field or host and the remedy, never content.
 */
export function readClusterConfig(name: string, source: KubeconfigSource, options: CompiledEngageOptions): ClusterConfig {
  const kubeConfig =
    options.policy === 'data-only' ? dataOnlyKubeConfig(bytesOf(source), { ...options, name }) : trustedKubeConfig(name, source);
  const { name: _, ...connection } = kubeConfig.getCurrentCluster()!;
  const { revision: _revision, ...flags } = options;
  const connectionHash = createHash('sha256')
    .update(JSON.stringify([connection, flags]))
    .digest('hex');
  return { kubeConfig, options, connectionHash };
}

function trustedKubeConfig(name: string, source: KubeconfigSource): KubeConfig {
  const refused = (text: string): PermanentError =>
    new PermanentError(`kubeconfig of cluster ${name}: ${text}`, { reason: 'KubeconfigRefused' });
  const kubeConfig = source instanceof KubeConfig ? source : new KubeConfig();
  try {
    if (!(source instanceof KubeConfig)) kubeConfig.loadFromString(Buffer.from(bytesOf(source)).toString('utf8'));
  } catch (error) {
    throw refused(`cannot be read: ${maskMessage(error instanceof Error ? error.message : String(error), 256)}`);
  }
  const server = kubeConfig.getCurrentCluster()?.server ?? '';
  if (!URL.canParse(server)) throw refused('has no usable current context');
  return kubeConfig;
}

/** A loaded kubeconfig is written out as JSON, which is YAML, so that the policy sees everything it holds. */
function bytesOf(source: KubeconfigSource): Uint8Array {
  if (source instanceof KubeConfig) return Buffer.from(source.exportConfig());
  return typeof source === 'string' ? Buffer.from(source) : source;
}
