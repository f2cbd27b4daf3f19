import { expect } from 'chai';
import { PersistentVolumeClaim } from '../../../../src/framework';
import { aMachinesWorld, endMachinesWorlds } from './machines-world';

describe('passes over Machines', function () {
  this.timeout(60_000);
  afterEach(endMachinesWorlds);

  it('build a virtual machine with its disk and show it, and then write nothing more', async () => {
    const world = await aMachinesWorld();
    world.create('web');
    await world.operator.advance(2_000);
    expect(world.vm('east', 'vm-web')?.spec?.runStrategy).to.equal('Always');
    world.run('east', 'vm-web');
    await world.operator.advance(2_000);
    expect(world.machine('web')?.status).to.include({ phase: 'Running', providerID: 'kubevirt://east/team-a/vm-web' });

    const before = [world.supervisor.currentVersion, world.remotes['east']?.currentVersion];
    await world.operator.restart();
    await world.operator.advance(60_000);
    expect([world.supervisor.currentVersion, world.remotes['east']?.currentVersion]).to.deep.equal(before);
    expect(world.remotes['east']?.objects.list(PersistentVolumeClaim)).to.have.length(1);
  });
});
