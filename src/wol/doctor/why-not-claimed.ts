/** Why no WolConfig covers a machine: the manager does not see it, or else config by config. Pure. */

import { type Finding, fail } from '../../kubevirt/diagnosis/finding';
import { WAKE_IGNORE_ANNOTATION, type WakeTarget, wakeTargetKey } from '../../kubevirt/wake-target';
import type { EffectiveConfig } from '../manager/effective-config';
import type { WakeMap } from '../manager/wake-map';

const NAMED = 5;

/** `undefined` where the manager watches the namespace. */
export function whyNotWatched({ watchNamespaces }: WakeMap, key: string, namespace: string): Finding | undefined {
  if (watchNamespaces === undefined || watchNamespaces.has(namespace)) return undefined;
  const flag = `--watch-namespaces=${[...watchNamespaces].join(',')}`;
  return fail(
    'machine',
    `no packet wakes ${key}: the manager does not watch namespace ${namespace} (${flag})`,
    `add ${namespace} to --watch-namespaces of the manager; with the chart, to watchNamespaces`,
  );
}

/** To be asked for a machine that no claim is about. */
export function whyNotClaimed(map: WakeMap, target: WakeTarget): Finding {
  const { namespace, name } = target.scope;
  const key = wakeTargetKey(target);
  const unwatched = whyNotWatched(map, key, namespace);
  if (unwatched !== undefined) return unwatched;
  if (target.scope.ignored) {
    const remedy = `kubectl -n ${namespace} annotate vm ${name} ${WAKE_IGNORE_ANNOTATION}-`;
    return fail('config', `${key} has the annotation ${WAKE_IGNORE_ANNOTATION}: no packet may wake it`, remedy);
  }
  const invalid = map.configNames().flatMap((config) => invalidText(map, config));
  const reasons = [...map.effectiveConfigs().map((config) => `${config.name}: ${reasonOf(config, target)}`), ...invalid];
  if (reasons.length === 0) return fail('config', `there is no WolConfig, so no packet wakes ${key}`, 'create one: examples/wol');
  const shown = reasons.slice(0, NAMED).join('; ');
  const rest = reasons.length > NAMED ? `; and ${reasons.length - NAMED} more` : '';
  return fail('config', `no WolConfig covers ${key}: ${shown}${rest}`, 'change a WolConfig or the labels of the machine so that one does');
}

function invalidText(map: WakeMap, config: string): string[] {
  const evaluation = map.evaluationOf(config);
  if (evaluation?.kind === 'invalid') return [`${config}: is invalid, so it covers nothing: ${evaluation.problems.join(', ')}`];
  return evaluation?.kind === 'deleting' ? [`${config}: is being deleted`] : [];
}

function reasonOf(config: EffectiveConfig, { scope, cluster }: WakeTarget): string {
  if (cluster !== '' && !config.includeRemote) return 'takes no machines of other clusters (spec.includeRemote)';
  if (config.mode === 'Explicit') return 'its mappings do not name it';
  if (config.namespaces?.has(scope.namespace) === false) return `namespace ${scope.namespace} is not in spec.namespaceSelectors`;
  return config.matches(scope.labels) ? 'has not taken it up' : 'its labels do not match spec.vmSelector';
}
