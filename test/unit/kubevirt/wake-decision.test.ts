import { expect } from 'chai';
import fc from 'fast-check';
import { decideWake, type WakeDecision, type WakePolicy } from '../../../src/kubevirt/wake-decision';
import { isLive, wakeStateOf } from '../../../src/kubevirt/wake-state';
import { aVm, aVmi, type VmiOptions, type VmOptions } from './builders';

const START: WakePolicy = { startPolicy: 'Start', unpause: false };
const SKIP: WakePolicy = { startPolicy: 'Skip', unpause: false };
const UNPAUSE: WakePolicy = { startPolicy: 'Start', unpause: true };

const decide = (vm: VmOptions | undefined, vmi: VmiOptions | undefined, policy: WakePolicy): WakeDecision =>
  decideWake(wakeStateOf(vm && aVm(vm), vmi && aVmi(vmi)), policy);

interface Row {
  row: number;
  title: string;
  vm: VmOptions | undefined;
  vmi?: VmiOptions;
  policy?: WakePolicy;
  kind: WakeDecision['kind'];
  reason?: string;
  says?: string;
}

const startRequest = { stateChangeRequests: [{ action: 'Start' }] };
const stopRequest = { stateChangeRequests: [{ action: 'Stop', uid: 'vmi-1' }] };
const recovery = { conditions: [{ type: 'ManualRecoveryRequired', status: 'True' }] };

