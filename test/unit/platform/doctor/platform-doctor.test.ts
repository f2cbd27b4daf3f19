import { expect } from 'chai';
import { ClusterView } from '../../../../src/kubevirt/diagnosis/cluster-view';
import type { Finding } from '../../../../src/kubevirt/diagnosis/finding';
import { assetPath } from '../../../../src/platform/doctor/asset-path';
import { platformChecks } from '../../../../src/platform/doctor/platform-checks';
import type { ToldRow } from '../../../../src/platform/doctor/row-findings';
import type { AssetRow } from '../../../../src/platform/observability/asset-rows';
import { dataOf, STATUS_NAME } from '../../../../src/platform/observability/status-document';
import { type FakeObject, fakeClient, NAMESPACE } from '../../wol/doctor/fake-cluster';

const SINCE = '2026-01-01T00:00:00Z';
const row = (key: string, status: AssetRow['status'], reason = ''): AssetRow => ({
  key,
  status,
  reason,
  identity: `/ConfigMap/default/${key}`,
});
const active = (status: 'True' | 'False', reason: string) => ({
  ...{ type: 'Active', status, reason, message: '' },
  lastTransitionTime: SINCE,
});
const written = (rows: readonly AssetRow[], conditions = [active('True', 'Active')]): FakeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: STATUS_NAME, namespace: NAMESPACE },
  data: dataOf({ conditions, rows: rows.map((one) => ({ ...one, since: SINCE })) }),
});
const warning = (key: string, note: string, reportingController = 'virt-steward'): FakeObject => ({
  ...{ apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata: { name: key, namespace: 'default' } },
  ...{
    type: 'Warning',
    reason: 'Throttled',
    action: `Throttled ${key}`,
    note,
    reportingController,
    eventTime: '2026-01-01T00:00:01.000000Z',
  },
});
const view = (objects: readonly FakeObject[], denied: readonly string[] = []): ClusterView =>
  new ClusterView(fakeClient({ objects, denied }).client);
const lines = (findings: readonly Finding[]): string[] => findings.map(({ check, outcome, found }) => `${outcome} ${check} ${found}`);

describe('doctor on the platform', () => {
  it('fails when no manager has written the state of the module', async () => {
    expect(lines(await platformChecks(view([]), NAMESPACE))).to.deep.equal([
      `fail platform no manager has written ConfigMap ${STATUS_NAME} in ${NAMESPACE} yet`,
    ]);
  });

  it('names the right that it lacks', async () => {
    const [finding] = await platformChecks(view([], ['get configmaps']), NAMESPACE);

    expect(finding).to.include({ outcome: 'warn', remedy: `ask for the right to get configmaps in namespace ${NAMESPACE}` });
  });

  it('counts what is as it should be and names what is not, and takes an absent API for no failure', async () => {
    const rows = [row('a', 'INCLUDED'), row('b', 'FILTERED', 'NotSwitchedOn'), row('c', 'MISSING', 'CRDMissing'), row('d', 'PAUSED')];

    expect(lines(await platformChecks(view([written(rows)]), NAMESPACE))).to.deep.equal([
      'ok platform the module is active: Active',
      'ok assets 1 of 4 assets are as the catalog says, 1 are left out on purpose',
      'warn assets c: MISSING CRDMissing (/ConfigMap/default/c)',
      'fail assets d: PAUSED (/ConfigMap/default/d)',
    ]);
  });

  it('says why nothing is applied', async () => {
    const [first] = await platformChecks(view([written([], [active('False', 'NoAnchor')])]), NAMESPACE);

    expect(first).to.include({ outcome: 'warn', found: 'nothing is applied: NoAnchor' });
  });
});

describe('doctor on an asset', () => {
  const path = (objects: readonly FakeObject[], decided: readonly ToldRow[] = [row('a', 'INCLUDED')]): Promise<Finding[]> =>
    assetPath('a', { view: view(objects), namespace: NAMESPACE, decide: async () => decided });

  for (const [status, reason, outcome, remedy] of [
    ['FILTERED', 'NotSwitchedOn', 'warn', 'set that annotation'],
    ['EXCLUDED', '', 'warn', 'disabled-resources'],
    ['MISSING', 'CRDMissing', 'fail', 'install what serves that kind'],
    ['FILTERED', 'HcoAbsent', 'warn', 'docs/platform/assets.md'],
    ['HELD', 'InvalidPatch', 'fail', 'platform.kubevirt.io/patch'],
    ['PAUSED', '', 'fail', 'platform.kubevirt.io/reconcile-paused'],
    ['HELD', 'Throttled', 'fail', 'find out who changes the object'],
    ['PENDING', 'Manual', 'warn', 'platform.kubevirt.io/rollout'],
    ['PENDING', 'PoolDegraded', 'warn', 'mend the pool'],
    ['ERROR', 'Forbidden', 'fail', 'virt-steward rbac'],
    ['UNMANAGED', '', 'warn', 'platform.kubevirt.io/mode'],
    ['CONFLICT', 'ForeignManager', 'fail', 'belongs to somebody else'],
  ] as const) {
    it(`tells what ${`${status} ${reason}`.trim()} means, and what to do`, async () => {
      const [finding] = await path([written([row('a', 'INCLUDED')])], [{ ...row('a', status, reason), message: 'this is why' }]);

      expect(finding).to.include({ check: 'decision', outcome });
      expect(finding?.found).to.contain(`${`${status} ${reason}`.trim()}: this is why`);
      expect(finding?.remedy).to.contain(remedy);
    });
  }

  it('tells what the manager has written and warned about this asset, and of no other', async () => {
    const objects = [
      written([row('a[x]', 'HELD', 'Throttled'), row('ab', 'ERROR', 'ApplyFailed')]),
      warning('a[x]', 'too often'),
      warning('ab', 'of another asset'),
      warning('a[x]', 'of another controller', 'somebody'),
    ];

    expect(lines(await path(objects)).slice(1)).to.deep.equal([
      'fail manager a[x]: HELD Throttled (/ConfigMap/default/a[x])',
      'warn told 2026-01-01T00:00:01 Throttled: too often',
    ]);
  });

  it('goes on when the decision cannot be found out', async () => {
    const decide = async (): Promise<ToldRow[]> => Promise.reject(new Error('there is no HyperConverged'));
    const findings = await assetPath('a', { view: view([written([row('a', 'INCLUDED')])]), namespace: NAMESPACE, decide });

    expect(lines(findings)).to.deep.equal([
      'fail decision there is no HyperConverged',
      'ok manager a: INCLUDED (/ConfigMap/default/a)',
      'ok told no warning Event of the manager is about it',
    ]);
  });
});
