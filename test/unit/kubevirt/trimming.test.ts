import { expect } from 'chai';
import fc from 'fast-check';
import { macsOf } from '../../../src/kubevirt/declared-macs';
import { virtualMachineInstanceTrim, virtualMachineTrim } from '../../../src/kubevirt/trimming';
import { wakeStateOf } from '../../../src/kubevirt/wake-state';
import { aVm, aVmi } from './builders';

const trimVm = virtualMachineTrim({ annotationPrefix: 'wol.pillon.org/' });

describe('trimming a VirtualMachine', () => {
  const whole = {
    ...aVm({
      macs: ['02:00:00:00:00:01'],
      labels: { app: 'web' },
      annotations: { 'wol.pillon.org/ignore': 'true', other: 'x' },
      runStrategy: 'Manual',
    }),
    status: {
      printableStatus: 'Stopped',
      created: false,
      volumeSnapshotStatuses: [{ name: 'root' }],
      stateChangeRequests: [{ action: 'Stop', uid: 'u', data: { a: 'b' } }],
      conditions: [
        { type: 'Ready', status: 'False', reason: 'Off' },
        { type: 'ManualRecoveryRequired', status: 'True', reason: 'Broken', message: 'long' },
      ],
    },
  };
  Object.assign(whole.spec?.template?.spec ?? {}, { volumes: [{ name: 'root' }], terminationGracePeriodSeconds: 60 });
  Object.assign(whole.metadata ?? {}, { managedFields: [{}], finalizers: ['x'], generation: 3 });

  it('keeps exactly what decides about a wake', () => {
    expect(trimVm(whole)).to.deep.equal({
      apiVersion: 'kubevirt.io/v1',
      kind: 'VirtualMachine',
      metadata: {
        name: 'web',
        namespace: 'lab',
        uid: 'uid-lab-web',
        creationTimestamp: '2026-01-01T00:00:00Z',
        labels: { app: 'web' },
        annotations: { 'wol.pillon.org/ignore': 'true' },
      },
      spec: {
        runStrategy: 'Manual',
        template: {
          spec: {
            terminationGracePeriodSeconds: 60,
            domain: { devices: { interfaces: [{ name: 'nic0', macAddress: '02:00:00:00:00:01' }] } },
          },
        },
      },
      status: {
        printableStatus: 'Stopped',
        created: false,
        stateChangeRequests: [{ action: 'Stop', uid: 'u' }],
        conditions: [{ type: 'ManualRecoveryRequired', status: 'True' }],
      },
    });
  });

  it('survives an object without spec, status and template', () => {
    expect(trimVm({ metadata: { name: 'bare' } })).to.deep.equal({ metadata: { name: 'bare' } });
    expect(trimVm({ spec: { running: true } })).to.deep.equal({ metadata: {}, spec: { running: true } });
  });

  it('changes neither the addresses nor the state that a decision reads', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record(
            { name: fc.string(), macAddress: fc.constantFrom('02:00:00:00:00:01', 'x'), state: fc.constantFrom('absent', 'down') },
            { requiredKeys: [] },
          ),
        ),
        fc.constantFrom('Always', 'Halted', 'Manual'),
        fc.constantFrom('Pending', 'Running', 'Failed'),
        fc.boolean(),
        (interfaces, runStrategy, phase, paused) => {
          const vm = aVm({
            interfaces,
            runStrategy,
            status: { printableStatus: 'Stopped', stateChangeRequests: [{ action: 'Stop', uid: 'vmi-1' }] },
          });
          const vmi = aVmi({ phase, paused, gracePeriodSeconds: 5 });
          expect(macsOf(trimVm(vm))).to.deep.equal(macsOf(vm));
          expect(wakeStateOf(trimVm(vm), virtualMachineInstanceTrim()(vmi))).to.deep.equal(wakeStateOf(vm, vmi));
        },
      ),
    );
  });
});

describe('trimming a VirtualMachineInstance', () => {
  const whole = { ...aVmi({ phase: 'Running', paused: true, deleting: true, gracePeriodSeconds: 9 }) };
  Object.assign(whole.status ?? {}, { nodeName: 'n1', interfaces: [{ name: 'default', mac: '02:00:00:00:00:01', ipAddress: '10.0.0.1' }] });

  it('drops the interfaces while nobody learns from them', () => {
    expect(virtualMachineInstanceTrim()(whole)).to.deep.equal({
      apiVersion: 'kubevirt.io/v1',
      kind: 'VirtualMachineInstance',
      metadata: { name: 'web', namespace: 'lab', uid: 'vmi-1', deletionTimestamp: '2026-01-02T00:00:00Z' },
      spec: { terminationGracePeriodSeconds: 9 },
      status: { phase: 'Running', conditions: [{ type: 'Paused', status: 'True' }] },
    });
  });

  it('keeps name and address of the interfaces from the moment that somebody learns', () => {
    let learning = false;
    const trim = virtualMachineInstanceTrim({ keepInterfaces: () => learning });
    expect(trim(whole).status).not.to.have.property('interfaces');
    learning = true;
    expect(trim(whole).status?.interfaces).to.deep.equal([{ name: 'default', mac: '02:00:00:00:00:01' }]);
  });
});
