/**
 * Names, labels and annotations of what is deployed for a WolConfig. Pure.
 *
 * Invariant: for names of up to 63 characters they are those that kubevirt-wol gave, so that its DaemonSets can be adopted: the
 * selector of a DaemonSet can never be changed.
 */
import { createHash } from 'node:crypto';
import type { WolConfig } from '../wol-config';

export const APP_LABEL = 'app';
export const CONFIG_LABEL = 'wol.pillon.org/wolconfig';
/** The whole name of the config; the label has room for 63 characters only. */
export const CONFIG_NAME_ANNOTATION = 'wol.pillon.org/wolconfig-name';
/** The health port that this config has got; once recorded it does not move. */
export const HEALTH_PORT_ANNOTATION = 'wol.pillon.org/health-port';

export const APP = 'wol-agent';
const MAX_LABEL_CHARS = 63;
const HASH_CHARS = 8;

/** The config's name where at most 63 characters fit: itself, or 54 of its characters and a hash. */
export function shortConfigName(name: string): string {
  if (name.length <= MAX_LABEL_CHARS) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_CHARS);
  // A name of Kubernetes may hold dots, but none before a hyphen.
  const start = name.slice(0, MAX_LABEL_CHARS - HASH_CHARS - 1).replace(/\.+$/, '');
  return `${start}-${hash}`;
}

export function daemonSetName(configName: string): string {
  return `${APP}-${shortConfigName(configName)}`;
}

/** On the DaemonSet, in its selector and on its pods. */
export function agentLabels(configName: string): Record<string, string> {
  return {
    [APP_LABEL]: APP,
    'app.kubernetes.io/name': APP,
    'app.kubernetes.io/component': 'agent',
    'app.kubernetes.io/part-of': 'kubevirt-wol',
    'app.kubernetes.io/managed-by': 'kubevirt-wol-controller',
    [CONFIG_LABEL]: shortConfigName(configName),
  };
}

export function agentAnnotations(configName: string, healthPort: number): Record<string, string> {
  return { [CONFIG_NAME_ANNOTATION]: configName, [HEALTH_PORT_ANNOTATION]: String(healthPort) };
}

export function nameOf({ metadata }: WolConfig): string {
  return metadata?.name ?? '';
}
