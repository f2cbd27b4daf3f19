import { expect } from 'chai';
import { nextVmAction, type VmAction } from '../../kubevirt/controller/run-strategy';
import { type VirtualMachineInstance, VM_CONTROLLER_FINALIZER, type VmiPhase } from '../../kubevirt/objects';
import { aVm, aVmi, type VmOptions } from './builders';

const NOW_MS = Date.UTC(2026, 0, 1);
const FINALIZERS = [VM_CONTROLLER_FINALIZER];

function ownVmi(phase: VmiPhase, options: { deleting?: boolean; uid?: string } = {}): VirtualMachineInstance {
  return aVmi({ phase, ownerUid: 'vm-web', ...options });
}

function actionFor(vm: VmOptions, vmi?: VirtualMachineInstance): VmAction {
  return nextVmAction(aVm({ finalizers: FINALIZERS, ...vm }), vmi, NOW_MS);
}

interface Row {
  readonly id: string;
  readonly vm: VmOptions;
  readonly phase?: VmiPhase;
  readonly expected: VmAction['kind'];
}

const START = { action: 'Start' as const };
const STOP = { action: 'Stop' as const, uid: 'vmi-1' };
const STOP_OTHER = { action: 'Stop' as const, uid: 'vmi-0' };

const TABLE: readonly Row[] = [
  { id: 'always creates', vm: { runStrategy: 'Always' }, expected: 'start' },
  { id: 'running: true creates', vm: { running: true }, expected: 'start' },
  { id: 'always keeps', vm: { runStrategy: 'Always' }, phase: 'Running', expected: 'none' },
  { id: 'always replaces Succeeded', vm: { runStrategy: 'Always' }, phase: 'Succeeded', expected: 'stop' },
  { id: 'always replaces Failed', vm: { runStrategy: 'Always' }, phase: 'Failed', expected: 'stop' },
  {
    id: 'always obeys a Stop of this instance',
    vm: { runStrategy: 'Always', requests: [STOP, START] },
    phase: 'Running',
    expected: 'stop',
  },
  { id: 'rerun starts when freshly set', vm: { runStrategy: 'RerunOnFailure' }, expected: 'start' },
  {
    id: 'rerun starts after another strategy',
    vm: { runStrategy: 'RerunOnFailure', status: { runStrategy: 'Halted' } },
    expected: 'start',
  },
  {
    id: 'rerun stays down after a clean end',
    vm: { runStrategy: 'RerunOnFailure', status: { runStrategy: 'RerunOnFailure' } },
    expected: 'none',
  },
  {
    id: 'rerun starts on request',
    vm: { runStrategy: 'RerunOnFailure', status: { runStrategy: 'RerunOnFailure' }, requests: [START] },
    expected: 'start',
  },
  { id: 'rerun removes Succeeded', vm: { runStrategy: 'RerunOnFailure' }, phase: 'Succeeded', expected: 'stop' },
  { id: 'manual does nothing by itself', vm: { runStrategy: 'Manual' }, expected: 'none' },
  { id: 'manual starts on request', vm: { runStrategy: 'Manual', requests: [START] }, expected: 'start' },
  { id: 'manual keeps a final instance', vm: { runStrategy: 'Manual' }, phase: 'Failed', expected: 'none' },
  { id: 'manual stops on request', vm: { runStrategy: 'Manual', requests: [STOP] }, phase: 'Running', expected: 'stop' },
  {
    id: 'manual ignores a Stop of another instance',
    vm: { runStrategy: 'Manual', requests: [STOP_OTHER] },
    phase: 'Running',
    expected: 'none',
  },
  { id: 'manual looks at the first request only', vm: { runStrategy: 'Manual', requests: [STOP_OTHER, START] }, expected: 'none' },
  { id: 'halted deletes', vm: { runStrategy: 'Halted' }, phase: 'Running', expected: 'stop' },
  { id: 'halted deletes a final one too', vm: { running: false }, phase: 'Succeeded', expected: 'stop' },
  { id: 'halted with a Start becomes Always', vm: { runStrategy: 'Halted', requests: [START] }, expected: 'switchOn' },
  { id: 'halted stays', vm: {}, expected: 'none' },
  { id: 'once creates', vm: { runStrategy: 'Once' }, expected: 'start' },
  { id: 'once never restarts', vm: { runStrategy: 'Once' }, phase: 'Succeeded', expected: 'none' },
  { id: 'receiver creates', vm: { runStrategy: 'WaitAsReceiver' }, expected: 'start' },
  { id: 'unknown strategy', vm: { runStrategy: 'Sometimes' }, expected: 'none' },
  { id: 'both fields', vm: { running: true, runStrategy: 'Always' }, expected: 'none' },
  {
    id: 'recovery required',
    vm: { runStrategy: 'Always', status: { conditions: [{ type: 'ManualRecoveryRequired', status: 'True' }] } },
    expected: 'none',
  },
  { id: 'deleting with an instance', vm: { runStrategy: 'Always', deleting: true }, phase: 'Running', expected: 'stop' },
  { id: 'deleting without one', vm: { runStrategy: 'Always', deleting: true }, expected: 'removeFinalizer' },
  { id: 'new VM', vm: { runStrategy: 'Always', finalizers: [] }, expected: 'addFinalizer' },
];

describe('the run strategies of the KubeVirt stand-in', () => {
  for (const { id, vm, phase, expected } of TABLE) {
    it(`row ${id}: ${expected}`, () => {
      expect(actionFor(vm, phase === undefined ? undefined : ownVmi(phase)).kind).to.equal(expected);
    });
  }

  it('queues a Start when a RerunOnFailure instance failed, not when it succeeded', () => {
    expect(actionFor({ runStrategy: 'RerunOnFailure' }, ownVmi('Failed'))).to.deep.include({ kind: 'stop', thenQueueStart: true });
    expect(actionFor({ runStrategy: 'RerunOnFailure' }, ownVmi('Succeeded'))).to.deep.include({ kind: 'stop', thenQueueStart: false });
  });

  it('leaves an instance alone that is being deleted already', () => {
    expect(actionFor({ runStrategy: 'Halted' }, ownVmi('Running', { deleting: true })).kind).to.equal('none');
    expect(actionFor({ runStrategy: 'RerunOnFailure' }, ownVmi('Failed', { deleting: true })).kind).to.equal('none');
  });

  it('adopts an instance of its name that nobody controls', () => {
    expect(actionFor({ runStrategy: 'Always' }, aVmi({ phase: 'Running' })).kind).to.equal('adopt');
  });

  it('waits out the backoff after a failed start', () => {
    const startFailure = { consecutiveFailCount: 1, lastFailedVMIUID: 'x', retryAfterTimestamp: '2026-01-01T00:00:10Z' };
    const vm = aVm({ runStrategy: 'Always', finalizers: FINALIZERS, status: { startFailure } });

    expect(nextVmAction(vm, undefined, NOW_MS + 4_000)).to.deep.equal({ kind: 'wait', forMs: 6_000 });
    expect(nextVmAction(vm, undefined, NOW_MS + 10_000).kind).to.equal('start');
  });
});
