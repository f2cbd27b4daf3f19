import { expect } from 'chai';
import type { NetworkInterface } from '../../../../../src/wol/agent/interfaces';
import { rawInterfaces } from '../../../../../src/wol/agent/raw/raw-interfaces';

let number = 0;
/** Each has an address of its own unless it is given one. */
function anInterface(name: string, fields: Partial<NetworkInterface> = {}): NetworkInterface {
  number++;
  const state = { isEthernet: true, isUp: true, isLoopback: false, master: undefined, vlanId: undefined, hasIpv6: false };
  return { name, index: number, mac: `02:00:00:00:00:${(number & 0xff).toString(16).padStart(2, '0')}`, ...state, ...fields };
}
const chosen = (...all: NetworkInterface[]): string[] => rawInterfaces(all).map(({ name }) => name);
const mac = '02:00:00:00:ff:01';

describe('interfaces for Ethernet frames', () => {
  it('are those of Ethernet type that are up: wired, wireless, bridges, bonds, teams and VLANs', () => {
    const names = ['eth0', 'enp3s0f1', 'wlan0', 'br0', 'bond0', 'team0', 'brq1'];
    expect(chosen(...names.map((name) => anInterface(name)), anInterface('eth0.5', { vlanId: 5 }))).to.have.members([...names, 'eth0.5']);
  });

  it('are none of another type, none that is down, and not the loopback', () => {
    const others = [
      anInterface('ipsec0', { isEthernet: false }),
      anInterface('eth1', { isUp: false }),
      anInterface('lo', { isLoopback: true }),
    ];
    expect(chosen(...others)).to.deep.equal([]);
  });

  for (const name of ['veth1a2b', 'tap0', 'tun0', 'vnet3', 'lxc1234', 'cali0', 'cilium_net', 'cni0', 'docker0', 'flannel.1', 'kube-ipvs0'])
    it(`are never like ${name}`, () => {
      expect(chosen(anInterface(name))).to.deep.equal([]);
    });
  for (const name of ['ovn-k8s-mp0', 'br-int', 'ovs-system', 'genev_sys_6081', 'vxlan.calico', 'dummy0', 'nodelocaldns'])
    it(`are never like ${name}`, () => {
      expect(chosen(anInterface(name))).to.deep.equal([]);
    });

  it('leave out the parts of a bridge, and those of a bond that is part of a bridge', () => {
    expect(chosen(anInterface('br0'), anInterface('bond0', { master: 'br0' }), anInterface('eth0', { master: 'bond0' }))).to.deep.equal([
      'br0',
    ]);
  });

  it('keep a part of something that is not listened to', () => {
    expect(chosen(anInterface('ovs-system'), anInterface('eth0', { master: 'ovs-system' }))).to.deep.equal(['eth0']);
    expect(chosen(anInterface('br0', { isUp: false }), anInterface('eth0', { master: 'br0' }))).to.deep.equal(['eth0']);
  });

  it('are one of several with the same address: the bridge, else the first by name', () => {
    expect(chosen(anInterface('aaa0', { mac }), anInterface('br7', { mac }), anInterface('eth0', { mac }))).to.deep.equal(['br7']);
    expect(chosen(anInterface('eth1', { mac }), anInterface('eth0', { mac }))).to.deep.equal(['eth0']);
  });

  it('keep every VLAN sub-interface beside the interface under it and in a bridge', () => {
    const [five, six] = [anInterface('eth0.5', { mac, vlanId: 5 }), anInterface('eth0.6', { mac, vlanId: 6, master: 'br0' })];
    expect(chosen(anInterface('br0'), anInterface('eth0', { mac }), five, six)).to.deep.equal(['br0', 'eth0', 'eth0.5', 'eth0.6']);
  });
});