const ROWS: Row[] = [
  { row: 1, title: 'the virtual machine does not exist', vm: undefined, kind: 'refuse', reason: 'VMMissing' },
  { row: 1, title: 'only a stray instance exists', vm: undefined, vmi: { phase: 'Running' }, kind: 'refuse', reason: 'VMMissing' },
  { row: 2, title: 'it is being deleted', vm: { runStrategy: 'Manual', deleting: true }, kind: 'refuse', reason: 'Terminating' },
  { row: 3, title: 'it waits as a receiver', vm: { runStrategy: 'WaitAsReceiver' }, kind: 'refuse', reason: 'NotStartable' },
  { row: 3, title: 'a receiver that runs', vm: { runStrategy: 'WaitAsReceiver' }, vmi: { phase: 'Running' }, kind: 'refuse' },
  { row: 3, title: 'the strategy is from the future', vm: { runStrategy: 'Sometimes' }, kind: 'refuse', reason: 'NotStartable' },
  { row: 3, title: 'both fields are set', vm: { runStrategy: 'Manual', running: true }, kind: 'refuse', reason: 'NotStartable' },
  {
    row: 4,
    title: 'paused, unpause allowed',
    vm: { runStrategy: 'Always' },
    vmi: { phase: 'Running', paused: true },
    policy: UNPAUSE,
    kind: 'unpause',
    says: 'unpausing',
  },
  {
    row: 5,
    title: 'paused, unpause not allowed',
    vm: { runStrategy: 'Manual' },
    vmi: { phase: 'Running', paused: true },
    kind: 'already-running',
    says: 'spec.unpause',
  },
  { row: 6, title: 'running', vm: { runStrategy: 'Manual' }, vmi: { phase: 'Running' }, kind: 'already-running' },
  { row: 6, title: 'scheduling', vm: { runStrategy: 'Manual' }, vmi: { phase: 'Scheduling' }, kind: 'already-running' },
  { row: 6, title: 'an instance without a phase', vm: { runStrategy: 'Manual' }, vmi: {}, kind: 'already-running' },
  {
    row: 6,
    title: 'an instance in a phase from the future',
    vm: { runStrategy: 'Manual' },
    vmi: { phase: 'Teleporting' },
    kind: 'already-running',
  },
  {
    row: 6,
    title: 'running but unschedulable',
    vm: { runStrategy: 'Manual', status: { printableStatus: 'ErrorUnschedulable' } },
    vmi: { phase: 'Pending' },
    kind: 'already-running',
    says: 'ErrorUnschedulable',
  },
  {
    row: 6,
    title: 'a queued Stop is for an earlier instance',
    vm: { runStrategy: 'Manual', status: { stateChangeRequests: [{ action: 'Stop', uid: 'vmi-0' }] } },
    vmi: { phase: 'Running' },
    kind: 'already-running',
  },
  {
    row: 7,
    title: 'Always, instance going away',
    vm: { runStrategy: 'Always' },
    vmi: { phase: 'Running', deleting: true },
    kind: 'already-running',
  },
  {
    row: 7,
    title: 'running: true, instance going away',
    vm: { running: true },
    vmi: { phase: 'Running', deleting: true },
    kind: 'already-running',
  },
  {
    row: 7,
    title: 'Once, instance going away',
    vm: { runStrategy: 'Once' },
    vmi: { phase: 'Running', deleting: true },
    kind: 'already-running',
  },
  {
    row: 8,
    title: 'halted, still stopping, Skip',
    vm: { runStrategy: 'Halted' },
    vmi: { phase: 'Running' },
    policy: SKIP,
    kind: 'refuse',
    reason: 'SkippedByPolicy',
  },
  {
    row: 8,
    title: 'running: false, still stopping, Skip',
    vm: { running: false },
    vmi: { phase: 'Running' },
    policy: SKIP,
    kind: 'refuse',
    reason: 'SkippedByPolicy',
  },
  {
    row: 9,
    title: 'halted, still stopping',
    vm: { runStrategy: 'Halted' },
    vmi: { phase: 'Running' },
    kind: 'wait-for-stop',
    says: 'waiting for the stop',
  },
  {
    row: 9,
    title: 'halted and paused, still stopping',
    vm: { runStrategy: 'Halted' },
    vmi: { phase: 'Running', paused: true },
    policy: UNPAUSE,
    kind: 'wait-for-stop',
  },
  {
    row: 9,
    title: 'Manual with a queued Stop',
    vm: { runStrategy: 'Manual', status: stopRequest },
    vmi: { phase: 'Running' },
    kind: 'wait-for-stop',
  },
  {
    row: 9,
    title: 'Manual with a queued Stop, Skip is about halted ones',
    vm: { runStrategy: 'Manual', status: stopRequest },
    vmi: { phase: 'Running' },
    policy: SKIP,
    kind: 'wait-for-stop',
  },
  {
    row: 9,
    title: 'RerunOnFailure, instance being deleted',
    vm: { runStrategy: 'RerunOnFailure' },
    vmi: { phase: 'Running', deleting: true },
    kind: 'wait-for-stop',
  },
  {
    row: 10,
    title: 'manual recovery required',
    vm: { runStrategy: 'Manual', status: recovery },
    kind: 'refuse',
    reason: 'ManualRecoveryRequired',
  },
  {
    row: 10,
    title: 'manual recovery required, halted',
    vm: { runStrategy: 'Halted', status: recovery },
    policy: SKIP,
    kind: 'refuse',
    reason: 'ManualRecoveryRequired',
  },
  { row: 11, title: 'halted, Skip', vm: { runStrategy: 'Halted' }, policy: SKIP, kind: 'refuse', reason: 'SkippedByPolicy' },
  { row: 11, title: 'neither field, Skip', vm: {}, policy: SKIP, kind: 'refuse', reason: 'SkippedByPolicy' },
  { row: 12, title: 'halted', vm: { runStrategy: 'Halted' }, kind: 'start' },
  { row: 12, title: 'running: false', vm: { running: false }, kind: 'start' },
  { row: 12, title: 'neither field', vm: {}, kind: 'start' },
  { row: 12, title: 'halted with a finished instance', vm: { runStrategy: 'Halted' }, vmi: { phase: 'Succeeded' }, kind: 'start' },
  {
    row: 13,
    title: 'Manual, start already requested',
    vm: { runStrategy: 'Manual', status: startRequest },
    kind: 'follow',
    says: 'already requested',
  },
  {
    row: 13,
    title: 'RerunOnFailure, start already requested',
    vm: { runStrategy: 'RerunOnFailure', status: startRequest },
    kind: 'follow',
  },
  { row: 14, title: 'Manual, no instance', vm: { runStrategy: 'Manual' }, kind: 'start' },
  { row: 14, title: 'Manual, Skip is about halted ones', vm: { runStrategy: 'Manual' }, policy: SKIP, kind: 'start' },
  { row: 14, title: 'Manual, instance succeeded', vm: { runStrategy: 'Manual' }, vmi: { phase: 'Succeeded' }, kind: 'start' },
  { row: 14, title: 'Manual, instance failed', vm: { runStrategy: 'Manual' }, vmi: { phase: 'Failed' }, kind: 'start' },
  { row: 14, title: 'Manual, instance unknown', vm: { runStrategy: 'Manual' }, vmi: { phase: 'Unknown' }, kind: 'start' },
  { row: 14, title: 'RerunOnFailure, no instance', vm: { runStrategy: 'RerunOnFailure' }, kind: 'start' },
  {
    row: 14,
    title: 'RerunOnFailure, instance succeeded',
    vm: { runStrategy: 'RerunOnFailure' },
    vmi: { phase: 'Succeeded' },
    kind: 'start',
  },
  {
    row: 15,
    title: 'RerunOnFailure, instance failed',
    vm: { runStrategy: 'RerunOnFailure' },
    vmi: { phase: 'Failed' },
    kind: 'refuse',
    reason: 'RerunByKubeVirt',
  },
  ...['CrashLoopBackOff', 'ErrorUnschedulable', 'ErrorPvcNotFound', 'DataVolumeError', 'ErrImagePull', 'ImagePullBackOff'].map(
    (printableStatus): Row => ({
      row: 16,
      title: `Always, ${printableStatus}`,
      vm: { runStrategy: 'Always', status: { printableStatus } },
      kind: 'refuse',
      reason: 'AlwaysFailing',
      says: printableStatus,
    }),
  ),
  {
    row: 16,
    title: 'Once without instance, failing',
    vm: { runStrategy: 'Once', status: { printableStatus: 'ErrImagePull' } },
    kind: 'refuse',
    reason: 'AlwaysFailing',
  },
  { row: 17, title: 'Always, no instance', vm: { runStrategy: 'Always' }, kind: 'already-running', says: 'desired on' },
  {
    row: 17,
    title: 'running: true with a failed instance',
    vm: { running: true },
    vmi: { phase: 'Failed' },
    kind: 'already-running',
    says: 'desired on',
  },
  { row: 17, title: 'Once, no instance', vm: { runStrategy: 'Once' }, kind: 'already-running', says: 'desired on' },
  {
    row: 18,
    title: 'Once, its run is over',
    vm: { runStrategy: 'Once' },
    vmi: { phase: 'Succeeded' },
    kind: 'refuse',
    reason: 'NotStartable',
  },
];

