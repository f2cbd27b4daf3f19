import { expect } from 'chai';
import { MANAGED_BY_LABEL } from '../../../src/platform/keys';
import { untilRefused } from '../../harness/apply-rights';
import { poll } from '../../harness/poll';
import { MANAGER_USER, NAMESPACE, type TestObject } from '../../harness/steward-cluster';
import { PlatformStage } from './platform-stage';

interface Role extends TestObject {
  rules: { resources: string[]; resourceNames?: string[] }[];
}

const ROLE = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'virt-steward-manager', namespace: NAMESPACE } };
const STATUS = 'virt-steward-platform-status';
const OLD = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'old', namespace: 'default', labels: { [MANAGED_BY_LABEL]: 'virt-steward' } },
};
const PLAIN = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'plain', namespace: 'default' } };

describe('a manager that may not read what the platform module wrote last', () => {
  let stage: PlatformStage;

  before(async () => {
    stage = await PlatformStage.set({
      root: { tombstones: ['tombstones/old.yaml'] },
      catalog: {
        'tombstones/old.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: old\n  namespace: default\n',
        'plain.yaml':
          'asset:\n  name: plain\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: plain\n  namespace: default\ndata:\n  key: value\n',
      },
    });
  });
  after(() => stage?.end());

  it('goes on, says so, applies and deletes nothing, and begins when it may', async () => {
    const { api } = stage.cluster;
    const role = (await api.get<Role>(ROLE))!;
    const rules = role.rules.filter(({ resourceNames = [] }) => !resourceNames.includes(STATUS));
    expect(rules).to.have.length(role.rules.length - 1);
    await api.mergePatch(ROLE, { rules });
    const lost = { apiGroups: [''], resources: ['configmaps'], resourceNames: [STATUS], verbs: ['get'] };
    await untilRefused(api, lost, MANAGER_USER, NAMESPACE);
    stage.cluster.expectDenial('get configmaps');
    await api.apply(OLD);
    await stage.anchor();
    const manager = await stage.startManager();

    await poll('the probe to say so', async () => {
      const { text } = await manager.health('/readyz?verbose');
      return text.includes('waits for what was written last') && text.includes(STATUS);
    });
    expect((await manager.health('/readyz')).status).to.equal(200);
    // Whatever it would do without that knowledge it has done by its second attempt.
    await poll(
      'it to have asked twice',
      async () => manager.process.logLines('the module waits: what it wrote last cannot be read').length >= 2,
    );
    expect(await stage.get(PLAIN)).to.equal(undefined);
    expect(await stage.get(OLD)).not.to.equal(undefined);

    await api.mergePatch(ROLE, { rules: role.rules });
    await stage.until('the asset is applied', PLAIN, ({ data }) => data?.['key'] === 'value');
    await poll('what a tombstone names is deleted', async () => (await stage.get(OLD)) === undefined);
  });
});
