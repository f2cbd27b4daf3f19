/**
 * What a row of the catalog means for a person: whether it is a problem, and what to do.
 *
 * Owns: the remedies. Invariant: pure.
 */
import { type Finding, fail, ok, warn } from '../../kubevirt/diagnosis/finding';
import type { AssetRow, RowStatus } from '../observability/asset-rows';

const ANCHOR = 'HyperConverged (or KubeVirt)';

/** By reason, then by status. */
const REMEDIES: Readonly<Record<string, string>> = {
  Inactive: `the annotation platform.kubevirt.io/autopilot of the ${ANCHOR} and --platform-activation decide`,
  NotInAllowlist: `add it to platform.kubevirt.io/autopilot of the ${ANCHOR}`,
  SwitchedOff: `take that annotation off the ${ANCHOR}`,
  NotSwitchedOn: `set that annotation on the ${ANCHOR} if you want it`,
  ConditionFalse: 'docs/platform/assets.md says what has to be so',
  CRDMissing: 'install what serves that kind; the manager notices by itself',
  NamespaceMissing: 'create that namespace, or install what brings it; the manager notices by itself',
  TargetAbsent: 'create the object; the asset only completes it',
  Requirement: 'virt-steward doctor asset/NAME of the other asset',
  InvalidPatch: 'mend the annotation platform.kubevirt.io/patch of the object',
  InvalidExclusions: `mend the annotation platform.kubevirt.io/disabled-resources of the ${ANCHOR}; until then nothing is written`,
  Throttled: 'find out who changes the object; it is tried again by itself',
  Manual: `platform.kubevirt.io/rollout is manual on the ${ANCHOR}: take it off, or set it to batch`,
  PoolPaused: 'kubectl get machineconfigpools; unpause the pool',
  PoolDegraded: 'kubectl get machineconfigpools; mend the pool',
  PoolUpdating: 'wait until the pool has been updated',
  PoolSettling: 'wait a minute',
  Forbidden: 'virt-steward rbac | kubectl apply -f -',
  DuplicateIdentity: 'take one of the assets out of the catalog',
  FILTERED: 'docs/platform/assets.md says when it is applied',
  EXCLUDED: `take it out of platform.kubevirt.io/disabled-resources of the ${ANCHOR} to have it kept`,
  PAUSED: 'stop who else changes it, then take the annotation platform.kubevirt.io/reconcile-paused off the object',
  UNMANAGED: 'take the annotation platform.kubevirt.io/mode off the object to have it kept',
  CONFLICT: 'the object belongs to somebody else: leave it so, or remove it',
  ERROR: 'kubectl get events -A --field-selector type=Warning; virt-steward render --output=status',
  HELD: 'kubectl describe the object',
  MISSING: 'install what it needs; the manager notices by itself',
  PENDING: 'wait; it is tried again by itself',
};

/** What somebody wants so, or what passes, is no failure. */
const FAILING: ReadonlySet<RowStatus> = new Set(['MISSING', 'HELD', 'PAUSED', 'CONFLICT', 'ERROR']);

export interface ToldRow extends AssetRow {
  readonly message?: string;
}

export function rowFinding(check: string, { key, identity, status, reason, message = '' }: ToldRow): Finding {
  const what = `${key}: ${[status, reason].filter((text) => text !== '').join(' ')}`;
  const found = `${what}${message === '' ? '' : `: ${message}`}${identity === '' ? '' : ` (${identity})`}`;
  if (status === 'INCLUDED') return ok(check, found);
  const remedy = REMEDIES[reason] ?? REMEDIES[status] ?? 'docs/platform/user-guide.md';
  return FAILING.has(status) ? fail(check, found, remedy) : warn(check, found, remedy);
}
