import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { defineKind, type KubernetesObject } from '../../../src/framework';
import { MANAGED_BY_LABEL, PATCH_ANNOTATION } from '../../../src/platform/keys';
import { RolloutGate } from '../../../src/platform/rollout/rollout-gate';
import type { RolloutMode } from '../../../src/platform/rollout/rollout-mode';
import { type BaselineStage, BaselineStages } from './baseline-stage';

/** Below assets/crds. */
const DEFINITIONS = ['machineconfigs', 'machineconfigpools'].map(
  (kinds) => `machine-config/${kinds}.machineconfiguration.openshift.io.yaml`,
);

describe('a MachineConfig on a real API server', () => {
  const stages = new BaselineStages();
  let stage: BaselineStage;

  before(() => stages.open(DEFINITIONS));
  after(() => stages.close());
  beforeEach(async () => {
    stage = await stages.next();
  });
  afterEach(() => stage.close());

  const MachineConfig = defineKind('machineconfiguration.openshift.io/v1', 'MachineConfig', 'machineconfigs', { scope: 'Cluster' });
  const SCRIPT = '#!/bin/bash\\necho tune\\n'.repeat(50);
  const gzip = (text: string, level: number) => ({
    compression: 'gzip',
    source: `data:;base64,${gzipSync(text, { level }).toString('base64')}`,
  });
  const machineConfig = (contents: object, version = '3.2.0') => ({
    ...{ apiVersion: 'machineconfiguration.openshift.io/v1', kind: 'MachineConfig' },
    metadata: { name: `50-${stage.namespace}`, labels: { 'machineconfiguration.openshift.io/role': 'worker' } },
    spec: {
      config: { ignition: { version }, storage: { files: [{ path: '/usr/local/bin/tune', mode: 493, overwrite: true, contents }] } },
    },
  });
  const path = () => `/apis/machineconfiguration.openshift.io/v1/machineconfigs/50-${stage.namespace}`;
  const read = () => stage.api.ask<{ metadata: { generation: number; labels: Record<string, string> }; spec: unknown }>({ path: path() });
  const rules = { isNodeLevel: true };

  it('of the older operator whose files hold the same bytes is taken over without a change of its spec', async () => {
    const theirs = machineConfig(gzip(SCRIPT, 1), '3.4.0');
    const applied = '?fieldManager=virt-platform-autopilot&force=true';
    await stage.api.ask({ method: 'PATCH', path: `${path()}${applied}`, body: theirs, contentType: 'application/apply-patch+yaml' });
    const before = await read();

    expect(await stage.run(machineConfig(gzip(SCRIPT, 9)), { kind: MachineConfig, rules })).to.include({ compliance: 1 });
    const after = await read();
    expect(after.spec).to.deep.equal(before.spec);
    expect(after.metadata.generation).to.equal(before.metadata.generation);
    expect(after.metadata.labels).to.include({ [MANAGED_BY_LABEL]: 'virt-steward' });
    for (let level = 1; level <= 9; level++) {
      expect(await stage.run(machineConfig(gzip(SCRIPT, level)), { kind: MachineConfig, rules })).to.include({
        status: 'InSync',
        wrote: false,
      });
    }
  });

  it('whose files really change is written, once its pool lets it', async () => {
    await stage.run(machineConfig(gzip(SCRIPT, 9)), { kind: MachineConfig, rules });
    const { metadata: before } = await read();
    stage.rollout = { open: false, reason: 'PoolDegraded', pool: 'worker' };
    const changed = machineConfig(gzip(`${SCRIPT}# more\\n`, 9));

    expect(await stage.run(changed, { kind: MachineConfig, rules })).to.include({ status: 'RolloutPending', reason: 'PoolDegraded' });
    expect((await read()).metadata.generation).to.equal(before.generation);
    stage.rollout = { open: true };
    expect(await stage.run(changed, { kind: MachineConfig, rules })).to.include({ status: 'Applied' });
    expect((await read()).metadata.generation).to.equal(before.generation + 1);
  });

  describe('beside others of its pool', () => {
    const names = ['first', 'second', 'third'];
    const pools = `/apis/machineconfiguration.openshift.io/v1/machineconfigpools`;
    let pool: KubernetesObject;
    let mode: RolloutMode;
    const configs = () =>
      names.map((name) => {
        const config = machineConfig(gzip(SCRIPT, 9));
        const labels = { 'machineconfiguration.openshift.io/role': stage.namespace };
        return { ...config, metadata: { name: `50-${stage.namespace}-${name}`, labels } };
      });
    const runAll = async (): Promise<string[]> => {
      const all: string[] = [];
      for (const [position, config] of configs().entries()) {
        const { status, reason = '' } = await stage.run(config, {
          key: config.metadata.name,
          kind: MachineConfig,
          rules: { ...rules, position },
        });
        all.push(reason === '' ? status : reason);
      }
      return all;
    };
    /** As the API server has it, told as the informer of the manager would. */
    const setPool = async (updatedMachineCount: number): Promise<void> => {
      const isUpdating = updatedMachineCount < 3;
      const status = { observedGeneration: 1, machineCount: 3, updatedMachineCount, conditions: conditionsOf(isUpdating) };
      const request = {
        method: 'PATCH',
        path: `${pools}/${stage.namespace}/status`,
        contentType: 'application/merge-patch+json',
      } as const;
      pool = await stage.api.ask<KubernetesObject>({ ...request, body: { status } });
      gate().observe(pool);
    };
    const gate = (): RolloutGate => stage.gate as RolloutGate;

    beforeEach(async () => {
      const machineConfigSelector = { matchLabels: { 'machineconfiguration.openshift.io/role': stage.namespace } };
      const metadata = { name: stage.namespace };
      const body = {
        apiVersion: 'machineconfiguration.openshift.io/v1',
        kind: 'MachineConfigPool',
        metadata,
        spec: { machineConfigSelector },
      };
      await stage.api.ask({ method: 'POST', path: pools, body });
      stage.gate = new RolloutGate({ clock: stage.clock, pools: () => [pool], mode: () => mode, isDecidedBefore: () => true });
      await setPool(1);
    });

    it('is written together with them in mode batch, and those that come too late wait for the next time', async () => {
      mode = 'batch';
      expect(await runAll()).to.deep.equal(['PoolUpdating', 'PoolUpdating', 'PoolUpdating']);
      await setPool(3);
      const late = names.pop()!;
      expect(await runAll()).to.deep.equal(['Applied', 'Applied']);
      await setPool(1);
      await stage.clock.advance(5_000);
      names.push(late);

      expect(await runAll()).to.deep.equal(['InSync', 'InSync', 'PoolUpdating']);
      await setPool(3);
      expect(await runAll()).to.deep.equal(['InSync', 'InSync', 'Applied']);
    });

    it('is written one after the other in mode serial, each after the pool has updated', async () => {
      mode = 'serial';
      await setPool(3);
      expect(await runAll()).to.deep.equal(['Applied', 'PoolSettling', 'PoolSettling']);
      await setPool(1);
      expect(await runAll()).to.deep.equal(['InSync', 'PoolUpdating', 'PoolUpdating']);
      await setPool(3);

      expect(await runAll()).to.deep.equal(['InSync', 'Applied', 'PoolSettling']);
    });
  });

  it('takes no patch, and says so', async () => {
    await stage.run(machineConfig(gzip(SCRIPT, 9)), { kind: MachineConfig, rules });
    const annotations = { [PATCH_ANNOTATION]: '[{"op":"replace","path":"/spec/config","value":{}}]' };
    await stage.api.ask({
      method: 'PATCH',
      path: path(),
      body: { metadata: { annotations } },
      contentType: 'application/merge-patch+json',
    });
    const outcome = await stage.run(machineConfig(gzip(SCRIPT, 9)), { kind: MachineConfig, rules });

    expect(outcome).to.include({ status: 'InvalidPatch', compliance: 0, wrote: false });
    expect(outcome.message).to.contain('takes no patch');
  });
});

function conditionsOf(isUpdating: boolean): object[] {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  return [
    { type: 'Updating', status: String(isUpdating), lastTransitionTime },
    { type: 'Updated', status: String(!isUpdating), lastTransitionTime },
  ].map((condition) => ({ ...condition, status: condition.status === 'true' ? 'True' : 'False' }));
}
