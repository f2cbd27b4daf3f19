import { expect } from 'chai';
import {
  claimRef,
  conditionText,
  configurationRef,
  kubeconfigSecret,
  MachinesFixture,
  machineRef,
  type TestVm,
  vmOf,
} from '../../harness/machines-fixture';
import { poll } from '../../harness/poll';

describe('Machines on two remote clusters', () => {
  let fixture: MachinesFixture;

  before(async () => {
    fixture = await MachinesFixture.start({ env: { DEFAULT_KUBEVIRT_CONFIG: 'west' } });
    await fixture.connect('east');
    await fixture.connect('west');
  });
  after(() => fixture?.stop());

  it('get their virtual machine on the cluster that the annotation names, and only there', async () => {
    await fixture.create('web', { annotations: { 'vitistack.io/kubevirt-config': 'east' }, spec: { instanceType: 'medium' } });
    const machine = await fixture.untilPhase('web', 'Running');

    expect(conditionText(machine, 'Ready')).to.equal('True Running');
    expect(conditionText(machine, 'Placed')).to.equal('True Annotation');
    expect(machine.status).to.include({ providerID: 'kubevirt://east/team-a/vm-web', state: 'Running', message: '' });
    expect(machine.metadata.finalizers).to.include('machine.vitistack.io/finalizer');
    const vm = (await fixture.vm('east', 'vm-web'))!;
    expect(vm.metadata.labels).to.include({ 'managed-by': 'virt-steward', 'vitistack.io/source-machine': 'web' });
    expect(vm.metadata).to.not.have.property('ownerReferences');
    expect(machine.status?.virtualMachineRef).to.deep.equal({ namespace: 'team-a', name: 'vm-web', uid: vm.metadata.uid });
    expect(await fixture.vm('west', 'vm-web')).to.equal(undefined);
    expect(await fixture.remotes.east.api.get(claimRef('vm-web-root-pvc'))).to.not.equal(undefined);
    const configuration = await fixture.supervisor.api.get(configurationRef('web'));
    const interfaces = (configuration as unknown as { spec: { networkInterfaces: { name: string; macAddress: string }[] } }).spec
      .networkInterfaces;
    expect(interfaces[0]).to.include({ name: 'default' });
    expect(interfaces[0]?.macAddress).to.match(/^02:12(:[0-9a-f]{2}){4}$/);
  });

  it('fall to the default cluster without an annotation, and are told so', async () => {
    await fixture.create('db.prod');
    const machine = await fixture.untilPhase('db.prod', 'Running');

    expect(machine.metadata.annotations).to.include({ 'vitistack.io/kubevirt-config': 'west' });
    expect(conditionText(machine, 'Placed')).to.equal('True Default');
    expect(await fixture.vm('west', 'vm-db-prod-1a902854')).to.not.equal(undefined);
    expect(await fixture.vm('east', 'vm-db-prod-1a902854')).to.equal(undefined);
    expect(await fixture.untilEvent('db.prod', 'PlacementAssigned')).to.equal(
      'Automatically assigned KubevirtConfig to machine: west (Default)',
    );
  });

  it('show what happens to the virtual machine on its cluster', async () => {
    await fixture.remotes.east.kubevirt.call('stop', { namespace: 'team-a', name: 'vm-web' });
    const stopped = await fixture.untilPhase('web', 'Stopped');
    expect(conditionText(stopped, 'Ready')).to.equal('False NotRunning');
    expect(stopped.status?.ipAddresses).to.deep.equal([]);

    await fixture.remotes.east.kubevirt.call('start', { namespace: 'team-a', name: 'vm-web' });
    await fixture.untilPhase('web', 'Running');
    // A user's way of running it stands.
    expect((await fixture.vm('east', 'vm-web'))?.spec?.runStrategy).to.equal('Always');
  });

  it('take a new size to the virtual machine, and refuse what would lose data', async () => {
    const spec = { instanceType: 'large', disks: [{ name: 'data', sizeGB: 2 }] };
    await fixture.create('web', { annotations: { 'vitistack.io/kubevirt-config': 'east' }, spec });
    const changed = await fixture.until('web', 'to refuse the removal of its disk', (machine) => {
      return conditionText(machine, 'SpecInSync') === 'False DiskRemovalRefused';
    });

    expect(changed.status?.message).to.equal('disk "root" was removed from the spec; the VM keeps it');
    type Built = { spec: { template: { spec: { domain: { resources: object; devices: { disks: { name: string }[] } } } } } };
    // The refusal is told also by a pass that lost its write to somebody else's, and is repeated.
    const vm = await poll('the virtual machine to be changed', async () => {
      const found = (await fixture.vm('east', 'vm-web')) as unknown as Built;
      return JSON.stringify(found.spec.template.spec.domain).includes('4Gi') ? found : undefined;
    });
    expect(vm.spec.template.spec.domain.resources).to.deep.equal({ requests: { memory: '4Gi', cpu: '4' } });
    expect(vm.spec.template.spec.domain.devices.disks.map(({ name }) => name)).to.deep.equal(['root', 'data']);
    expect(await fixture.remotes.east.api.get(claimRef('vm-web-data-pvc'))).to.not.equal(undefined);
  });

  it('are written to no more once everything is as it should be', async () => {
    const read = async (): Promise<unknown[]> => [
      (await fixture.machine('web'))?.metadata.resourceVersion,
      (await fixture.vm('east', 'vm-web'))?.metadata.resourceVersion,
    ];
    let before = await read();
    // What goes on from the tests before comes to rest; then a restart, which looks at everything, changes nothing.
    await poll(
      'writes to end',
      async () => {
        const now = await read();
        const isSame = JSON.stringify(now) === JSON.stringify(before);
        before = now;
        return isSame;
      },
      { intervalMs: 5_000 },
    );
    await fixture.restartManager();
    await fixture.create('probe', { annotations: { 'vitistack.io/kubevirt-config': 'east' } });
    await fixture.untilPhase('probe', 'Running');

    expect(await read()).to.deep.equal(before);
  });

  it('are Failed with the fixed texts while they name a config that does not exist, and recover with it', async () => {
    await fixture.create('lost', { spec: { kubevirtConfigRef: { name: 'north' } } });
    const failed = await fixture.untilFailed('lost', 'Failed to get or create KubeVirt client from config');

    expect(failed.status).to.include({
      failureMessage: 'KubevirtConfigError',
      message: 'KubevirtConfig north not found in namespace default',
    });
    expect(conditionText(failed, 'Placed')).to.equal('False KubevirtConfigError');
    expect(failed.status).to.not.have.property('kubevirtConfigRef');

    await fixture.create('lost', { spec: { kubevirtConfigRef: { name: 'east' } } });
    const mended = await fixture.untilPhase('lost', 'Running');
    expect(mended.status).to.not.have.any.keys('failureReason', 'failureMessage');
    expect(conditionText(mended, 'Placed')).to.equal('True Spec');
  });

  it('neither follow nor overwrite a changed annotation', async () => {
    await fixture.supervisor.api.mergePatch(machineRef('web'), { metadata: { annotations: { 'vitistack.io/kubevirt-config': 'west' } } });
    const refused = await fixture.until('web', 'to refuse', (machine) => {
      return conditionText(machine, 'PlacementImmutable') === 'True PlacementChangeRefused';
    });
    expect(refused.metadata.annotations?.['vitistack.io/kubevirt-config']).to.equal('west');
    expect(await fixture.vm('west', 'vm-web')).to.equal(undefined);
    expect(await fixture.vm('east', 'vm-web')).to.not.equal(undefined);

    await fixture.supervisor.api.mergePatch(machineRef('web'), { metadata: { annotations: { 'vitistack.io/kubevirt-config': 'east' } } });
    await fixture.until('web', 'to be content', (machine) => conditionText(machine, 'PlacementImmutable') === 'False AsPlaced');
  });

  it('touch nothing of a virtual machine that is not theirs, until they may adopt it', async () => {
    const foreign = { ...vmOf('vm-kept'), spec: { runStrategy: 'Halted', template: { spec: { domain: { devices: {} } } } } };
    await fixture.remotes.east.api.apply(foreign);
    const found = await poll('the virtual machine to rest', async () => {
      const vm = (await fixture.vm('east', 'vm-kept')) as TestVm & { status?: { printableStatus?: string } };
      return vm.status?.printableStatus === 'Stopped' ? vm : undefined;
    });
    const before = found.metadata.resourceVersion;
    await fixture.create('kept', { annotations: { 'vitistack.io/kubevirt-config': 'east' } });
    const refused = await fixture.untilFailed('kept', 'VirtualMachineNotOwned');

    expect(refused.status).to.include({
      message:
        'VirtualMachine team-a/vm-kept on cluster east exists and is not managed by this Machine (no owner marks). To adopt it set annotation vitistack.io/adopt: "true"',
    });
    expect((await fixture.vm('east', 'vm-kept'))?.metadata.resourceVersion).to.equal(before);
    expect(await fixture.supervisor.api.get(configurationRef('kept'))).to.equal(undefined);

    await fixture.supervisor.api.mergePatch(machineRef('kept'), { metadata: { annotations: { 'vitistack.io/adopt': 'true' } } });
    const adopted = await fixture.untilPhase('kept', 'Stopped');
    expect(adopted.status).to.not.have.property('failureReason');
    expect((await fixture.vm('east', 'vm-kept'))?.metadata.annotations).to.include({ 'vitistack.io/adopted': 'true' });
    expect((await fixture.vm('east', 'vm-kept'))?.spec?.runStrategy).to.equal('Halted');
  });

  it('mark what they make with their full identity', async () => {
    await fixture.create('app', { annotations: { 'vitistack.io/kubevirt-config': 'east' } });
    await fixture.untilPhase('app', 'Running');
    const first = await fixture.vm('east', 'vm-app');
    expect(first?.metadata.annotations).to.include({
      'vitistack.io/machine-namespace': 'team-a',
      'vitistack.io/machine-name': 'app',
      'vitistack.io/machine-uid': (await fixture.machine('app'))?.metadata.uid,
    });
  });

  it('take everything of theirs with them when they are deleted, and nothing else', async () => {
    await fixture.supervisor.api.delete(machineRef('web'));
    await fixture.untilGone('web');

    expect(await fixture.vm('east', 'vm-web')).to.equal(undefined);
    expect(await fixture.supervisor.api.get(configurationRef('web'))).to.equal(undefined);
    for (const claim of ['vm-web-root-pvc', 'vm-web-data-pvc']) {
      const left = (await fixture.remotes.east.api.get(claimRef(claim))) as { metadata: { deletionTimestamp?: string } } | undefined;
      expect(left === undefined || left.metadata.deletionTimestamp !== undefined, claim).to.equal(true);
    }
    expect(await fixture.vm('east', 'vm-app')).to.not.equal(undefined);
    expect(await fixture.vm('west', 'vm-db-prod-1a902854')).to.not.equal(undefined);
  });

  it('wait for their cluster when it is gone while they are deleted, and are given up on request', async () => {
    await fixture.supervisor.api.delete(kubeconfigSecret('west', ''));
    await fixture.until(
      'db.prod',
      'to be out of reach',
      (machine) => conditionText(machine, 'RemoteUnreachable') === 'True SecretNotFound',
    );
    const unreachable = (await fixture.machine('db.prod'))!;
    expect(unreachable.status?.phase).to.equal('Running');
    expect(conditionText(unreachable, 'Ready')).to.equal('Unknown RemoteUnreachable');

    await fixture.supervisor.api.delete(machineRef('db.prod'));
    const waiting = await fixture.untilPhase('db.prod', 'Terminating');
    expect(waiting.status?.conditions?.find(({ type }) => type === 'Deleting')?.message).to.match(
      /^waiting for cluster west: .*\. To give up the remote objects set annotation vitistack\.io\/deletion-policy: orphan$/,
    );

    await fixture.supervisor.api.mergePatch(machineRef('db.prod'), {
      metadata: { annotations: { 'vitistack.io/deletion-policy': 'orphan' } },
    });
    await fixture.untilGone('db.prod');
    expect(await fixture.vm('west', 'vm-db-prod-1a902854')).to.not.equal(undefined);
    expect(await fixture.untilEvent('db.prod', 'RemoteObjectsOrphaned')).to.contain('vm-db-prod-1a902854');
  });
});
