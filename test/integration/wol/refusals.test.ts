import { expect } from 'chai';
import { callsInFile } from '../../../hack/rights/audit-log';
import { poll } from '../../harness/poll';
import { NAMESPACE, SERVICE_ACCOUNT, StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { launchManager } from '../../harness/steward-processes';

const GROUP = 'wol.pillon.org';
const ROLE = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'virt-steward-manager' } };

interface Role extends TestObject {
  rules: { resources: string[] }[];
}

describe('a test cluster whose manager lacks a right', () => {
  it('fails when it is stopped, and names what was refused, unless the test has said that it would be', async () => {
    const cluster = await StewardCluster.start({ modules: 'wol', kubevirt: false });
    let outcome: unknown;
    try {
      const { rules } = (await cluster.api.get<Role>(ROLE))!;
      await cluster.api.mergePatch(ROLE, { rules: rules.filter(({ resources }) => !resources.includes('wolconfigs')) });
      const token = await cluster.controlPlane.serviceAccountToken(NAMESPACE, SERVICE_ACCOUNT);
      const path = `/apis/${GROUP}/v1beta1/wolconfigs`;
      await poll('the API server to refuse', async () => (await cluster.controlPlane.request({ path }, token)).status === 403);
      cluster.expectDenial('list customresourcedefinitions.apiextensions.k8s.io');

      const manager = await launchManager(cluster);
      try {
        const isRefused = (): boolean => callsInFile(cluster.controlPlane.auditLog, 'virt-steward/').some(({ allowed }) => !allowed);
        await manager.process.until('be refused', isRefused);
      } finally {
        await manager.process.stop();
      }
    } finally {
      outcome = await cluster.stop().catch((error: Error) => error.message);
    }

    expect(String(outcome).split('\n')).to.deep.equal([
      `the manager was not allowed to list wolconfigs.${GROUP}`,
      'the manager was never refused to list customresourcedefinitions.apiextensions.k8s.io, which the test expects',
    ]);
  });
});
