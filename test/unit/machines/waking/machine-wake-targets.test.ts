import { expect } from 'chai';
import type { MachineStatus } from '../../../../src/api/vitistack/v1alpha1';
import { decideWake } from '../../../../src/kubevirt/wake-decision';
import { NetworkConfiguration } from '../../../../src/machines/kinds';
import { RemoteVirtualMachine } from '../../../../src/machines/virtual-machine/remote-objects';
import { shownWakeState } from '../../../../src/machines/waking/shown-state';
import { aMachine } from '../builders';
import { aMachinesWorld, endMachinesWorlds } from '../passes/machines-world';

const policy = { startPolicy: 'Start', unpause: true } as const;
const decision = (state: string): string => {
  const status: MachineStatus = { state, virtualMachineRef: { namespace: 'team-a', name: 'vm-web', uid: 'vm-uid' } };
  return decideWake(shownWakeState(aMachine({ status })), policy).kind;
};

describe('the state of a Machine as its status shows it', () => {
  for (const [state, expected] of [
    ['Stopped', 'start'],
    ['Running', 'already-running'],
    ['Paused', 'unpause'],
    ['Terminating', 'refuse'],
  ] as const) {
    it(`leads to ${expected} for ${state}`, () => expect(decision(state)).to.equal(expected));
  }

  it('is missing without a virtual machine', () => expect(shownWakeState(aMachine()).vm).to.equal(undefined));
});

describe('wake targets of Machines', () => {
  afterEach(endMachinesWorlds);

  it('are there once a Machine has a virtual machine, with the addresses of its record and the labels of the Machine', async () => {
    const world = await aMachinesWorld();
    expect(world.wakeTargets()).to.deep.equal([]);
    world.create('web');
    await world.operator.advance(2_000);

    const [target, ...others] = world.wakeTargets();
    const record = world.supervisor.objects.get(NetworkConfiguration, 'team-a/web');
    expect(others).to.deep.equal([]);
    expect(target).to.include({ cluster: 'east', namespace: 'team-a', name: 'vm-web' });
    expect(target?.macs).to.deep.equal([record?.spec.networkInterfaces?.[0]?.macAddress]);
    expect(target?.scope).to.include({ namespace: 'team-a', name: 'web', ignored: false });
    expect(target?.subject).to.include({ kind: 'Machine', namespace: 'team-a', name: 'web' });
    expect(target?.state().vm?.strategy).to.equal('Always');
  });

  it('are started by KubeVirt on their own cluster, and only while the virtual machine is that of the Machine', async () => {
    const world = await aMachinesWorld({ remotes: ['east', 'west'], env: { DEFAULT_KUBEVIRT_CONFIG: 'west' } });
    world.create('web');
    await world.operator.advance(2_000);
    const [target] = world.wakeTargets();
    expect(await target!.start(new AbortController().signal)).to.deep.equal({ kind: 'accepted' });
    expect(world.starts).to.deep.equal(['west team-a/vm-web']);

    world.remotes['west']?.objects.update(RemoteVirtualMachine, 'team-a/vm-web', ({ metadata }) => {
      if (metadata !== undefined) metadata.annotations = { ...metadata.annotations, 'vitistack.io/supervisor-id': 'another' };
    });
    await world.operator.settle();
    expect(await target!.start(new AbortController().signal)).to.deep.include({ kind: 'missing' });
    expect(world.starts).to.have.length(1);
  });
});
