import { expect } from 'chai';
import type { RbacRule } from '../../../../src/framework';
import { runDoctor } from '../../../../src/wol/doctor/run-doctor';
import { type FakeObject, fakeClient, NAMESPACE } from './fake-cluster';

const RULES: readonly RbacRule[] = [{ group: '', resource: 'secrets', verbs: ['get'], names: [], namespace: NAMESPACE, reasons: [] }];
/** Of whoever installed under the usual name, perhaps beside the manager that is judged. */
const BINDING: FakeObject = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'virt-steward-manager' },
  subjects: [{ kind: 'ServiceAccount', name: 'of-binding', namespace: NAMESPACE }],
};

/** What the check of rights says. */
async function rights({ given, running }: { given?: string; running?: string } = {}): Promise<string> {
  const printed: string[] = [];
  await runDoctor(
    {
      ...{ subject: undefined, port: undefined, source: undefined, output: 'json', deployment: undefined, install: undefined },
      serviceAccount: given,
    },
    {
      client: fakeClient({ objects: [BINDING] }).client,
      ...{ operatorNamespace: NAMESPACE, rules: RULES, optionalRules: [], nowMs: Date.now(), serviceAccount: running },
      print: (line) => printed.push(line),
    },
  );
  const { checks } = JSON.parse(printed.join('\n')) as { checks: { check: string; found: string }[] };
  return checks.find(({ check }) => check === 'rights')?.found ?? '';
}

describe('the account whose rights doctor judges', () => {
  const has = (account: string): string => `system:serviceaccount:${NAMESPACE}:${account} has every right that the manager needs`;

  it('is the one that the manager runs as, whoever the usual binding names', async () => {
    expect(await rights({ running: 'release-virt-steward' })).to.equal(has('release-virt-steward'));
  });

  it('is the one that was given, before all others', async () => {
    expect(await rights({ given: 'mine', running: 'release-virt-steward' })).to.equal(has('mine'));
  });

  it('is the one that the usual binding names where nobody knows the Deployment', async () => {
    expect(await rights()).to.equal(has('of-binding'));
  });
});
