import { expect } from 'chai';
import { planAdopted, planApply } from '../../../../src/machines/virtual-machine/apply-plan';
import { type BuildInput, buildVirtualMachine } from '../../../../src/machines/virtual-machine/build-virtual-machine';
import { disksOf } from '../../../../src/machines/virtual-machine/disks';
import type { RemoteVirtualMachine } from '../../../../src/machines/virtual-machine/remote-objects';
import { aMachine, type MachineOptions, OWNER } from '../builders';

function anInput(machine: MachineOptions = {}, more: Partial<BuildInput> = {}): BuildInput {
  const about = aMachine(machine);
  return {
    machine: about,
    owner: OWNER,
    name: 'vm-web',
    profile: 'first',
    settings: { cpuModel: '', machineType: '', disableHyperThreading: 'auto', podNetworkBinding: 'bridge' },
    size: { memory: '1Gi', cores: 1, sockets: 1, threads: 1, form: 'requests' },
    disks: disksOf(about).map((plan) => ({ plan, volume: { persistentVolumeClaim: { claimName: `vm-web-${plan.name}-pvc` } } })),
    network: { name: 'default', attachment: undefined, mac: '02:12:00:00:00:01' },
    bootsFromNetwork: false,
    iso: undefined,
    cloudInit: undefined,
    kubeVirtVersion: undefined,
    ...more,
  };
}

const domain = (input: BuildInput): Record<string, unknown> =>
  (buildVirtualMachine(input).spec?.template?.spec?.domain ?? {}) as Record<string, unknown>;

/** As the API server would keep it. */
function created(vm: RemoteVirtualMachine): RemoteVirtualMachine {
  const copy = JSON.parse(JSON.stringify(vm)) as RemoteVirtualMachine;
  return { ...copy, metadata: { ...copy.metadata, uid: 'vm-uid', resourceVersion: '9' }, spec: { ...copy.spec, runStrategy: 'Always' } };
}

describe('the virtual machine of a Machine', () => {
  it('has marks, one disk, one interface, and nothing that users or KubeVirt decide on', () => {
    const vm = buildVirtualMachine(anInput());
    expect(vm.metadata?.labels).to.include({
      'vitistack.io/supervisor-id': 'sup-1',
      'managed-by': 'virt-steward',
      'source-machine': 'web',
    });
    expect(vm.metadata).to.not.have.property('ownerReferences');
    expect(vm.spec?.template?.spec).to.deep.equal({
      domain: {
        cpu: { model: 'host-model' },
        resources: { requests: { memory: '1Gi', cpu: '1' } },
        devices: {
          disks: [{ name: 'root', disk: { bus: 'virtio' }, bootOrder: 1 }],
          interfaces: [{ name: 'default', model: 'virtio', macAddress: '02:12:00:00:00:01', bridge: {} }],
        },
      },
      networks: [{ name: 'default', pod: {} }],
      volumes: [{ name: 'root', persistentVolumeClaim: { claimName: 'vm-web-root-pvc' } }],
    });
  });

  it('has firmware, multiqueue and no automatic pod interface in the second profile', () => {
    const spec = buildVirtualMachine(anInput({}, { profile: 'second' })).spec?.template?.spec;
    expect(spec?.domain?.firmware).to.deep.equal({ bootloader: { efi: { secureBoot: false } } });
    expect(spec?.domain?.devices).to.include({ autoattachPodInterface: false, networkInterfaceMultiqueue: true });
  });

  for (const [version, disabled] of [
    ['v1.7.9', false],
    ['v1.8.0', true],
    ['1.10.2', true],
    ['v2.0.0-rc.1', true],
    [undefined, false],
    ['unknown', false],
  ] as const) {
    it(`${disabled ? 'disables' : 'leaves'} hyper-threading on KubeVirt ${version}`, () => {
      expect(domain(anInput({}, { kubeVirtVersion: version }))['cpu']).to.deep.equal(
        disabled ? { model: 'host-model', features: [{ name: 'ht', policy: 'disable' }] } : { model: 'host-model' },
      );
    });
  }

  it('takes architecture and machine type from the spec', () => {
    const spec = buildVirtualMachine(anInput({ spec: { machineType: 'q35', os: { architecture: 'arm64' } } })).spec?.template?.spec;
    expect(spec).to.deep.include({ architecture: 'arm64' });
    expect(spec?.domain?.machine).to.deep.equal({ type: 'q35' });
    expect(spec?.domain?.cpu).to.deep.equal({ model: 'host-passthrough' });
    expect(buildVirtualMachine(anInput({ spec: { os: { architecture: 'x86_64' } } })).spec?.template?.spec?.architecture).to.equal('amd64');
  });

  it('masquerades the pod network only', () => {
    const settings = { ...anInput().settings, podNetworkBinding: 'masquerade' } as const;
    const nic = (input: BuildInput): object | undefined =>
      buildVirtualMachine(input).spec?.template?.spec?.domain?.devices?.interfaces?.[0];
    expect(nic(anInput({}, { settings }))).to.have.property('masquerade');
    const network = { name: 'vlan7', attachment: 'vlan7', mac: '02:12:00:00:00:01' };
    expect(nic(anInput({}, { settings, network }))).to.have.property('bridge');
  });

  it('boots from the network after the root disk, or from a CD-ROM in its place', () => {
    const network = domain(anInput({}, { bootsFromNetwork: true }))['devices'] as { interfaces: object[] };
    expect(network.interfaces[0]).to.include({ bootOrder: 2 });
    const vm = buildVirtualMachine(anInput({}, { iso: { metadata: { name: 'vm-web-iso' } } }));
    expect(vm.spec?.template?.spec?.domain?.devices?.disks?.[1]).to.deep.equal({ name: 'cdrom-iso', cdrom: { bus: 'sata' }, bootOrder: 2 });
    expect(vm.spec?.template?.spec?.volumes?.[1]).to.deep.equal({ name: 'cdrom-iso', dataVolume: { name: 'vm-web-iso' } });
  });
});

