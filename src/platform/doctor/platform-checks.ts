/** How the platform module stands, as the manager has written it. */
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import { type Finding, fail, ok, unchecked, warn } from '../../kubevirt/diagnosis/finding';
import type { StatusDocument } from '../observability/status-document';
import { rowFinding } from './row-findings';
import { STATE_TEXT, writtenState } from './written-state';

const CHECK = 'platform';
/** Rows that are told one by one; the rest is counted. */
const NAMED = 10;
const EXPECTED: ReadonlySet<string> = new Set(['INCLUDED', 'FILTERED', 'EXCLUDED', 'UNMANAGED']);

export async function platformChecks(view: ClusterView, namespace: string): Promise<Finding[]> {
  const state = await writtenState(view, namespace);
  if (state.kind === 'absent') {
    const remedy = 'is a manager with the module platform running? kubectl get pods -A, and its log';
    return [fail(CHECK, `no manager has written ${STATE_TEXT} in ${namespace} yet`, remedy)];
  }
  if (state.kind !== 'read') return [unchecked(CHECK, STATE_TEXT, state)];
  return [activeFinding(state.value), ...assetFindings(state.value)];
}

function activeFinding({ conditions }: StatusDocument): Finding {
  const active = conditions.find(({ type }) => type === 'Active');
  if (active?.status === 'True') return ok(CHECK, `the module is active: ${textOf(active)}`);
  const remedy = 'virt-steward doctor asset/NAME tells more; docs/platform/user-guide.md says how it is switched on';
  return warn(CHECK, `nothing is applied: ${active === undefined ? 'no condition Active is written' : textOf(active)}`, remedy);
}

function assetFindings({ rows }: StatusDocument): Finding[] {
  const others = rows.filter(({ status }) => !EXPECTED.has(status));
  const included = rows.filter(({ status }) => status === 'INCLUDED').length;
  const summary = `${included} of ${rows.length} assets are as the catalog says, ${rows.length - included - others.length} are left out on purpose`;
  const more = others.length - NAMED;
  return [
    ok('assets', summary),
    ...others.slice(0, NAMED).map(overviewFinding),
    ...(more > 0 ? [warn('assets', `${more} more are not as the catalog says`, 'virt-steward render --output=status')] : []),
  ];
}

/** An asset for something that this cluster does not have is no failure of the cluster. */
function overviewFinding(row: StatusDocument['rows'][number]): Finding {
  const finding = rowFinding('assets', row);
  return row.status === 'MISSING' ? { ...finding, outcome: 'warn' } : finding;
}

function textOf({ reason, message }: { readonly reason?: string; readonly message?: string }): string {
  return [reason, message].filter((text) => text !== undefined && text !== '').join(': ');
}
