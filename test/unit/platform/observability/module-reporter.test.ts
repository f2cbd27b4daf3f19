import { expect } from 'chai';
import { type EventInput, type KubernetesObject, MetricsRegistry } from '../../../../src/framework';
import { FakeClock, RecordingLogger } from '../../../../src/framework/testing';
import { type BaselineOutcome, type BaselineStatus, NO_CUSTOMIZATIONS } from '../../../../src/platform/baseline/outcome';
import { activationOf } from '../../../../src/platform/context/activation';
import type { ContextProblem, ContextState } from '../../../../src/platform/context/context-state';
import { rowStatusOf } from '../../../../src/platform/observability/asset-rows';
import { ModuleReporter, type ReportedState } from '../../../../src/platform/observability/module-reporter';
import { PlatformEvents } from '../../../../src/platform/observability/platform-events';
import { PlatformMetrics } from '../../../../src/platform/observability/platform-metrics';

const ANCHOR: KubernetesObject = {
  apiVersion: 'hco.kubevirt.io/v1',
  kind: 'HyperConverged',
  metadata: { name: 'kubevirt-hyperconverged', namespace: 'kv' },
};

function stateWith(
  problems: readonly ContextProblem[] = [],
  anchor: ContextState['anchor'] = { kind: 'hco', object: ANCHOR, rivals: [] },
): ContextState {
  const activation = activationOf(undefined, 'always', []);
  return { anchor, activation, context: undefined, unknown: new Set(), olderOperator: undefined, problems };
}

function aState(key: string, status: BaselineStatus | 'FILTERED' | 'MISSING', outcome: Partial<BaselineOutcome> = {}): ReportedState {
  const isRun = status !== 'FILTERED' && status !== 'MISSING';
  const row = isRun ? rowStatusOf(status) : status;
  const compliance = row === 'INCLUDED' ? 1 : 0;
  const full = { compliance, isPaused: false, isContested: false, customizations: NO_CUSTOMIZATIONS, wrote: false, ...outcome };
  return {
    ...{ key, identity: `apps/DaemonSet/ns/${key}`, status: row, reason: isRun ? '' : 'CRDMissing', seconds: 0.1 },
    asset: { name: key, identity: { apiVersions: ['apps/v1'], kind: 'DaemonSet' }, requires: [] },
    target: isRun ? { kind: 'DaemonSet', name: key, namespace: 'ns' } : undefined,
    outcome: isRun ? ({ status, ...full } as BaselineOutcome) : undefined,
  };
}

function bench() {
  const clock = new FakeClock();
  const recorded: EventInput[] = [];
  const registry = new MetricsRegistry();
  const metrics = new PlatformMetrics(registry);
  const made = {
    context: stateWith() as ContextState | undefined,
    states: new Map<string, ReportedState>(),
    keys: ['a'],
    served: true,
    remembered: 'keep' as const,
    mistakes: [] as { reason: 'InvalidOption'; message: string }[],
  };
  const events = new PlatformEvents({
    ...{ clock, log: new RecordingLogger(), recorder: { record: (event: EventInput) => recorded.push(event) } },
    ...{ anchor: () => ANCHOR, dropped: () => undefined },
  });
  const reporter = new ModuleReporter({
    ...{ events, metrics, orphans: () => [], changed: () => undefined, invalidExclusions: () => '', mistakes: () => made.mistakes },
    ...{ states: () => [...made.states.values()], keys: () => made.keys, context: () => made.context, serves: () => made.served },
    rememberedPolicy: () => made.remembered,
    edited: () => [],
    isOutdated: () => false,
  });
  const run = (state: ReportedState): void => {
    const before = made.states.get(state.key);
    made.states.set(state.key, state);
    reporter.report(state, before);
  };
  const reasons = (): string[] => recorded.splice(0).map(({ reason }) => reason);
  return { made, reporter, run, reasons, recorded, clock, text: () => registry.metrics() };
}

