import { expect } from 'chai';
import { MetricsRegistry } from '../../../../src/framework';
import { type ObjectFigures, PlatformMetrics } from '../../../../src/platform/observability/platform-metrics';

const SWAP = { kind: 'MachineConfig', name: '90-worker-swap-online', namespace: '' };
const FIGURES: ObjectFigures = {
  ...{ compliance: 1, isPaused: false, isContested: false },
  customizations: { patch: false, ignore: false, unmanaged: false },
};

describe('metrics of the platform module', () => {
  function bench() {
    const registry = new MetricsRegistry();
    const metrics = new PlatformMetrics(registry);
    /** Series of one metric as `labels value`, without the identity that all have. */
    const series = async (name: string): Promise<string[]> => {
      const lines = (await registry.getSingleMetricAsString(`kubevirt_autopilot_${name}`))
        .split('\n')
        .filter((line) => !line.startsWith('#'));
      return lines.map((line) => line.replace(/^kubevirt_autopilot_\w+/, ''));
    };
    return { registry, metrics, series };
  }

  it('say of an object whether it is as wanted, and nothing where nothing can be said', async () => {
    const { metrics, series } = bench();
    metrics.report(SWAP, FIGURES, 0.02);
    expect(await series('compliance_status')).to.deep.equal(['{kind="MachineConfig",name="90-worker-swap-online",namespace=""} 1']);

    metrics.report(SWAP, { ...FIGURES, compliance: 0 }, 0.02);
    expect(await series('compliance_status')).to.deep.equal(['{kind="MachineConfig",name="90-worker-swap-online",namespace=""} 0']);
    metrics.report(SWAP, { ...FIGURES, compliance: undefined, isPaused: true }, 0.02);

    expect(await series('compliance_status')).to.deep.equal([]);
    expect(await series('paused_resources')).to.deep.equal(['{kind="MachineConfig",name="90-worker-swap-online",namespace=""} 1']);
  });

  it('name one reason at a time for a rollout that waits', async () => {
    const { metrics, series } = bench();
    for (const rolloutReason of ['PoolUpdating', 'PoolPaused']) metrics.report(SWAP, { ...FIGURES, rolloutReason }, 0);
    expect(await series('rollout_pending')).to.have.length(1);
    expect((await series('rollout_pending'))[0]).to.contain('reason="PoolPaused"');

    metrics.report(SWAP, FIGURES, 0);

    expect(await series('rollout_pending')).to.deep.equal([]);
  });

  it('show each kind of customization while it lasts', async () => {
    const { metrics, series } = bench();
    metrics.report(SWAP, { ...FIGURES, customizations: { patch: true, ignore: true, unmanaged: false } }, 0);
    expect((await series('customization_info')).map((line) => /type="(\w+)"/.exec(line)![1])).to.deep.equal(['patch', 'ignore']);

    metrics.report(SWAP, FIGURES, 0);

    expect(await series('customization_info')).to.deep.equal([]);
  });

  it('take every series of an object away with it', async () => {
    const { registry, metrics } = bench();
    const figures = {
      ...FIGURES,
      isContested: true,
      rolloutReason: 'Manual',
      customizations: { patch: true, ignore: true, unmanaged: true },
    };
    metrics.report(SWAP, figures, 0.1);
    metrics.thrashing(SWAP);
    metrics.tombstoned(SWAP, -1);
    expect(await registry.metrics()).to.contain('90-worker-swap-online');

    metrics.forget(SWAP);

    expect(await registry.metrics()).not.to.contain('90-worker-swap-online');
  });

  it('leave nothing but counts when another process leads', async () => {
    const { registry, metrics } = bench();
    metrics.active(true);
    metrics.report(SWAP, FIGURES, 0);
    metrics.orphans([SWAP]);
    metrics.dependencies([{ group: 'aaq.kubevirt.io', version: 'v1alpha1', kind: 'AAQ', isMissing: true }]);

    metrics.forgetAll();

    const text = await registry.metrics();
    expect(text).not.to.match(/90-worker-swap-online|kind="AAQ"/);
    expect(text).to.contain('kubevirt_autopilot_active 0');
  });

  it('stop at two thousand objects', async () => {
    const { metrics, series } = bench();
    for (let i = 0; i < 2_010; i++) metrics.report({ ...SWAP, name: `n${i}` }, FIGURES, 0);

    expect(await series('compliance_status')).to.have.length(2_000);
  });

  it('show the kinds that are needed, served or not, as one set', async () => {
    const { metrics, series } = bench();
    const aaq = { group: 'aaq.kubevirt.io', version: 'v1alpha1', kind: 'AAQ' };
    metrics.dependencies([{ ...aaq, isMissing: true }]);
    expect(await series('missing_dependency')).to.deep.equal(['{group="aaq.kubevirt.io",version="v1alpha1",kind="AAQ"} 1']);
    metrics.dependencies([{ ...aaq, isMissing: false }]);
    expect(await series('missing_dependency')).to.deep.equal(['{group="aaq.kubevirt.io",version="v1alpha1",kind="AAQ"} 0']);

    metrics.dependencies([]);

    expect(await series('missing_dependency')).to.deep.equal([]);
  });

  it('show orphans as one set', async () => {
    const { metrics, series } = bench();
    metrics.orphans([SWAP, { ...SWAP, name: 'other' }]);
    metrics.orphans([SWAP]);

    expect(await series('orphaned_resources')).to.have.length(1);
  });
});
