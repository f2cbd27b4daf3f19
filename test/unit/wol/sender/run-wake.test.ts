import { createSocket, type Socket } from 'node:dgram';
import type { NetworkInterfaceInfo } from 'node:os';
import { expect } from 'chai';
import { SystemClock, UsageError } from '../../../../src/framework';
import { parseMagicPacket } from '../../../../src/wol/protocol/magic-packet';
import { runWake } from '../../../../src/wol/sender/run-wake';
import type { WakeOptions } from '../../../../src/wol/sender/wake-options';
import { type Interfaces, wakeTargets } from '../../../../src/wol/sender/wake-targets';

const anInterface = (address: string, netmask: string, fields: Partial<NetworkInterfaceInfo> = {}): NetworkInterfaceInfo =>
  ({ address, netmask, family: 'IPv4', mac: '02:00:00:00:00:aa', internal: false, cidr: null, ...fields }) as NetworkInterfaceInfo;

const interfaces: Interfaces = {
  lo: [anInterface('127.0.0.1', '255.0.0.0', { internal: true })],
  eth0: [anInterface('192.0.2.77', '255.255.255.0'), anInterface('2001:db8::7', 'ffff:ffff:ffff:ffff::', { family: 'IPv6' } as never)],
  eth1: [anInterface('10.11.12.13', '255.240.0.0'), anInterface('198.51.100.9', '255.255.255.252')],
  eth2: [anInterface('fe80::2', 'ffff:ffff:ffff:ffff::', { family: 'IPv6' } as never)],
  wg0: [anInterface('10.99.0.2', '255.255.255.255')],
  ppp0: [anInterface('10.98.0.2', '255.255.255.254')],
};

const wakeOptions = (fields: Partial<WakeOptions> = {}): WakeOptions => ({
  mac: '02:00:00:00:00:01',
  to: [],
  ports: [9],
  interfaceName: undefined,
  password: undefined,
  count: 1,
  intervalMs: 0,
  dryRun: false,
  ...fields,
});

describe('targets of wake', () => {
  it('are the limited broadcast and the directed broadcast of every interface that has one', () => {
    expect(wakeTargets(wakeOptions(), interfaces).map(({ host }) => host)).to.deep.equal([
      '255.255.255.255',
      '192.0.2.255',
      '10.15.255.255',
      '198.51.100.11',
    ]);
  });

  it('are only the broadcasts of a named interface', () => {
    expect(wakeTargets(wakeOptions({ interfaceName: 'eth1' }), interfaces).map(({ host }) => host)).to.deep.equal([
      '10.15.255.255',
      '198.51.100.11',
    ]);
  });

  it('are every host with every port, each once', () => {
    expect(wakeTargets(wakeOptions({ to: ['a', 'b', 'a'], ports: [7, 9] }), interfaces)).to.deep.equal([
      { host: 'a', port: 7 },
      { host: 'a', port: 9 },
      { host: 'b', port: 7 },
      { host: 'b', port: 9 },
    ]);
  });

  it('are the group of all nodes on a named interface that has IPv6 only', () => {
    expect(wakeTargets(wakeOptions({ interfaceName: 'eth2', ports: [7] }), interfaces)).to.deep.equal([{ host: 'ff02::1%eth2', port: 7 }]);
  });

  it('cannot be on an interface that is not there', () => {
    expect(() => wakeTargets(wakeOptions({ to: ['192.0.2.1', 'ff02::1%eth9'] }), interfaces)).to.throw(
      UsageError,
      '--to is "ff02::1%eth9"; allowed after %: an interface that is up and has an address: lo, eth0, eth1, eth2, wg0, ppp0',
    );
  });

  for (const name of ['eth9', 'lo', 'wg0']) {
    it(`cannot be had from ${name}, and the error names the interfaces that would do`, () => {
      expect(() => wakeTargets(wakeOptions({ interfaceName: name }), interfaces)).to.throw(
        UsageError,
        `--interface is "${name}"; allowed: an interface with IPv4 broadcast or IPv6: eth0, eth1, eth2`,
      );
    });
  }
});

describe('wake', () => {
  let receiver: Socket;
  let port: number;
  let received: Buffer[];
  let lines: string[];

  beforeEach(async () => {
    received = [];
    lines = [];
    receiver = createSocket('udp4');
    receiver.on('message', (bytes) => received.push(bytes));
    await new Promise<void>((resolve) => receiver.bind(0, '127.0.0.1', resolve));
    port = receiver.address().port;
  });

  afterEach(() => receiver.close());

  const wake = (fields: Partial<WakeOptions>): Promise<number> =>
    runWake(wakeOptions({ to: ['127.0.0.1'], ports: [port], ...fields }), {
      clock: new SystemClock(),
      print: (line) => lines.push(line),
      interfaces: () => interfaces,
    });

  it('sends as many packets as asked, with the password at their end', async () => {
    const code = await wake({ count: 3, password: Uint8Array.of(1, 2, 3, 4, 5, 6) });
    while (received.length < 3) await new Promise(setImmediate);

    expect(code).to.equal(0);
    for (const bytes of received)
      expect(parseMagicPacket(bytes)).to.deep.equal({ mac: '02:00:00:00:00:01', password: Uint8Array.of(1, 2, 3, 4, 5, 6) });
    expect(lines).to.deep.equal([`sent 3 of 3 packets for 02:00:00:00:00:01 to 127.0.0.1 port ${port}`]);
  });

  it('sends by IPv6 as well', async () => {
    const ipv6 = createSocket({ type: 'udp6', ipv6Only: true });
    ipv6.on('message', (bytes) => received.push(bytes));
    await new Promise<void>((resolve) => ipv6.bind(0, '::1', resolve));
    try {
      expect(await wake({ to: ['::1'], ports: [ipv6.address().port] })).to.equal(0);
      while (received.length < 1) await new Promise(setImmediate);
      expect(parseMagicPacket(received[0]!)?.mac).to.equal('02:00:00:00:00:01');
      expect(lines).to.deep.equal([`sent 1 of 1 packets for 02:00:00:00:00:01 to [::1] port ${ipv6.address().port}`]);
    } finally {
      ipv6.close();
    }
  });

  it('prints a line per target and succeeds when only one of them could be reached', async () => {
    expect(await wake({ to: ['127.0.0.1', 'no.such.host.invalid'] })).to.equal(0);
    expect(lines).to.have.length(2);
    expect(lines[1]).to.match(/^nothing sent to no\.such\.host\.invalid port \d+: /);
  });

  it('fails with 1 when no packet could be sent', async () => {
    expect(await wake({ to: ['no.such.host.invalid'] })).to.equal(1);
  });

  it('as a dry run prints targets and bytes and sends nothing', async () => {
    expect(await wake({ to: ['127.0.0.1', 'ff02::1%eth0'], dryRun: true })).to.equal(0);
    expect(lines).to.deep.equal([
      `would send 102 bytes to 127.0.0.1 port ${port}: ${'ff'.repeat(6)}${'020000000001'.repeat(16)}`,
      `would send 102 bytes to [ff02::1%eth0] port ${port}: ${'ff'.repeat(6)}${'020000000001'.repeat(16)}`,
    ]);
    expect(received).to.deep.equal([]);
  });
});
