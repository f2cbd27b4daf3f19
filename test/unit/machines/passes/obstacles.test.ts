import { expect } from 'chai';
import { PersistentVolumeClaim, Secret } from '../../../../src/framework';
import { status } from '../../../../src/framework/testing';
import { KubevirtConfig, Machine, NetworkConfiguration } from '../../../../src/machines/kinds';
import type { RemoteClaim } from '../../../../src/machines/virtual-machine/claims';
import { RemoteStorageClassKind, RemoteVirtualMachine } from '../../../../src/machines/virtual-machine/remote-objects';
import { aMachinesWorld, endMachinesWorlds, type MachinesWorld } from './machines-world';

const ALWAYS = 1_000_000;

describe('what stands in the way of a Machine', () => {
  afterEach(endMachinesWorlds);

  const east = ({ remotes }: MachinesWorld): MachinesWorld['remotes'][string] => remotes['east']!;
  const pass = (world: MachinesWorld): Promise<void> => world.operator.advance(2_000);
  const condition = (world: MachinesWorld, type: string): string => {
    const found = world.machine('web')?.status?.conditions?.find((candidate) => candidate.type === type);
    return `${found?.status} ${found?.reason}: ${found?.message}`;
  };

  const aStorageClass = (world: MachinesWorld): void => {
    east(world).objects.create(RemoteStorageClassKind, {
      metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      allowVolumeExpansion: true,
    });
  };

  it('shows while the cluster cannot say yes to the virtual machine, and is over with it', async () => {
    const world = await aMachinesWorld();
    const fault = east(world).faults.add({
      on: { verb: 'create', kind: RemoteVirtualMachine },
      do: status(500, { reason: 'InternalError', message: 'failed calling webhook "v.example.com"' }),
      times: ALWAYS,
    });
    world.create('web');
    await pass(world);
    expect(condition(world, 'InfrastructureReady')).to.equal('False Creating: failed calling webhook "v.example.com"');
    expect(world.machine('web')?.status).to.include({ phase: 'Creating', message: 'failed calling webhook "v.example.com"' });

    fault.remove();
    await world.operator.advance(30_000);
    expect(world.vm('east', 'vm-web')).to.not.equal(undefined);
    expect(condition(world, 'InfrastructureReady')).to.equal('True Ready: ');
  });

  it('shows when the cluster refuses the Secret with cloud-init data', async () => {
    const world = await aMachinesWorld();
    east(world).faults.add({
      on: { verb: 'create', kind: Secret },
      do: status(403, { reason: 'Forbidden', message: 'exceeded quota: q, requested: secrets=1' }),
      times: ALWAYS,
    });
    world.create('web', { spec: { cloudInit: { userData: 'top secret' } } });
    await pass(world);
    expect(condition(world, 'InfrastructureReady')).to.equal('False CreateRejected: exceeded quota: q, requested: secrets=1');
    expect(world.machine('web')?.status).to.include({
      phase: 'Failed',
      failureReason: 'Failed to create VirtualMachine in remote cluster',
      failureMessage: 'exceeded quota: q, requested: secrets=1',
    });
    expect(world.vm('east', 'vm-web')).to.equal(undefined);
  });

  it('shows when the supervisor refuses the record of the address', async () => {
    const world = await aMachinesWorld();
    world.supervisor.faults.add({
      on: { verb: 'create', kind: NetworkConfiguration },
      do: status(403, { reason: 'Forbidden', message: 'exceeded quota: q' }),
      times: ALWAYS,
    });
    world.create('web');
    await pass(world);
    expect(condition(world, 'NetworkReady')).to.equal('False NetworkConfigurationError: exceeded quota: q');
    expect(world.machine('web')?.status?.phase).to.equal('Failed');
  });

  it('shows when the cluster refuses to delete the virtual machine', async () => {
    const world = await aMachinesWorld();
    world.create('web');
    await pass(world);
    const fault = east(world).faults.add({
      on: { verb: 'delete', kind: RemoteVirtualMachine },
      do: status(403, { reason: 'Forbidden', message: 'ask the owner of the policy' }),
      times: ALWAYS,
    });
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await pass(world);
    const text =
      'waiting for cluster east: ask the owner of the policy. To give up the remote objects set annotation vitistack.io/deletion-policy: orphan';
    expect(condition(world, 'Deleting')).to.equal(`True WaitingForCluster: ${text}`);
    expect(condition(world, 'RemoteUnreachable')).to.equal(`True Forbidden: ${text}`);
    expect(world.machine('web')?.status).to.include({ phase: 'Terminating' });

    fault.remove();
    await world.operator.advance(30_000);
    expect(world.machine('web')).to.equal(undefined);
  });

  it('is said of a disk whose claim cannot grow yet, and the cluster is not asked again and again', async () => {
    const world = await aMachinesWorld();
    world.create('web', { spec: { disks: [{ name: 'os', sizeGB: 5 }] } });
    await pass(world);
    const setPhase = (phase: string): void => {
      east(world).objects.update(PersistentVolumeClaim, 'team-a/vm-web-os-pvc', (claim) => {
        claim.status = { phase };
      });
    };
    setPhase('Pending');
    world.supervisor.objects.update(Machine, 'team-a/web', (machine) => {
      machine.spec = { disks: [{ name: 'os', sizeGB: 7 }] };
    });
    await pass(world);
    expect(condition(world, 'StorageReady')).to.equal(
      'False ExpansionNotSupported: disk "os" cannot grow to 7Gi before its claim is bound to a volume',
    );

    setPhase('Bound');
    await pass(world);
    expect(condition(world, 'StorageReady')).to.equal('True Ready: ');
    const claim = east(world).objects.get(PersistentVolumeClaim, 'team-a/vm-web-os-pvc');
    expect((claim as RemoteClaim).spec?.resources?.requests?.storage).to.equal('7Gi');
  });

  it('is the lack of a default storage class, and is over half a minute after there is one', async () => {
    const world = await aMachinesWorld();
    east(world).objects.delete(RemoteStorageClassKind, 'standard');
    world.create('web');
    await pass(world);
    expect(condition(world, 'StorageReady')).to.equal(
      'False NoStorageClass: failed to get default storage class: no default storage class found in the cluster',
    );

    aStorageClass(world);
    await world.operator.advance(31_000);
    expect(condition(world, 'StorageReady')).to.equal('True Ready: ');
    expect(world.vm('east', 'vm-web')).to.not.equal(undefined);
  });

  it('is a storage class whose disks may not grow, and is over half a minute after they may', async () => {
    const world = await aMachinesWorld();
    world.create('web', { spec: { disks: [{ name: 'os', sizeGB: 5 }] } });
    await pass(world);
    east(world).objects.update(PersistentVolumeClaim, 'team-a/vm-web-os-pvc', (claim) => {
      claim.status = { phase: 'Bound' };
    });
    const allowExpansion = (allowVolumeExpansion: boolean): void => {
      east(world).objects.update(RemoteStorageClassKind, 'standard', (storageClass) => {
        storageClass.allowVolumeExpansion = allowVolumeExpansion;
      });
    };
    allowExpansion(false);
    world.supervisor.objects.update(Machine, 'team-a/web', (machine) => {
      machine.spec = { disks: [{ name: 'os', sizeGB: 7 }] };
    });
    await pass(world);
    expect(condition(world, 'StorageReady')).to.equal(
      'False ExpansionNotSupported: disk "os" cannot grow to 7Gi: StorageClass standard does not allow volume expansion',
    );

    allowExpansion(true);
    await world.operator.advance(31_000);
    expect(condition(world, 'StorageReady')).to.equal('True Ready: ');
    const claim = east(world).objects.get(PersistentVolumeClaim, 'team-a/vm-web-os-pvc');
    expect((claim as RemoteClaim).spec?.resources?.requests?.storage).to.equal('7Gi');
  });

  it('is said of a disk whose growth the cluster refuses', async () => {
    const world = await aMachinesWorld();
    world.create('web', { spec: { disks: [{ name: 'os', sizeGB: 5 }] } });
    await pass(world);
    east(world).faults.add({
      on: { verb: 'patch', kind: PersistentVolumeClaim },
      do: status(403, { reason: 'Forbidden', message: 'exceeded quota: q' }),
      times: ALWAYS,
    });
    world.supervisor.objects.update(Machine, 'team-a/web', (machine) => {
      machine.spec = { disks: [{ name: 'os', sizeGB: 7 }] };
    });
    await pass(world);
    expect(condition(world, 'StorageReady')).to.equal('False ExpansionNotSupported: disk "os" cannot grow to 7Gi: exceeded quota: q');
  });

  it('never is a Secret that the annotation names and the Machine did not make', async () => {
    const world = await aMachinesWorld();
    for (const name of ['precious', 'vm-other-cloud-init-0123456789'])
      east(world).objects.create(Secret, { metadata: { name, namespace: 'team-a' } });
    world.create('web', {
      annotations: { 'vitistack.io/cloud-init-secrets': '.,..,precious,vm-other-cloud-init-0123456789' },
      spec: { cloudInit: { userData: '#cloud-config\n' } },
    });
    await pass(world);
    const names = (): (string | undefined)[] =>
      east(world)
        .objects.list(Secret)
        .map(({ metadata }) => metadata?.name);
    expect(names()).to.include.members(['precious', 'vm-other-cloud-init-0123456789']);
    expect(world.machine('web')?.metadata?.annotations?.['vitistack.io/cloud-init-secrets']).to.match(/^vm-web-cloud-init-[0-9a-f]{10}$/);

    world.supervisor.objects.update(Machine, 'team-a/web', ({ metadata }) => {
      metadata!.annotations!['vitistack.io/cloud-init-secrets'] += ',precious';
    });
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await pass(world);
    expect(world.machine('web')).to.equal(undefined);
    expect(names()).to.deep.equal(['precious', 'vm-other-cloud-init-0123456789']);
    const deleted = east(world)
      .journal.writes()
      .filter(({ verb }) => verb === 'delete' || verb === 'deletecollection');
    expect(deleted.map(({ path }) => path).filter((path) => path.endsWith('/secrets') || path.endsWith('/.'))).to.deep.equal([]);
  });

  for (const group of ['kubevirt.io/v1', 'cdi.kubevirt.io/v1beta1'])
    it(`is told of a cluster that does not let us discover ${group}, by its Machines too, and is over by itself`, async () => {
      const world = await aMachinesWorld();
      world.create('old');
      await pass(world);
      await world.operator.kill();
      const fault = east(world).faults.add({
        on: { when: ({ path }) => path === `/apis/${group}` },
        do: status(403, { reason: 'Forbidden', message: 'no right to discover' }),
        times: ALWAYS,
      });
      world.create('web');
      world.supervisor.objects.delete(Machine, 'team-a/old');
      await world.operator.restart();
      await world.operator.advance(60_000);
      const config = world.supervisor.objects.get(KubevirtConfig, 'default/east');
      expect(config?.status).to.include({ phase: 'Invalid', status: 'Forbidden' });
      expect(config?.status?.message).to.equal(`GET /apis/${group}: 403 Forbidden: no right to discover`);
      expect(condition(world, 'RemoteUnreachable')).to.equal(
        `True Forbidden: cluster east: GET /apis/${group}: 403 Forbidden: no right to discover`,
      );
      const deleting = world.machine('old')?.status?.conditions?.find(({ type }) => type === 'Deleting');
      expect(deleting?.message).to.contain('waiting for cluster east: GET').and.contain('deletion-policy: orphan');
      const before = [world.supervisor.currentVersion, world.log.lines.filter(({ level }) => level === 'error').length];
      await world.operator.advance(120_000);
      expect([world.supervisor.currentVersion, world.log.lines.filter(({ level }) => level === 'error').length]).to.deep.equal(before);

      fault.remove();
      await world.operator.advance(180_000);
      expect(world.vm('east', 'vm-web')).to.not.equal(undefined);
      expect(condition(world, 'RemoteUnreachable')).to.equal('False Reachable: ');
      expect(world.machine('old')).to.equal(undefined);
    });

  for (const path of ['/apis/kubevirt.io/v1/virtualmachines', '/apis/cdi.kubevirt.io/v1beta1/datavolumes', '/api/v1/events'])
    it(`is told of a cluster where ${path} may not be watched, and is over by itself`, async () => {
      const world = await aMachinesWorld();
      world.create('old');
      await pass(world);
      await world.operator.kill();
      const fault = east(world).faults.add({
        on: { when: (request) => request.path === path },
        do: status(403, { reason: 'Forbidden', message: 'no right to list' }),
        times: ALWAYS,
      });
      world.create('web');
      world.supervisor.objects.delete(Machine, 'team-a/old');
      await world.operator.restart();
      await world.operator.advance(60_000);
      expect(condition(world, 'RemoteUnreachable')).to.match(/^True Forbidden: cluster east: .*no right to list$/);
      const deleting = world.machine('old')?.status?.conditions?.find(({ type }) => type === 'Deleting');
      expect(deleting?.message).to.contain('waiting for cluster east: ').and.contain('no right to list');

      fault.remove();
      await world.operator.advance(180_000);
      expect(world.vm('east', 'vm-web')).to.not.equal(undefined);
      expect(condition(world, 'RemoteUnreachable')).to.equal('False Reachable: ');
      expect(world.machine('old')).to.equal(undefined);
    });

  it('is no name that is too long for the description of the record', async () => {
    const world = await aMachinesWorld();
    const name = 'a'.repeat(253);
    world.create(name);
    await pass(world);
    const record = world.supervisor.objects.get(NetworkConfiguration, `team-a/${name}`);
    expect(record?.spec.description).to.have.length(256);
    expect(world.machine(name)?.status?.virtualMachineRef?.name).to.have.length(63);
  });
});
