/**
 * Whose a DaemonSet is that has the name of ours. Pure.
 *
 * Invariant: without proof it is a stranger's: the UID of the config as its controller, or no controller at all and the labels that
 * operator and older operator put on.
 */
import { isDeepStrictEqual } from 'node:util';
import type { DaemonSet, OwnerReference } from '../../framework';
import { WolConfig } from '../wol-config';
import { APP, APP_LABEL, agentLabels, CONFIG_LABEL, HEALTH_PORT_ANNOTATION, nameOf, shortConfigName } from './agent-names';

export type Ownership =
  | { readonly kind: 'ours' }
  /** Nobody controls it, and its labels say that it was made for this config. */
  | { readonly kind: 'adoptable' }
  /** Belongs to a config of the same name that is gone; garbage collection removes it. */
  | { readonly kind: 'orphan' }
  /** @param why in words, for people. */
  | { readonly kind: 'foreign'; readonly why: string };

export function ownershipOf(daemonSet: DaemonSet, config: WolConfig): Ownership {
  const { ownerReferences = [], labels = {} } = daemonSet.metadata ?? {};
  const controller = ownerReferences.find((reference) => reference.controller === true);
  if (controller !== undefined && controller.uid !== config.metadata?.uid) return controlledByAnother(controller, config);
  const isLabelled = labels[APP_LABEL] === APP && labels[CONFIG_LABEL] === shortConfigName(nameOf(config));
  if (controller === undefined && !isLabelled) return { kind: 'foreign', why: 'it has no controller and not the labels of an agent' };
  // The API server refuses to change it, so all that is left is to say so.
  if (!hasOurSelector(daemonSet, config)) return { kind: 'foreign', why: 'its selector differs and can never be changed' };
  return { kind: controller === undefined ? 'adoptable' : 'ours' };
}

/** Carries the mark that we leave; without it the pod template may hold what an older operator wrote. */
export function isWrittenByUs({ metadata }: DaemonSet): boolean {
  return metadata?.annotations?.[HEALTH_PORT_ANNOTATION] !== undefined;
}

function controlledByAnother({ apiVersion, kind, name }: OwnerReference, config: WolConfig): Ownership {
  const isConfig = kind === WolConfig.kind && apiVersion.split('/')[0] === WolConfig.group;
  if (isConfig && name === nameOf(config)) return { kind: 'orphan' };
  return { kind: 'foreign', why: `it is controlled by ${kind} ${name}` };
}

function hasOurSelector({ spec }: DaemonSet, config: WolConfig): boolean {
  const { matchLabels, matchExpressions = [] } = (spec?.['selector'] ?? {}) as { matchLabels?: unknown; matchExpressions?: unknown[] };
  return matchExpressions.length === 0 && isDeepStrictEqual({ ...(matchLabels as object) }, agentLabels(nameOf(config)));
}
