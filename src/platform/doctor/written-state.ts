/** What the manager has written of the module: its conditions and a row for each asset. Read with the rights of the caller. */
import { ConfigMap } from '../../framework';
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import type { Reading } from '../../kubevirt/diagnosis/reading';
import { documentOf, STATUS_NAME, type StatusDocument } from '../observability/status-document';

/** `absent` = no manager has run the module in this namespace. */
export async function writtenState(view: ClusterView, namespace: string): Promise<Reading<StatusDocument>> {
  const found = await view.get(ConfigMap, STATUS_NAME, namespace);
  return found.kind === 'read' ? { kind: 'read', value: documentOf(found.value.data ?? {}) } : found;
}

export const STATE_TEXT = `ConfigMap ${STATUS_NAME}`;