describe('the wake decision table', () => {
  for (const { row, title, vm, vmi, policy = START, kind, reason, says } of ROWS) {
    it(`row ${row}: ${title}${policy === SKIP ? ' (Skip)' : ''} -> ${reason ?? kind}`, () => {
      const decision = decide(vm, vmi, policy);

      expect({ row: decision.row, kind: decision.kind }).to.deep.equal({ row, kind });
      if (reason !== undefined) expect(decision).to.have.property('reason', reason);
      if (says !== undefined) expect(decision.text).to.contain(says);
    });
  }

  it('row 9: takes the grace period from the instance, then the template, then the default of 30 s', () => {
    const vmi = { phase: 'Running', deleting: true };
    expect(decide({ runStrategy: 'Manual' }, { ...vmi, gracePeriodSeconds: 7 }, START)).to.have.property('gracePeriodSeconds', 7);
    expect(decide({ runStrategy: 'Manual' }, vmi, START)).to.have.property('gracePeriodSeconds', 30);
    const vm = aVm({ runStrategy: 'Manual' });
    vm.spec = { runStrategy: 'Manual', template: { spec: { terminationGracePeriodSeconds: 180 } } };
    expect(decideWake(wakeStateOf(vm, aVmi(vmi)), START)).to.have.property('gracePeriodSeconds', 180);
  });
});

const vmOptions: fc.Arbitrary<VmOptions> = fc.record(
  {
    running: fc.boolean(),
    runStrategy: fc.constantFrom('Always', 'RerunOnFailure', 'Manual', 'Halted', 'Once', 'WaitAsReceiver', 'Sometimes'),
    deleting: fc.boolean(),
    status: fc.record(
      {
        printableStatus: fc.constantFrom('Stopped', 'Starting', 'CrashLoopBackOff', 'Nonsense'),
        stateChangeRequests: fc.array(fc.record({ action: fc.constantFrom('Start', 'Stop'), uid: fc.constantFrom('vmi-1', 'vmi-0') }), {
          maxLength: 2,
        }),
        conditions: fc.array(
          fc.record({ type: fc.constantFrom('ManualRecoveryRequired', 'Paused'), status: fc.constantFrom('True', 'False') }),
          { maxLength: 2 },
        ),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);
const vmiOptions: fc.Arbitrary<VmiOptions | undefined> = fc.option(
  fc.record(
    {
      phase: fc.constantFrom('Pending', 'Scheduling', 'Scheduled', 'Running', 'WaitingForSync', 'Succeeded', 'Failed', 'Unknown', ''),
      paused: fc.boolean(),
      deleting: fc.boolean(),
    },
    { requiredKeys: [] },
  ),
  { nil: undefined },
);
const policies: fc.Arbitrary<WakePolicy> = fc.record({ startPolicy: fc.constantFrom('Start', 'Skip'), unpause: fc.boolean() });

describe('every wake decision', () => {
  it('asks for a start only for Halted, Manual and RerunOnFailure without a live instance, and for Halted only when the policy says Start', () => {
    fc.assert(
      fc.property(vmOptions, vmiOptions, policies, (vm, vmi, policy) => {
        const state = wakeStateOf(aVm(vm), vmi && aVmi(vmi));
        const decision = decideWake(state, policy);
        if (decision.kind !== 'start') return;
        expect(['Halted', 'Manual', 'RerunOnFailure']).to.include(state.vm?.strategy);
        expect(isLive(state)).to.equal(false);
        expect(vm.deleting ?? false).to.equal(false);
        if (state.vm?.strategy === 'Halted') expect(policy.startPolicy).to.equal('Start');
      }),
      { numRuns: 3_000 },
    );
  });

  it('unpauses only a live, paused instance of a config that asks for it', () => {
    fc.assert(
      fc.property(vmOptions, vmiOptions, policies, (vm, vmi, policy) => {
        const state = wakeStateOf(aVm(vm), vmi && aVmi(vmi));
        if (decideWake(state, policy).kind !== 'unpause') return;
        expect([policy.unpause, vmi?.paused, isLive(state)]).to.deep.equal([true, true, true]);
      }),
      { numRuns: 3_000 },
    );
  });
});
