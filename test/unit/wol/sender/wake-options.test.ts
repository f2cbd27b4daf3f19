import { expect } from 'chai';
import { UsageError } from '../../../../src/framework';
import { compileWakeOptions, type WakeFlagValues } from '../../../../src/wol/sender/wake-options';

const knownMac = (text: string): string | undefined => (text === 'AA-BB-CC-DD-EE-01' ? 'aa:bb:cc:dd:ee:01' : undefined);
const compile = (flags: WakeFlagValues = {}, env: Record<string, string> = {}): ReturnType<typeof compileWakeOptions> =>
  compileWakeOptions('AA-BB-CC-DD-EE-01', flags, env, knownMac);

describe('options of wake', () => {
  it('default to three packets to port 9 by broadcast', () => {
    expect(compile()).to.deep.equal({
      mac: 'aa:bb:cc:dd:ee:01',
      to: [],
      ports: [9],
      interfaceName: undefined,
      password: undefined,
      count: 3,
      intervalMs: 100,
      dryRun: false,
    });
  });

  for (const mac of ['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01']) {
    it(`refuse ${mac}, which can belong to no machine`, () => {
      const message = `MAC is "${mac}"; allowed: the address of one machine, so neither all zeros nor broadcast or multicast`;
      expect(() => compileWakeOptions(mac, {}, {}, (text) => text)).to.throw(UsageError, message);
    });
  }

  it('take several hosts and ports, IPv6 in brackets or with a zone', () => {
    expect(compile({ to: ['192.0.2.255', '[2001:db8::1]', 'ff02::1%eth0', 'lab.example'], port: ['7', '9', '7'] })).to.deep.include({
      to: ['192.0.2.255', '2001:db8::1', 'ff02::1%eth0', 'lab.example'],
      ports: [7, 9],
    });
  });

  it('take the password from the environment unless the flag gives one', () => {
    expect(compile({}, { WAKE_PASSWORD: '1.2.3.4' }).password).to.deep.equal(Uint8Array.of(1, 2, 3, 4));
    expect(compile({ password: '01:02:03:04:05:06' }, { WAKE_PASSWORD: '1.2.3.4' }).password).to.deep.equal(
      Uint8Array.of(1, 2, 3, 4, 5, 6),
    );
  });

  for (const [flags, message] of [
    [{ to: ['no host'] }, '--to is "no host"; allowed: an IPv4 or IPv6 address or a host name'],
    [{ to: ['ff02::1'] }, '--to is "ff02::1"; allowed: an address of one link only together with its interface, for example ff02::1%eth0'],
    [
      { to: ['[fe80::1]'] },
      '--to is "[fe80::1]"; allowed: an address of one link only together with its interface, for example fe80::1%eth0',
    ],
    [{ port: ['0'] }, '--port is "0"; allowed: 1 to 65535'],
    [{ port: ['65536'] }, '--port is "65536"; allowed: 1 to 65535'],
    [{ port: ['nine'] }, '--port is "nine"; allowed: 1 to 65535'],
    [{ count: '0' }, '--count is "0"; allowed: 1 to 1000'],
    [{ count: '1.5' }, '--count is "1.5"; allowed: 1 to 1000'],
    [{ interval: '5' }, '--interval is "5"; allowed: a duration up to 60s, for example 100ms'],
    [{ interval: '61s' }, '--interval is "61s"; allowed: a duration up to 60s, for example 100ms'],
    [{ to: ['192.0.2.1'], interface: 'eth0' }, '--to and --interface exclude each other; give one of them'],
  ] as const) {
    it(`refuse ${JSON.stringify(flags)} in one line`, () => {
      expect(() => compile(flags)).to.throw(UsageError, message);
    });
  }

  it('refuse what is no address, naming the forms that are', () => {
    expect(() => compileWakeOptions('aabbccddee01', {}, {}, knownMac)).to.throw(
      UsageError,
      'MAC is "aabbccddee01"; allowed: aa:bb:cc:dd:ee:ff, aa-bb-cc-dd-ee-ff or aabb.ccdd.eeff',
    );
  });

  it('refuse a malformed password without showing it', () => {
    expect(() => compile({ password: 'hunter22' })).to.throw(
      UsageError,
      /^--password \(or WAKE_PASSWORD\) has 8 characters in no known form; allowed: (?!.*hunter22)/,
    );
  });
});