describe('the reporter of the module', () => {
  it('says once that everything is in sync, and again after a correction', () => {
    const { made, reporter, run, reasons } = bench();
    made.keys = ['a', 'b', 'c'];
    reporter.lead();
    run(aState('a', 'Applied', { wrote: true }));
    run(aState('b', 'FILTERED'));
    expect(reasons()).to.deep.equal([]);
    run(aState('c', 'Unmanaged', { compliance: undefined }));
    expect(reasons()).to.deep.equal(['ReconcileSucceeded']);

    for (let i = 0; i < 5; i++) run(aState('a', 'InSync'));
    expect(reasons()).to.deep.equal([]);
    run(aState('a', 'Throttled'));
    run(aState('a', 'InSync'));
    expect(reasons()).to.deep.equal(['ReconcileSucceeded']);
    run(aState('a', 'Applied', { wrote: true }));

    expect(reasons()).to.deep.equal(['ReconcileSucceeded']);
  });

  it('tells when what waited for a pool was written', () => {
    const { reporter, run, reasons } = bench();
    reporter.lead();
    run(aState('a', 'RolloutPending', { reason: 'PoolUpdating', compliance: undefined }));
    run(aState('a', 'Applied', { wrote: true }));

    expect(reasons()).to.include('RolloutReleased');
  });

  it('shows no series of what is excluded, unwanted or gone', async () => {
    const { reporter, run, text } = bench();
    reporter.lead();
    for (const end of [() => run(aState('a', 'Excluded')), () => run(aState('a', 'FILTERED')), () => reporter.forget('a')]) {
      run(aState('a', 'InSync'));
      expect(await text()).to.contain('kubevirt_autopilot_compliance_status{kind="DaemonSet",name="a",namespace="ns"} 1');
      end();
      expect(await text()).not.to.contain('name="a"');
    }
  });

  it('shows that an object is not as wanted when its asset cannot be rendered any more, and nothing of one that never was', async () => {
    const { reporter, run, text } = bench();
    const failed = { ...aState('a', 'RenderFailed'), outcome: undefined };
    reporter.lead();
    run(failed);
    expect(await text()).not.to.contain('name="a"');
    run(aState('a', 'InSync'));

    run(failed);

    expect(await text()).to.contain('kubevirt_autopilot_compliance_status{kind="DaemonSet",name="a",namespace="ns"} 0');
  });

  it('tells mistakes of the user about the anchor, and again when they come back', () => {
    const { made, reporter, recorded, reasons } = bench();
    reporter.lead();
    made.mistakes = [{ reason: 'InvalidOption', message: 'rollout is "x"' }];
    reporter.contextChanged();
    reporter.contextChanged();
    expect(recorded.map(({ reason, about }) => [reason, about.kind])).to.deep.equal([['InvalidOption', 'HyperConverged']]);
    made.mistakes = [];
    reporter.contextChanged();
    made.mistakes = [{ reason: 'InvalidOption', message: 'rollout is "x"' }];
    reporter.contextChanged();

    expect(reasons()).to.have.length(2);
  });

  it('names a missing kind only while a wanted asset needs it', async () => {
    const { made, reporter, run, text } = bench();
    const series = async (): Promise<string | undefined> => /missing_dependency\{.*\} (\d)/.exec(await text())?.[1];
    reporter.lead();
    made.served = false;
    run(aState('a', 'MISSING'));
    expect(await series()).to.equal('1');
    made.served = true;
    run(aState('a', 'InSync'));
    expect(await series()).to.equal('0');

    run(aState('a', 'FILTERED'));

    expect(await series()).to.equal(undefined);
  });

  it('tells of a kind that appeared, with the assets that waited for it', () => {
    const { reporter, run, recorded } = bench();
    reporter.lead();
    run(aState('a', 'MISSING'));
    recorded.length = 0;

    reporter.appeared([
      { apiVersion: 'apps/v1', kind: 'DaemonSet' },
      { apiVersion: 'apps/v1', kind: 'Deployment' },
    ]);

    expect(recorded.map(({ reason, note }) => [reason, note])).to.deep.equal([
      ['CRDDiscovered', 'apps/v1 DaemonSet is served now; needed by a'],
    ]);
  });

  it('tells each problem of the context once, about each object, and again when it comes back', () => {
    const { made, reporter, reasons, recorded } = bench();
    const rival = { ...ANCHOR, metadata: { name: 'kubevirt-hyperconverged', namespace: 'other' } };
    const problem: ContextProblem = { reason: 'AnchorAmbiguous', message: 'several', about: [ANCHOR, rival] };
    made.context = stateWith([problem]);
    reporter.lead();
    reporter.contextChanged();
    expect(recorded.map(({ about }) => about.metadata?.namespace)).to.deep.equal(['kv', 'other']);
    reasons();

    made.context = stateWith([]);
    reporter.contextChanged();
    made.context = stateWith([problem]);
    reporter.contextChanged();

    expect(reasons()).to.deep.equal(['AnchorAmbiguous', 'AnchorAmbiguous']);
  });

  it('reads the policy for removals from the anchor, also from one that is being deleted, and remembers it', () => {
    const { made, reporter } = bench();
    expect(reporter.policy()).to.equal('keep');
    const deleting = { ...ANCHOR, metadata: { ...ANCHOR.metadata, annotations: { 'platform.kubevirt.io/on-removal': ' delete ' } } };
    made.context = stateWith([], { kind: 'hco', object: deleting, rivals: [] });
    expect(reporter.policy()).to.equal('delete');
    made.context = stateWith([], { kind: 'none', why: 'AnchorTerminating', terminating: deleting });
    expect(reporter.policy()).to.equal('delete');
    made.context = stateWith([], { kind: 'none', why: 'HcoAbsent' });
    expect(reporter.policy()).to.equal('keep');

    made.remembered = 'delete' as never;

    expect(reporter.policy()).to.equal('delete');
  });

  it('says nothing while another process leads, and leaves no series behind', async () => {
    const { reporter, run, reasons, text } = bench();
    run(aState('a', 'InSync'));
    expect(await text()).not.to.contain('name="a"');
    reporter.lead();
    run(aState('a', 'InSync'));
    reasons();

    reporter.follow();

    expect(await text()).not.to.contain('name="a"');
    expect(reasons()).to.deep.equal([]);
  });

  it('has no status before the anchor is known', () => {
    const { made, reporter } = bench();
    made.context = stateWith([], { kind: 'unknown' });

    expect(reporter.status()).to.equal(undefined);
  });
});
