import { expect } from 'chai';
import { inPhase, instanceOf, nextInstanceStep } from '../../kubevirt/controller/instance';
import { compileTimings } from '../../kubevirt/controller/timings';
import { RECEIVER_ANNOTATION, VM_CONTROLLER_FINALIZER, VMI_FINALIZER, type VmiPhase } from '../../kubevirt/objects';
import { aVm, aVmi } from './builders';

const TIMINGS = compileTimings({ unsetMs: 1, pendingMs: 2, schedulingMs: 3, scheduledMs: 4, shutdownMs: 2_000 });
const NOW = '2026-01-01T00:00:00Z';

describe('an instance of the KubeVirt stand-in', () => {
  for (const [phase, dwellMs, next] of [
    ['', 1, 'Pending'],
    ['Pending', 2, 'Scheduling'],
    ['Scheduling', 3, 'Scheduled'],
    ['Scheduled', 4, 'Running'],
  ] as const) {
    it(`goes from ${phase === '' ? 'the empty phase' : phase} to ${next} after its time and not before`, () => {
      expect(nextInstanceStep(aVmi({ phase }), dwellMs - 1, TIMINGS)).to.deep.equal({ kind: 'wait', forMs: 1 });
      expect(nextInstanceStep(aVmi({ phase }), dwellMs, TIMINGS)).to.deep.equal({ kind: 'enter', phase: next });
    });
  }

  it('stays where it is while it runs, has ended or is not known', () => {
    for (const phase of ['Running', 'Succeeded', 'Failed', 'Unknown'] as VmiPhase[]) {
      expect(nextInstanceStep(aVmi({ phase }), 1e9, TIMINGS)).to.deep.equal({ kind: 'none' });
    }
  });

  it('stays in a phase of infinite length until a test moves it on', () => {
    const timings = compileTimings({ schedulingMs: Number.POSITIVE_INFINITY });
    expect(nextInstanceStep(aVmi({ phase: 'Scheduling' }), 1e9, timings)).to.deep.equal({ kind: 'none' });
  });

  it('shuts down within its grace period, or is killed at its end', () => {
    const patient = aVmi({ phase: 'Running', deleting: true, spec: { terminationGracePeriodSeconds: 30 } });
    const hurried = aVmi({ phase: 'Running', deleting: true, spec: { terminationGracePeriodSeconds: 1 } });

    expect(nextInstanceStep(patient, 500, TIMINGS)).to.deep.equal({ kind: 'wait', forMs: 1_500 });
    expect(nextInstanceStep(patient, 2_000, TIMINGS)).to.deep.equal({ kind: 'enter', phase: 'Succeeded' });
    expect(nextInstanceStep(hurried, 999, TIMINGS)).to.deep.equal({ kind: 'wait', forMs: 1 });
    expect(nextInstanceStep(hurried, 1_000, TIMINGS)).to.deep.equal({ kind: 'enter', phase: 'Failed' });
  });

  it('ends at once when it is deleted before its guest runs', () => {
    expect(nextInstanceStep(aVmi({ phase: 'Scheduling', deleting: true }), 0, TIMINGS)).to.deep.equal({ kind: 'enter', phase: 'Failed' });
  });

  it('is released only when it is final and deleted', () => {
    const finalizers = [VMI_FINALIZER];
    expect(nextInstanceStep(aVmi({ phase: 'Succeeded', deleting: true, finalizers }), 0, TIMINGS)).to.deep.equal({ kind: 'release' });
    expect(nextInstanceStep(aVmi({ phase: 'Succeeded', finalizers }), 0, TIMINGS)).to.deep.equal({ kind: 'none' });
    expect(nextInstanceStep(aVmi({ phase: 'Succeeded', deleting: true, finalizers: ['other/finalizer'] }), 0, TIMINGS)).to.deep.equal({
      kind: 'none',
    });
  });

  it('is made from the template, owned by the VM and held by both finalizers', () => {
    const vmi = instanceOf(aVm({ interfaces: [{ name: 'lan', macAddress: '02:00:00:00:00:01' }] }));

    expect(vmi.metadata.ownerReferences).to.deep.equal([
      { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', name: 'web', uid: 'vm-web', controller: true, blockOwnerDeletion: true },
    ]);
    expect(vmi.metadata.finalizers).to.deep.equal([VM_CONTROLLER_FINALIZER, VMI_FINALIZER]);
    expect(vmi.spec.terminationGracePeriodSeconds).to.equal(30);
    expect(vmi.spec.domain?.devices?.interfaces).to.deep.equal([{ name: 'lan', macAddress: '02:00:00:00:00:01' }]);
  });

  it('starts paused on request: the Paused condition comes with Running', () => {
    const vmi = instanceOf(aVm({ requests: [{ action: 'Start', data: { paused: 'true' } }] }));

    expect(inPhase(vmi, 'Scheduled', NOW).status?.conditions?.map((condition) => condition.type)).to.deep.equal(['Ready']);
    expect(inPhase(vmi, 'Running', NOW).status?.conditions?.map((condition) => condition.type)).to.deep.equal(['Ready', 'Paused']);
  });

  it('reports declared MACs, makes stable ones for the rest and leaves out unplugged interfaces', () => {
    const interfaces = [
      { name: 'a', macAddress: '02-00-00-00-00-01' },
      { name: 'b' },
      { name: 'c', macAddress: '02:00:00:00:00:03', state: 'absent' },
    ];
    const vmi = aVmi({ spec: { domain: { devices: { interfaces } } } });

    const [a, b, ...rest] = inPhase(vmi, 'Running', NOW).status?.interfaces ?? [];

    expect(a).to.deep.include({ name: 'a', mac: '02-00-00-00-00-01' });
    expect(b?.mac).to.match(/^02(:[0-9a-f]{2}){5}$/);
    expect(inPhase(vmi, 'Running', NOW).status?.interfaces?.[1]).to.deep.equal(b);
    expect(rest).to.deep.equal([]);
  });

  it('gets one interface on the pod network when the template has none', () => {
    const vmi = inPhase(instanceOf(aVm()), 'Running', NOW);
    expect(vmi.status?.interfaces?.map((nic) => nic.name)).to.deep.equal(['default']);
  });

  it('waits for a migration when its VM is a receiver', () => {
    const vmi = instanceOf(aVm({ runStrategy: 'WaitAsReceiver' }));

    expect(vmi.metadata.annotations).to.deep.equal({ [RECEIVER_ANNOTATION]: 'true' });
    expect(nextInstanceStep(vmi, 0, TIMINGS)).to.deep.equal({ kind: 'enter', phase: 'WaitingForSync' });
    expect(nextInstanceStep(inPhase(vmi, 'WaitingForSync', NOW), 1e9, TIMINGS)).to.deep.equal({ kind: 'none' });
  });

  it('refuses a negative time, naming it', () => {
    expect(() => compileTimings({ shutdownMs: -1 })).to.throw(RangeError, 'timings.shutdownMs is -1');
  });
});
