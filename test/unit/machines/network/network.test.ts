import { expect } from 'chai';
import fc from 'fast-check';
import type { NetworkConfiguration } from '../../../../src/machines/kinds';
import { drawMac, macPrefix, NoFreeMacError } from '../../../../src/machines/network/mac-pool';
import {
  addressProblem,
  configurationOwner,
  configurationPatch,
  macOfInterface,
  macsOfConfiguration,
  networkConfigurationName,
  newNetworkConfiguration,
} from '../../../../src/machines/network/network-configuration';
import {
  firstAttachment,
  networkOfNamespace,
  unnamedNetworkNamespace,
  vlanAttachment,
} from '../../../../src/machines/network/remote-network';
import { staticNetworkData, WaitingForAddressError } from '../../../../src/machines/network/static-network-data';
import { aMachine } from '../builders';

const input = (mac = '02:12:00:00:00:01'): Parameters<typeof newNetworkConfiguration>[0] => ({
  machine: aMachine(),
  managedBy: 'virt-steward',
  specName: 'web',
  networkNamespaceName: undefined,
  network: 'default',
  mac,
});

describe('MAC addresses of new interfaces', () => {
  for (const [set, prefix] of [
    [undefined, '02:12'],
    ['', '02:12'],
    [' A ', '02:0a'],
    ['0xFf', '02:ff'],
    ['12345', '02:45'],
    ['xyz', '02:12'],
  ] as const) {
    it(`begin with ${prefix} for MAC_SET ${JSON.stringify(set)}`, () => expect(macPrefix(set)).to.equal(prefix));
  }

  it('are lower case, and drawn again while they are taken', () => {
    const draws = [Uint8Array.of(0, 0, 0, 1), Uint8Array.of(0xab, 0xcd, 0xef, 1)];
    let collisions = 0;
    const mac = drawMac({
      prefix: '02:12',
      isTaken: (candidate) => candidate === '02:12:00:00:00:01',
      onCollision: () => collisions++,
      random: () => draws.shift()!,
    });
    expect(mac).to.equal('02:12:ab:cd:ef:01');
    expect(collisions).to.equal(1);
  });

  it('run out after a hundred draws', () => {
    expect(() => drawMac({ prefix: '02:12', isTaken: () => true })).to.throw(NoFreeMacError, 'no free MAC address found with prefix 02:12');
  });
});

