/** A client with the rights of whoever runs a command. Loaded by such commands only when they run. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { type Clock, loadOwnKubeConfig, type OpenedClient, openClient, userAgentOf } from '../framework';
import { parseNamespace } from '../wol/sender/machine-name';
import { type CallerFlags, DEFAULT_OPERATOR_NAMESPACE } from './caller-flags';
import type { Environment } from './program';
import { VERSION } from './version';

export interface Caller extends OpenedClient {
  readonly operatorNamespace: string;
}

/** The kubeconfig of whoever runs a command. @throws {ConfigError} */
export function callerKubeConfig({ kubeconfig, context }: { kubeconfig?: string; context?: string }, env: Environment): KubeConfig {
  return loadOwnKubeConfig({ path: kubeconfig ?? usualKubeconfig(env), context, environment: env }).kubeConfig;
}

/** A client with it. */
export function openWith(kubeConfig: KubeConfig, command: string, clock: Clock): OpenedClient {
  return openClient(kubeConfig, { clock, userAgent: userAgentOf(VERSION, command) });
}

/** @throws {UsageError, ConfigError} */
export function openCaller(command: string, { kubeconfig, operatorNamespace }: CallerFlags, env: Environment, clock: Clock): Caller {
  const namespace = operatorNamespaceOf({ operatorNamespace }, env);
  const kubeConfig = callerKubeConfig(kubeconfig === undefined ? {} : { kubeconfig }, env);
  return { ...openWith(kubeConfig, command, clock), operatorNamespace: namespace };
}

/** @throws {UsageError} */
export function operatorNamespaceOf({ operatorNamespace }: Pick<CallerFlags, 'operatorNamespace'>, env: Environment): string {
  return parseNamespace('--operator-namespace', operatorNamespace ?? (env['POD_NAMESPACE'] || DEFAULT_OPERATOR_NAMESPACE));
}

/** Where kubectl looks when nobody says anything. A manager does not: it must not manage a cluster by accident. */
function usualKubeconfig(env: Environment): string | undefined {
  if (env['KUBECONFIG'] || env['KUBERNETES_SERVICE_HOST']) return undefined;
  const file = join(env['HOME'] || homedir(), '.kube', 'config');
  return existsSync(file) ? file : undefined;
}
