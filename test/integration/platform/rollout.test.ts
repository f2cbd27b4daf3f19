import { expect } from 'chai';
import { poll } from '../../harness/poll';
import { PlatformStage } from './platform-stage';

const DOMAIN = 'platform.kubevirt.io/';
const GROUP = 'machineconfiguration.openshift.io/v1';
const ROLE = 'machineconfiguration.openshift.io/role';
const machineConfig = (name: string) => ({ apiVersion: GROUP, kind: 'MachineConfig', metadata: { name } });
const asset = (name: string, role = 'worker', install = 'always'): string => `asset:
  name: ${name}
  switch: ${name}
  install: ${install}
  onUnwanted: delete
---
apiVersion: ${GROUP}
kind: MachineConfig
metadata:
  name: 50-${name}
  labels:
    ${ROLE}: ${role}
spec:
  kernelArguments: [${name}=on]
  config:
    ignition:
      version: 3.2.0
`;

const CATALOG = {
  'first.yaml': asset('first'),
  'second.yaml': asset('second'),
  'master.yaml': asset('master', 'master'),
  'third.yaml': asset('third', 'worker', 'opt-in'),
  'fourth.yaml': asset('fourth', 'worker', 'opt-in'),
  'plain.yaml': `asset:
  name: plain
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: plain
  namespace: default
`,
};

const [FIRST, SECOND, MASTER] = ['first', 'second', 'master'].map((name) => machineConfig(`50-${name}`)) as [
  ReturnType<typeof machineConfig>,
  ReturnType<typeof machineConfig>,
  ReturnType<typeof machineConfig>,
];
const CONDITIONS = ['Updated', 'Updating', 'Degraded', 'NodeDegraded', 'RenderDegraded'];

