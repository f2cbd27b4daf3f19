/** A real operator against the list server: what the probes of whole passes share. */
import { KubeConfig } from '@kubernetes/client-node';
import { createOperator, defineKind, type HandlerClass, type KubernetesObject, type StewardOperator } from '../../../src/framework';
import type { OperatorOptions } from '../../../src/framework/runtime/operator-options';

/** As it comes: nothing trimmed, and no question whether it is served. */
export const SAMPLE = defineKind<KubernetesObject>('kubevirt.io/v1', 'VirtualMachine', 'virtualmachines', { scope: 'Namespaced' });

export const POLL_MS = 20;

export function operatorAt(
  port: number | string,
  handlers: readonly HandlerClass[],
  options: Partial<OperatorOptions> = {},
): Promise<StewardOperator> {
  return createOperator({
    ...{ name: 'bench', domain: 'example.org', handlers, kubeConfig: kubeConfigOf(port), freezeCache: false, handleProcessErrors: false },
    ...options,
  });
}

export function kubeConfigOf(port: number | string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(kubeconfigText(port));
  return config;
}

export function kubeconfigText(port: number | string): string {
  return JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'bench' },
    clusters: [{ name: 'bench', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'bench', user: { token: 'bench' } }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
  });
}

/** Waits for an outcome. @throws {Error} after three minutes. */
export async function until(what: string, probe: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 180_000;
  while (!probe()) {
    if (performance.now() > deadlineMs) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
