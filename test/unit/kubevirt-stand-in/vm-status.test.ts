import { expect } from 'chai';
import { compileTimings } from '../../kubevirt/controller/timings';
import { nextVmStatus } from '../../kubevirt/controller/vm-status';
import type { VirtualMachine, VirtualMachineInstance, VirtualMachineStatus, VmiPhase } from '../../kubevirt/objects';
import { aVm, aVmi } from './builders';

const NOW_MS = Date.UTC(2026, 0, 1);
const TIMINGS = compileTimings();
const PAUSED = { type: 'Paused', status: 'True' as const };

function statusOf(vm: VirtualMachine, vmi?: VirtualMachineInstance, nowMs = NOW_MS): VirtualMachineStatus {
  return nextVmStatus(vm, vmi, nowMs, TIMINGS);
}

describe('the VM status of the KubeVirt stand-in', () => {
  for (const [id, vm, vmi, expected] of [
    ['no instance', aVm(), undefined, 'Stopped'],
    ['empty phase', aVm(), aVmi({ phase: '' }), 'Starting'],
    ['Pending', aVm(), aVmi({ phase: 'Pending' }), 'Starting'],
    ['Scheduled', aVm(), aVmi({ phase: 'Scheduled' }), 'Starting'],
    ['Running', aVm(), aVmi({ phase: 'Running' }), 'Running'],
    ['paused', aVm(), aVmi({ phase: 'Running', status: { conditions: [PAUSED] } }), 'Paused'],
    ['migrating', aVm(), aVmi({ phase: 'Running', status: { migrationState: {} } }), 'Migrating'],
    ['migrated', aVm(), aVmi({ phase: 'Running', status: { migrationState: { completed: true } } }), 'Running'],
    ['instance deleting', aVm(), aVmi({ phase: 'Running', deleting: true }), 'Stopping'],
    ['final', aVm(), aVmi({ phase: 'Succeeded' }), 'Stopped'],
    ['VM deleting', aVm({ deleting: true }), aVmi({ phase: 'Running' }), 'Terminating'],
    ['receiver', aVm({ runStrategy: 'WaitAsReceiver' }), aVmi({ phase: 'WaitingForSync' }), 'WaitingForReceiver'],
    [
      'unschedulable',
      aVm(),
      aVmi({ phase: 'Scheduling', status: { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }] } }),
      'ErrorUnschedulable',
    ],
    ['failed early', aVm({ runStrategy: 'Always' }), aVmi({ phase: 'Failed' }), 'CrashLoopBackOff'],
  ] as const) {
    it(`prints ${expected} for ${id}`, () => {
      expect(statusOf(vm, vmi).printableStatus).to.equal(expected);
    });
  }

  for (const [id, vm, vmi, left] of [
    ['drops a Start once an instance lives', [{ action: 'Start' }], aVmi({ phase: '' }), 0],
    ['keeps a Start while there is no instance', [{ action: 'Start' }], undefined, 1],
    ['keeps a Start beside a final instance', [{ action: 'Start' }], aVmi({ phase: 'Failed' }), 1],
    ['keeps a Start beside one that goes', [{ action: 'Start' }], aVmi({ phase: 'Running', deleting: true }), 1],
    ['keeps a Stop until its instance is gone', [{ action: 'Stop', uid: 'vmi-1' }], aVmi({ phase: 'Failed', deleting: true }), 1],
    ['drops a Stop when another instance lives', [{ action: 'Stop', uid: 'vmi-0' }], aVmi({ phase: 'Running' }), 0],
    ['drops a Stop alone, and keeps the Start behind it', [{ action: 'Stop', uid: 'vmi-1' }, { action: 'Start' }], undefined, 1],
  ] as const) {
    it(id, () => {
      const status = statusOf(aVm({ requests: [...vm] }), vmi);
      expect(status.stateChangeRequests?.length ?? 0).to.equal(left);
    });
  }

  it('shows the run strategy from the first start on', () => {
    expect(statusOf(aVm({ runStrategy: 'Manual' })).runStrategy).to.equal(undefined);
    expect(statusOf(aVm({ runStrategy: 'Manual' }), aVmi({ phase: '' })).runStrategy).to.equal('Manual');
    expect(statusOf(aVm({ runStrategy: 'Manual', status: { runStrategy: 'Halted' } })).runStrategy).to.equal('Manual');
  });

  it('counts one start failure per instance that never ran, and backs off by the square, at most 300 s', () => {
    const failed = aVmi({ phase: 'Failed' });
    const first = statusOf(aVm({ runStrategy: 'Always' }), failed);
    expect(first.startFailure).to.deep.equal({
      consecutiveFailCount: 1,
      lastFailedVMIUID: 'vmi-1',
      retryAfterTimestamp: '2026-01-01T00:00:10Z',
    });

    const again = statusOf(aVm({ runStrategy: 'Always', status: first }), failed, NOW_MS + 1_000);
    expect(again.startFailure).to.deep.equal(first.startFailure);

    const second = statusOf(aVm({ runStrategy: 'Always', status: first }), aVmi({ uid: 'vmi-2', phase: 'Failed' }));
    expect(second.startFailure?.retryAfterTimestamp).to.equal('2026-01-01T00:00:40Z');

    const many = { ...first, startFailure: { consecutiveFailCount: 30, lastFailedVMIUID: 'x', retryAfterTimestamp: '' } };
    expect(statusOf(aVm({ runStrategy: 'Always', status: many }), failed).startFailure?.retryAfterTimestamp).to.equal(
      '2026-01-01T00:05:00Z',
    );
  });

  it('forgets start failures once an instance ran, and never counts them for Manual', () => {
    const startFailure = { consecutiveFailCount: 1, lastFailedVMIUID: 'x', retryAfterTimestamp: '2026-01-01T00:00:10Z' };
    const ran = { phaseTransitionTimestamps: [{ phase: 'Running', phaseTransitionTimestamp: '2026-01-01T00:00:00Z' }] };

    expect(
      statusOf(aVm({ runStrategy: 'Always', status: { startFailure } }), aVmi({ phase: 'Failed', status: ran })).startFailure,
    ).to.equal(undefined);
    expect(statusOf(aVm({ runStrategy: 'Manual' }), aVmi({ phase: 'Failed' })).startFailure).to.equal(undefined);
  });

  it('mirrors Paused, and keeps conditions and fields of others', () => {
    const recovery = { type: 'ManualRecoveryRequired', status: 'True' as const };
    const vm = aVm({ status: { conditions: [recovery, PAUSED], snapshotInProgress: 'snap' } });

    const paused = statusOf(vm, aVmi({ phase: 'Running', status: { conditions: [PAUSED] } }));
    expect(paused.conditions?.map((condition) => condition.type)).to.deep.equal(['Ready', 'Paused', 'ManualRecoveryRequired']);
    expect(paused.snapshotInProgress).to.equal('snap');
    expect(statusOf(vm).conditions?.map((condition) => condition.type)).to.deep.equal(['Ready', 'ManualRecoveryRequired']);
  });

  it('gives the same status again while nothing changes, so that a steady VM is not written', () => {
    for (const phase of ['Running', 'Scheduling', 'Succeeded', 'Failed'] as VmiPhase[]) {
      const vmi = aVmi({ phase, status: { conditions: [{ type: 'Ready', status: 'True' }, PAUSED] } });
      const vm = aVm({ runStrategy: 'Always' });
      const first = statusOf(vm, vmi);
      expect(statusOf({ ...vm, status: first }, vmi, NOW_MS + 60_000)).to.deep.equal(first);
    }
  });
});