describe('applying to a virtual machine that exists', () => {
  const desired = (spec: MachineOptions['spec'] = {}, more: Partial<BuildInput> = {}): RemoteVirtualMachine =>
    buildVirtualMachine(anInput({ spec }, more));
  const twoDisks = {
    disks: [
      { name: 'os', sizeGB: 5 },
      { name: 'data', sizeGB: 5 },
    ],
  };

  it('applies nothing to what was just created, whatever the server and others added', () => {
    const live = created(desired(twoDisks));
    live.spec = { ...live.spec, runStrategy: 'Halted' };
    live.metadata = { ...live.metadata, labels: { ...live.metadata?.labels, theirs: 'yes' } };
    expect(planApply(live, desired(twoDisks))).to.deep.equal({ apply: undefined, refusals: [] });
  });

  it('applies a new size with the guard of the object it was compared with, and keeps a user’s stop', () => {
    const live = created(desired());
    live.spec = { ...live.spec, runStrategy: 'Halted' };
    const { apply } = planApply(live, desired({}, { size: { memory: '2Gi', cores: 2, sockets: 1, threads: 1, form: 'requests' } }));
    expect(apply?.metadata).to.include({ uid: 'vm-uid', resourceVersion: '9' });
    expect(apply?.spec?.runStrategy).to.equal('Halted');
    expect(apply?.spec?.template?.spec?.domain?.resources?.requests).to.deep.equal({ memory: '2Gi', cpu: '2' });
  });

  it('carries the old way of saying whether it runs', () => {
    const live = created(desired());
    const { runStrategy: _, ...spec } = live.spec ?? {};
    const { apply } = planApply({ ...live, spec: { ...spec, running: false } }, desired({ machineType: 'q35' }));
    expect(apply?.spec).to.include({ running: false }).and.not.have.property('runStrategy');
  });

  it('compares quantities by value', () => {
    const live = created(desired({}, { size: { memory: '3072Mi', cores: 1, sockets: 1, threads: 1, form: 'requests' } }));
    const requests = live.spec?.template?.spec?.domain?.resources?.requests;
    if (requests !== undefined) requests.memory = '3Gi';
    const { apply } = planApply(live, desired({}, { size: { memory: '3072Mi', cores: 1, sockets: 1, threads: 1, form: 'requests' } }));
    expect(apply).to.equal(undefined);
  });

  it('mends what somebody took away', () => {
    const live = created(desired());
    delete live.spec?.template?.metadata?.labels?.['source-machine'];
    expect(planApply(live, desired()).apply?.spec?.template?.metadata?.labels).to.include({ 'source-machine': 'web' });
  });

  it('appends an added disk, keeps a removed one and says so', () => {
    const live = created(desired(twoDisks));
    const changed = desired({
      disks: [
        { name: 'os', sizeGB: 5 },
        { name: 'logs', sizeGB: 5 },
      ],
    });
    const { apply, refusals } = planApply(live, changed);
    const spec = apply?.spec?.template?.spec;
    expect(spec?.domain?.devices?.disks?.map(({ name }) => name)).to.deep.equal(['os', 'data', 'logs']);
    expect(spec?.volumes?.map(({ name }) => name)).to.deep.equal(['os', 'data', 'logs']);
    expect(refusals).to.deep.equal([{ reason: 'DiskRemovalRefused', text: 'disk "data" was removed from the spec; the VM keeps it' }]);
  });

  it('lets no other disk take the place of a boot disk that is kept, and says nothing of the rest', () => {
    const live = created(desired(twoDisks));
    const { apply, refusals } = planApply(live, desired({ disks: [{ name: 'data', sizeGB: 5 }] }));
    expect(apply).to.equal(undefined);
    expect(refusals.map(({ text }) => text)).to.deep.equal(['disk "os" was removed from the spec; the VM keeps it']);
  });

  it('refuses another bus and another boot disk', () => {
    const live = created(desired(twoDisks));
    const changed = desired({
      disks: [
        { name: 'os', sizeGB: 5, type: 'sata' },
        { name: 'data', sizeGB: 5, boot: true },
      ],
    });
    const { apply, refusals } = planApply(live, changed);
    expect(apply).to.equal(undefined);
    expect(refusals.map(({ reason }) => reason)).to.deep.equal(['DiskChangeRefused', 'DiskChangeRefused']);
  });

  it('refuses another network', () => {
    const live = created(desired());
    const changed = desired({}, { network: { name: 'vlan7', attachment: 'vlan7', mac: '02:12:00:00:00:01' } });
    expect(planApply(live, changed)).to.deep.equal({
      apply: undefined,
      refusals: [{ reason: 'NetworkChangeRefused', text: 'the VM stays on network default' }],
    });
  });

  it('takes an ejected medium out of disks and volumes', () => {
    const live = created(desired({}, { iso: { metadata: { name: 'vm-web-iso' } } }));
    const { apply, refusals } = planApply(live, desired());
    expect(apply?.spec).to.not.have.property('dataVolumeTemplates');
    expect(apply?.spec?.template?.spec?.volumes?.map(({ name }) => name)).to.deep.equal(['root']);
    expect(refusals).to.deep.equal([]);
  });

  it('tells an adopted machine of nothing until its size changes, and then of the size only', () => {
    const size = { memory: '2Gi', cores: 2, sockets: 1, threads: 1, form: 'requests' } as const;
    const found = created({
      ...desired(),
      spec: { running: true, template: { spec: { domain: { devices: { disks: [{ name: 'old' }] } } } } },
    });
    const { apply, refusals } = planAdopted(found, desired({}, { size }), size);
    expect(refusals.map(({ reason }) => reason)).to.deep.equal(['AdoptedAsFound']);
    expect(apply?.spec?.template?.spec).to.deep.equal({ domain: { resources: { requests: { memory: '2Gi', cpu: '2' } } } });
    const again = created({ ...found, metadata: { ...found.metadata, annotations: apply?.metadata?.annotations ?? {} } });
    expect(planAdopted(again, desired({}, { size }), size).apply).to.equal(undefined);
  });
});