describe('network configurations', () => {
  it('are owned by the Machine and hold its interface', () => {
    const made = newNetworkConfiguration(input());
    expect(made.metadata?.ownerReferences).to.deep.equal([
      { apiVersion: 'vitistack.io/v1alpha1', kind: 'Machine', name: 'web', uid: 'uid-1', controller: true, blockOwnerDeletion: true },
    ]);
    expect(made.spec).to.deep.equal({
      name: 'web',
      description: 'Network configuration for machine web',
      networkInterfaces: [{ name: 'default', macAddress: '02:12:00:00:00:01' }],
    });
    expect(configurationOwner(made, aMachine(), 'virt-steward')).to.equal('own');
    expect(configurationPatch(made, input())).to.equal(undefined);
  });

  it('are told from those of others', () => {
    const owner = (metadata: NetworkConfiguration['metadata']): string =>
      configurationOwner({ metadata: metadata ?? {}, spec: { name: 'web' } }, aMachine(), 'virt-steward');
    expect(owner({})).to.equal('by-hand');
    expect(owner({ labels: { 'managed-by': 'kubevirt-operator', 'source-machine': 'web' } })).to.equal('adoptable');
    expect(owner({ labels: { 'managed-by': 'helm' } })).to.equal('foreign');
    const gone = { apiVersion: 'vitistack.io/v1alpha1', kind: 'Machine', name: 'web', uid: 'uid-0', controller: true };
    expect(owner({ ownerReferences: [gone] })).to.equal('foreign');
  });

  for (const macAddress of ['zz', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00', '01:00:5e:00:00:01']) {
    it(`hold no address ${macAddress} for a machine`, () => {
      const reserved: NetworkConfiguration = { metadata: {}, spec: { name: 'web', networkInterfaces: [{ name: 'default', macAddress }] } };
      expect(addressProblem(reserved, 'default')).to.equal(
        `macAddress "${macAddress}" of interface "default" must be six hexadecimal pairs such as 02:12:00:00:00:01, neither all zero nor a multicast address`,
      );
      expect(addressProblem(reserved, 'other')).to.equal(undefined);
    });
  }

  it('get a missing interface beside those of others, and keep an address in any notation', () => {
    const made = newNetworkConfiguration(input());
    const live: NetworkConfiguration = {
      ...made,
      metadata: { ...made.metadata, resourceVersion: '5' },
      spec: { name: 'web', networkInterfaces: [{ name: 'storage', macAddress: 'AA-BB-CC-00-00-01', vlan: '7' }] },
    };
    expect(configurationPatch(live, input())).to.deep.equal([
      { op: 'test', path: '/metadata/resourceVersion', value: '5' },
      { op: 'add', path: '/spec/networkInterfaces/-', value: { name: 'default', macAddress: '02:12:00:00:00:01' } },
    ]);
    expect(macOfInterface(live, 'storage')).to.equal('aa:bb:cc:00:00:01');
    expect(
      configurationPatch(
        { ...live, spec: { name: 'web', networkInterfaces: [{ name: 'default', macAddress: '02-12-00-00-00-01' }] } },
        input(),
      ),
    ).to.equal(undefined);
  });

  it('give away every address that is written in them', () => {
    const made = newNetworkConfiguration(input());
    const status = { networkInterfaces: [{ macAddress: '0200.0000.0002' }, { macAddress: 'nonsense' }] };
    expect(macsOfConfiguration({ ...made, status })).to.deep.equal(['02:12:00:00:00:01', '02:00:00:00:00:02']);
  });

  it('have a spec.name that the schema takes', () => {
    expect(networkConfigurationName({ namespace: 'n', name: 'db.prod' }, 'first')).to.match(/^db-prod-[0-9a-f]{8}$/);
    expect(networkConfigurationName({ namespace: 'n', name: 'c1-worker-default-worker-pool-3' }, 'second')).to.equal('c1-wrk3');
    expect(networkConfigurationName({ namespace: 'n', name: 'c1-worker-pool-3' }, 'second')).to.equal('c1-wrk3');
    expect(networkConfigurationName({ namespace: 'n', name: 'c1-control-plane-0' }, 'second')).to.equal('c1-ctp0');
    expect(networkConfigurationName({ namespace: 'n', name: 'web' }, 'second', (name) => name === 'web')).to.match(/^web-[0-9a-f]{8}$/);
    const names = fc.string({ minLength: 1, maxLength: 253, unit: fc.constantFrom(...'abz09.-') });
    fc.assert(
      fc.property(names, fc.constantFrom('first' as const, 'second' as const), fc.boolean(), (name, profile, taken) => {
        expect(networkConfigurationName({ namespace: 'n', name }, profile, () => taken)).to.match(/^[A-Za-z0-9_-]{2,32}$/);
      }),
    );
  });
});

describe('networks of Machines', () => {
  it('are the attachment that is first by name, else the pod network', () => {
    expect(firstAttachment([{ metadata: { name: 'b' } }, { metadata: { name: 'a' } }])).to.deep.equal({ name: 'a', attachment: 'a' });
    expect(firstAttachment([])).to.deep.equal({ name: 'default', attachment: undefined });
  });

  it('are the VLAN of a NetworkNamespace, or the pod network without one', () => {
    expect(networkOfNamespace({ status: { vlanId: 7 } })).to.deep.equal({ name: 'vlan7', attachment: 'vlan7' });
    expect(networkOfNamespace({ spec: { ipAllocation: { type: 'static' } } })).to.deep.equal({ name: 'vlan0', attachment: 'vlan0' });
    expect(networkOfNamespace({ spec: { ipAllocation: { type: 'dhcp' } } }).attachment).to.equal(undefined);
    expect(networkOfNamespace(undefined).attachment).to.equal(undefined);
  });

  it('prefer the NetworkNamespace named like the Machine, and call an unnamed choice deprecated', () => {
    const candidates = [{ metadata: { name: 'a' } }, { metadata: { name: 'web' } }];
    expect(unnamedNetworkNamespace('web', candidates)).to.deep.equal({ found: candidates[1], deprecated: true });
    expect(unnamedNetworkNamespace('db', candidates).found).to.equal(candidates[0]);
    expect(unnamedNetworkNamespace('db', [])).to.deep.equal({ found: undefined, deprecated: false });
  });

  it('get a bridge attachment without address management', () => {
    const made = vlanAttachment('team-a', 7, { managedBy: 'virt-steward', cniVersion: '1.0.0' });
    expect(made.metadata).to.deep.include({ name: 'vlan7', namespace: 'team-a' });
    expect(JSON.parse(made.spec?.config ?? '')).to.deep.equal({
      cniVersion: '1.0.0',
      name: 'br0',
      plugins: [{ type: 'bridge', bridge: 'br0', vlan: 7 }],
    });
  });
});

describe('static network data', () => {
  const record: NetworkConfiguration = {
    spec: { name: 'web', networkInterfaces: [{ name: 'vlan7', macAddress: '02:12:00:00:00:AA' }] },
    status: {
      networkInterfaces: [
        {
          macAddress: '02:12:00:00:00:aa',
          ipv4Addresses: ['10.1.2.3'],
          ipv4Subnet: '10.1.0.0/20',
          ipv4Gateway: '10.1.0.1',
          dns: ['10.1.0.2'],
          ipv6Addresses: ['fd00::3'],
          ipv6Subnet: 'fd00::/64',
          ipv6Gateway: 'fd00::1',
        },
      ],
    },
  };

  it('names each interface with its addresses of both families', () => {
    expect(staticNetworkData(record)).to.equal(`version: 1
config:
  - type: physical
    name: "vlan7"
    mac_address: "02:12:00:00:00:aa"
    subnets:
      - type: static
        address: "10.1.2.3"
        netmask: "255.255.240.0"
        gateway: "10.1.0.1"
        dns_nameservers:
          - "10.1.0.2"
      - type: static6
        address: "fd00::3/64"
        gateway: "fd00::1"
`);
  });

  it('waits for an interface without an address', () => {
    const { status: _, ...pending } = record;
    expect(() => staticNetworkData(pending)).to.throw(WaitingForAddressError, '02:12:00:00:00:aa');
  });
});