describe('rollouts on a real API server', () => {
  let stage: PlatformStage;

  before(async () => {
    const definitions = ['machineconfigpools', 'machineconfigs'].map(
      (plural) => `machine-config/${plural}.machineconfiguration.openshift.io.yaml`,
    );
    stage = await PlatformStage.set({ catalog: CATALOG, definitions: ['hco/hyperconvergeds.hco.kubevirt.io.yaml', ...definitions] });
    for (const name of ['worker', 'master']) await createPool(name);
    await setPool('worker', 'Updated', { paused: true });
    await setPool('master', 'Updated');
    await stage.startManager();
    await stage.anchor();
  });
  after(() => stage?.end());

  const path = (name: string): string => `/apis/${GROUP}/machineconfigpools/${name}`;

  async function createPool(name: string): Promise<void> {
    const body = {
      apiVersion: GROUP,
      kind: 'MachineConfigPool',
      metadata: { name },
      spec: { machineConfigSelector: { matchLabels: { [ROLE]: name } } },
    };
    await stage.cluster.api.ask({ method: 'POST', path: `/apis/${GROUP}/machineconfigpools`, body });
  }

  /** As the machine config operator would say it. */
  async function setPool(name: string, isTrue: string, { paused = false } = {}): Promise<void> {
    const contentType = 'application/merge-patch+json';
    const { metadata } = await stage.cluster.api.ask<{ metadata: { generation: number } }>({
      method: 'PATCH',
      path: path(name),
      contentType,
      body: { spec: { paused } },
    });
    const isUpdating = isTrue === 'Updating';
    const conditions = CONDITIONS.map((type) => ({
      type,
      status: type === isTrue ? 'True' : 'False',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    }));
    const known = conditions.filter(({ type }) => type !== 'Updated' || isTrue === 'Updated' || isUpdating);
    const status = { observedGeneration: metadata.generation, machineCount: 3, updatedMachineCount: isUpdating ? 1 : 3, conditions: known };
    await stage.cluster.api.ask({ method: 'PATCH', path: `${path(name)}/status`, contentType, body: { status } });
  }

  const figure = (name: string): Promise<string | undefined> => stage.metric(`rollout_pending{kind="MachineConfig",name="${name}"`);
  const waits = (name: string, reason: string): Promise<unknown> =>
    poll(
      `${name} to wait: ${reason}`,
      async () =>
        (await stage.metric(`rollout_pending{kind="MachineConfig",name="${name}",namespace="",reason="${reason}"`)) === '1' || undefined,
    );
  const exists = async (reference: typeof FIRST): Promise<boolean> => (await stage.get(reference)) !== undefined;

  it('wait for a pool that is paused, and for no other pool, nor does anything else wait', async () => {
    await waits('50-first', 'PoolPaused');
    await stage.until('the object of the other pool', MASTER, () => true);
    await stage.until(
      'an object that reboots nothing',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'plain', namespace: 'default' } },
      () => true,
    );
    await stage.untilEvent('RolloutPending', 'worker');

    expect(await exists(FIRST)).to.equal(false);
    expect(await exists(SECOND)).to.equal(false);
    const isShown = async (): Promise<true | undefined> =>
      /type: RolloutPending\n\s+status: "True"/.test(await stage.status()) || undefined;
    await poll('the condition', isShown);
    expect(await stage.metric('compliance_status{kind="MachineConfig",name="50-first"')).to.equal(undefined);
  });

  it('go on as soon as the pool is resumed, one object at a time in the order of the catalog', async () => {
    await setPool('worker', 'Updated');
    await stage.until('the first', FIRST, () => true);
    await waits('50-second', 'PoolSettling');
    await stage.untilEvent('RolloutReleased');

    await setPool('worker', 'Updating');
    await waits('50-second', 'PoolUpdating');
    expect(await exists(SECOND)).to.equal(false);
    await setPool('worker', 'Updated');

    await stage.until('the second', SECOND, () => true);
  });

  it('correct no drift while the pool is degraded, but show it', async () => {
    // Pool and object come by watches of their own; a manager that starts knows both.
    await stage.stopManager();
    await setPool('worker', 'Updating');
    await setPool('worker', 'Degraded');
    await stage.merge(SECOND, { spec: { kernelArguments: ['theirs'] } });
    await stage.startManager();
    await waits('50-second', 'PoolDegraded');
    expect((await stage.get(SECOND))?.spec?.['kernelArguments']).to.deep.equal(['theirs']);

    await setPool('worker', 'Updated');

    await stage.until('the value is back', SECOND, ({ spec }) => JSON.stringify(spec?.['kernelArguments']) === '["second=on"]');
    await poll('nothing to wait', async () => (await figure('50-second')) === undefined || undefined);
  });

  it('are held back by a pool that is updating after a restart, too', async () => {
    await setPool('worker', 'Updating');
    await stage.stopManager();
    await stage.merge(FIRST, { spec: { kernelArguments: ['theirs'] } });
    await stage.startManager();
    await waits('50-first', 'PoolUpdating');
    expect((await stage.get(FIRST))?.spec?.['kernelArguments']).to.deep.equal(['theirs']);

    await setPool('worker', 'Updated');

    await stage.until('the value is back', FIRST, ({ spec }) => JSON.stringify(spec?.['kernelArguments']) === '["first=on"]');
  });

  it('are all held back in mode manual, deletions as well', async () => {
    await setPool('worker', 'Updating');
    await setPool('worker', 'Updated');
    await stage.anchor({ [`${DOMAIN}rollout`]: 'manual', [`${DOMAIN}enable-second`]: 'false' });
    await stage.untilEvent('RolloutPending', '50-second is to be deleted');
    await stage.merge(FIRST, { spec: { kernelArguments: ['theirs'] } });
    await waits('50-first', 'Manual');

    expect(await exists(SECOND)).to.equal(true);
    expect((await stage.get(FIRST))?.spec?.['kernelArguments']).to.deep.equal(['theirs']);
  });

  it('happen at once in mode immediate, whatever the pool says', async () => {
    await setPool('worker', 'Degraded');
    await stage.anchor({ [`${DOMAIN}rollout`]: 'immediate' });

    await stage.until('the value is back', FIRST, ({ spec }) => JSON.stringify(spec?.['kernelArguments']) === '["first=on"]');
    await poll('the second to be gone', async () => !(await exists(SECOND)) || undefined);
  });

  it('wait in mode batch until the pool is clear, and need it to move for none of those that are pending', async () => {
    const [third, fourth] = [machineConfig('50-third'), machineConfig('50-fourth')];
    await stage.stopManager();
    for (const state of ['Updating', 'Updated', 'Updating']) await setPool('worker', state);
    await stage.anchor({ [`${DOMAIN}rollout`]: 'batch', [`${DOMAIN}enable-third`]: 'true', [`${DOMAIN}enable-fourth`]: 'true' });
    await stage.startManager();
    await waits('50-third', 'PoolUpdating');
    await waits('50-fourth', 'PoolUpdating');
    expect(await exists(third)).to.equal(false);
    expect(await exists(fourth)).to.equal(false);
    await setPool('worker', 'Updated');

    await stage.until('the third', third, () => true);
    await stage.until('the fourth', fourth, () => true);
  });

  it('are serial for a mode that nobody knows, which is told', async () => {
    await stage.anchor({ [`${DOMAIN}rollout`]: 'Serial' });

    await stage.untilEvent('InvalidOption', '"Serial"; allowed: serial, batch, immediate, manual');
  });

  it('never change a pool', async () => {
    const pool = await stage.cluster.api.ask<{ metadata: { managedFields: { manager: string }[] } }>({ path: path('worker') });

    expect(pool.metadata.managedFields.filter(({ manager }) => manager.startsWith('virt-steward'))).to.deep.equal([]);
  });
});
