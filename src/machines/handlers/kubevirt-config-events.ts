/** Events about a KubevirtConfig, pure: each tells that a state was entered. */
import { type ConditionInput, conditionOf } from '../../framework';
import type { ClusterJudgement } from '../clusters/cluster-state';
import type { KubevirtConfig } from '../kinds';

export interface ConfigEvent {
  readonly type: 'normal' | 'warning';
  readonly reason: string;
  readonly note: string;
}

/** Conditions whose turn to False is worth an Event. */
const CHECKED = ['KubeVirtAvailable', 'PermissionsGranted', 'CRDVersionsMatch'];

export function configEvents(config: KubevirtConfig, judged: ClusterJudgement, conditions: readonly ConditionInput[]): ConfigEvent[] {
  const { phase, status } = config.status ?? {};
  const events: ConfigEvent[] = [];
  const tell = (type: ConfigEvent['type'], reason: string, note: string): void => void events.push({ type, reason, note });
  if (judged.phase !== phase || judged.status !== status) {
    if (judged.phase === 'Ready') {
      if (phase === 'Unreachable') tell('normal', 'RemoteRecovered', 'the cluster can be used again');
      else tell('normal', 'Connected', 'the cluster can be used');
    } else if (judged.status === 'Unauthorized' || judged.status === 'Forbidden') tell('warning', 'CredentialsRejected', judged.message);
    else if (judged.status === 'ClusterChanged') tell('warning', 'ClusterChanged', judged.message);
    else if (judged.phase === 'Unreachable' && judged.status !== 'KubeVirtNotReady') tell('warning', 'RemoteUnreachable', judged.message);
    else if (judged.phase === 'Invalid') tell('warning', 'CheckFailed', judged.message);
  }
  for (const { type, status: now, message } of conditions) {
    const before = conditionOf(config, type)?.status;
    if (CHECKED.includes(type) && now === 'False' && before !== 'False') tell('warning', 'CheckFailed', message);
    if (type === 'DeletionBlocked' && now === 'True' && before !== 'True') tell('warning', 'DeletionBlocked', message);
  }
  return events;
}
