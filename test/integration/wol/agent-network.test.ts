import { expect } from 'chai';
import { etherwake, wakeonlan } from '../../../hack/tools/wake-senders';
import { Transport } from '../../../src/wol/protocol/generated/wol-descriptor';
import { buildMagicPacket } from '../../../src/wol/protocol/magic-packet';
import { NetworkLab } from '../../harness/network-lab';
import { poll } from '../../harness/poll';
import { MAIN, ROOT } from '../../harness/steward-cluster';
import { type AgentOptions, type AgentProcess, startAgent } from '../../harness/steward-processes';
import { testMac } from '../../harness/virtual-machines';
import { ManagerDouble } from '../../unit/wol/support/manager-double';

const SEND_FRAME = `${ROOT}/build/test/harness/send-frame.js`;
const ALL = 'ffffffffffff';
const SENDER = '02ff000000aa';
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
/** A frame of type 0x0842 behind these tags. */
const frameFor = (mac: string, tags = '', to = ALL): string => `${to}${SENDER}${tags}0842${hexOf(buildMagicPacket(mac))}`;

describe(`an agent on a network${NetworkLab.titleNote}`, () => {
  let lab: NetworkLab;
  let manager: ManagerDouble;
  let agent: AgentProcess;
  let lastMac = 0;

  before(async function () {
    if (!NetworkLab.isPossible) this.skip();
    lab = await NetworkLab.start('node', 'sender');
  });

  beforeEach(async () => {
    manager = new ManagerDouble(lab.hostAddress);
    await manager.start();
  });

  afterEach(async () => {
    await agent?.process.stop();
    await manager.stop();
  });

  after(() => lab?.stop());

  const newMac = (): string => testMac(++lastMac);
  const start = async (options: AgentOptions = {}): Promise<void> => {
    const { via, address } = lab.node('node');
    const on = { via, address, managerAddress: lab.hostAddress, ...options.on };
    agent = await startAgent(manager.port, { udpPorts: [9], nodeName: 'node', ...options, on });
  };
  const startRaw = async (options: AgentOptions = {}): Promise<void> => {
    await start({ flags: ['--raw-ethernet'], ...options });
    await poll('frames to be received', () => metric('wol_agent_raw_interfaces 1'));
  };
  const send = (...command: string[]): Promise<string> => lab.node('sender').run(...command);
  const sendFrame = (frame: string): Promise<string> => send(process.execPath, SEND_FRAME, 'eth0', frame);
  const wake = (mac: string, ...flags: string[]): Promise<string> => send(process.execPath, MAIN, 'wake', mac, ...flags);
  const metric = async (wanted: string): Promise<boolean> => {
    const [name, value] = wanted.split(' ') as [string, string];
    const { text } = await agent.health('/metrics');
    return text.split('\n').some((line) => line.startsWith(`${name}{`) && line.endsWith(` ${value}`));
  };
  const eventFor = (mac: string): Promise<ManagerDouble['events'][number]> =>
    poll(`an event for ${mac}`, () => manager.events.find(({ macAddress }) => macAddress === mac), {
      onTimeout: () => JSON.stringify(manager.macs()),
    });

  it('hears the limited broadcast, the directed one and its own address', async () => {
    await start();
    for (const to of ['255.255.255.255', lab.broadcastAddress, lab.node('node').address]) {
      const mac = newMac();
      await send('ip', 'route', 'replace', 'default', 'dev', 'eth0');
      await wake(mac, '--to', to);
      expect(await eventFor(mac)).to.deep.include({
        transport: Transport.TRANSPORT_UDP4,
        sourceIp: lab.node('sender').address,
        destPort: 9,
        nodeName: 'node',
      });
    }
  });

  it('hears the IPv6 group of all nodes and its own IPv6 address, and tells the source without zone', async () => {
    await start();
    const multicast = newMac();
    await wake(multicast, '--to', 'ff02::1%eth0');
    const { sourceIp, transport } = await eventFor(multicast);
    expect([sourceIp, transport]).to.deep.equal([await linkLocalAddressOf('sender'), Transport.TRANSPORT_UDP6]);

    const unicast = newMac();
    await wake(unicast, '--to', `${await linkLocalAddressOf('node')}%eth0`);
    await eventFor(unicast);
  });

  const linkLocalAddressOf = async (name: string): Promise<string> => {
    const text = await lab.node(name).run('ip', '-6', 'addr', 'show', 'dev', 'eth0', 'scope', 'link');
    return /inet6 (\S+)\//.exec(text)?.[1] ?? '';
  };

  it('works with IPv4 alone where IPv6 is switched off, and warns of nothing', async () => {
    const { run } = lab.node('node');
    await run('sysctl', '-q', '-w', 'net.ipv6.conf.all.disable_ipv6=1');
    try {
      await start();
      const mac = newMac();
      await wake(mac, '--to', lab.broadcastAddress);
      await eventFor(mac);
      // Its whole log is here once it has ended.
      await agent.process.stop();
      // What a slow machine may have it say of its buffer and of its first attempt to connect is not about IPv6.
      const isOther = (line: string): boolean => line.includes('rmem_max') || line.includes('DEADLINE_EXCEEDED');
      const warnings = agent.process.log.split('\n').filter((line) => /"level":"(warn|error)"/.test(line) && !isOther(line));
      expect(warnings).to.deep.equal([]);
    } finally {
      await run('sysctl', '-q', '-w', 'net.ipv6.conf.all.disable_ipv6=0');
    }
  });

  for (const { name, program, options } of [
    { name: 'wakeonlan', program: wakeonlan, options: () => ['-i', lab.broadcastAddress] },
    { name: 'etherwake', program: etherwake, options: () => ['-i', 'eth0', '-b'] },
  ]) {
    it(`hears ${name}`, async () => {
      await startRaw();
      const mac = newMac();
      await send(await program(), ...options(), mac);
      await eventFor(mac);
    });
  }

  const VLAN_5 = '8100a005';
  const forms: [string, string, number, string?][] = [
    ['untagged', '', 0],
    ['to another machine', '', 0, '020000abcdef'],
    ['with an 802.1Q tag', VLAN_5, 5],
    ['with an 802.1ad tag', '88a80007', 7],
    ['with two tags', `88a80007${VLAN_5}`, 7],
    ['with a tag that carries a priority only', '8100e000', 0],
  ];
  it('hears Ethernet frames with and without tags, and tells the outer VLAN that the kernel takes off', async () => {
    await startRaw();
    for (const [form, tags, vlanId, to] of forms) {
      const mac = newMac();
      await sendFrame(frameFor(mac, tags, to));
      expect(await eventFor(mac), form).to.deep.include({
        transport: Transport.TRANSPORT_ETHERNET,
        interface: 'eth0',
        vlanId,
        sourceIp: '255.255.255.255',
        sourcePort: 0,
        destPort: 0,
        packetSize: 102,
      });
    }
    await poll('each to be counted once', () => metricOf('ethernet', 'accepted', forms.length));
  });

  const metricOf = async (transport: string, result: string, count: number): Promise<boolean> =>
    (await agent.health('/metrics')).text.includes(
      `wol_agent_packets_total{transport="${transport}",result="${result}",node="node"} ${count}\n`,
    );

  it('reads the password of a frame, and reports the UDP copy of a wake too, as only one of them may be allowed', async () => {
    await startRaw();
    const mac = newMac();
    const password = Uint8Array.of(1, 2, 3, 4);
    await sendFrame(`${ALL}${SENDER}0842${hexOf(buildMagicPacket(mac, password))}`);
    expect([...(await eventFor(mac)).secureOn]).to.deep.equal([...password]);
    await wake(mac, '--to', lab.broadcastAddress, '--password', '01:02:03:04', '--count', '1');
    await poll('the copy to be reported', () => metricOf('udp4', 'accepted', 1));
    await poll('both events', () => manager.events.filter(({ macAddress }) => macAddress === mac).length === 2);
  });

  it('ignores frames to groups, of three tags and of other types; one after them still comes through', async () => {
    await startRaw();
    const ignored = newMac();
    for (const frame of [
      frameFor(ignored, '', '01005e000001'),
      frameFor(ignored, VLAN_5.repeat(3)),
      frameFor(ignored).replace('0842', '0801'),
    ])
      await sendFrame(frame);
    const mac = newMac();
    await sendFrame(frameFor(mac));
    await eventFor(mac);
    expect(manager.macs()).to.deep.equal([mac]);
  });

  it('without the right to packet sockets warns once, tells why in its log, and works on with UDP', async () => {
    const { via, address } = lab.node('node');
    const withoutRight = [...via, 'setpriv', '--inh-caps=-net_raw', '--bounding-set=-net_raw'];
    await start({ flags: ['--raw-ethernet'], on: { via: withoutRight, address, managerAddress: lab.hostAddress } });
    const warning = 'Ethernet frames are not received on every interface; UDP is';
    await poll('the warning', () => agent.process.logLines(warning).length > 0);
    expect(agent.process.logLines(warning)).to.have.length(1);
    expect(agent.process.logLines(warning)[0]?.['cause']).to.match(/^eth0: socket: EPERM/);
    const mac = newMac();
    await wake(mac, '--to', lab.broadcastAddress);
    await eventFor(mac);
  });

  it('follows an interface that is pulled out and comes back, within one look at the interfaces', async () => {
    await startRaw();
    await lab.unplug(lab.node('node'));
    await lab.plugIn(lab.node('node'));
    // Frames are lost until the next look; senders repeat them.
    const mac = newMac();
    const resend = async (): Promise<boolean> => {
      await sendFrame(frameFor(mac));
      return manager.macs().includes(mac);
    };
    await poll('a frame on the new interface', resend, { intervalMs: 500 });
    const multicast = newMac();
    await poll('a packet to the group on the new interface', async () => {
      await wake(multicast, '--to', 'ff02::1%eth0');
      return manager.macs().includes(multicast);
    });
  });

  it('ends with 0 when it is asked to', async () => {
    await startRaw();
    expect((await agent.process.stop()).code).to.equal(0);
  });
});
