import { expect } from 'chai';
import fc from 'fast-check';
import { macsOf } from '../../../src/kubevirt/declared-macs';
import { isUsableMac, normalizeMac } from '../../../src/kubevirt/mac-address';
import { aVm } from './builders';

/** An independent reading of Go's net.ParseMAC for six bytes: byte by byte, no regular expressions. */
function referenceParse(text: string): string | undefined {
  const trimmed = text.trim();
  const hex = '0123456789abcdefABCDEF';
  const groups = trimmed.length === 14 ? 4 : 2;
  const separators = groups === 4 ? '.' : ':-';
  if (trimmed.length !== 14 && trimmed.length !== 17) return undefined;
  const separator = trimmed[groups];
  if (separator === undefined || !separators.includes(separator)) return undefined;
  let digits = '';
  for (let i = 0; i < trimmed.length; i++) {
    const char = trimmed[i] as string;
    if (i % (groups + 1) === groups) {
      if (char !== separator) return undefined;
    } else {
      if (!hex.includes(char)) return undefined;
      digits += char.toLowerCase();
    }
  }
  return (digits.match(/../g) as string[]).join(':');
}

const nearMac = fc
  .array(fc.constantFrom(...'0123456789abcdefABCDEFg:-. \n'.split('')), { minLength: 0, maxLength: 20 })
  .map((chars) => chars.join(''));
const bytes = fc.uint8Array({ minLength: 6, maxLength: 6 });
const spelled = fc
  .tuple(bytes, fc.constantFrom('colon', 'hyphen', 'dot', 'bare', 'mixed'), fc.boolean(), fc.constantFrom('', ' ', '\t', '\r\n'))
  .map(([mac, form, upper, space]) => {
    const pairs = [...mac].map((byte) => byte.toString(16).padStart(2, '0'));
    const text = {
      colon: pairs.join(':'),
      hyphen: pairs.join('-'),
      dot: `${pairs.slice(0, 2).join('')}.${pairs.slice(2, 4).join('')}.${pairs.slice(4).join('')}`,
      bare: pairs.join(''),
      mixed: `${pairs.slice(0, 3).join(':')}-${pairs.slice(3).join('-')}`,
    }[form];
    return `${space}${upper ? text.toUpperCase() : text}${space}`;
  });

describe('MAC addresses', () => {
  for (const text of ['02:00:00:aa:bb:01', '02:00:00:AA:BB:01', '02-00-00-aa-bb-01', '0200.00AA.bb01', ' \t02:00:00:aa:bb:01\r\n']) {
    it(`reads ${JSON.stringify(text)}`, () => expect(normalizeMac(text)).to.equal('02:00:00:aa:bb:01'));
  }

  const notMacs = ['', '020000aabb01', '02:00:00:aa:bb', '02:00:00:aa:bb:01:02', '02:00:00-aa-bb-01', '2:0:0:aa:bb:1', '02:00:00:aa:bb:0g'];
  for (const text of [...notMacs, '0200.00aa:bb01', '02:00:00:00:fe:80:00:01', '02:00:00:aa:bb:01:', `${' '.repeat(50)}x`]) {
    it(`takes ${JSON.stringify(text)} for no MAC`, () => expect(normalizeMac(text)).to.equal(undefined));
  }

  it('accepts exactly the language of the reference, and its result is a fixed point', () => {
    fc.assert(
      fc.property(fc.oneof(spelled, nearMac, fc.string()), (text) => {
        const mac = normalizeMac(text);
        expect(mac).to.equal(referenceParse(text));
        if (mac !== undefined) expect(normalizeMac(mac)).to.equal(mac);
      }),
      { numRuns: 2_000 },
    );
  });

  it('calls an address unusable when it is zero, broadcast or multicast', () => {
    expect(['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01', '33:33:00:00:00:01'].filter(isUsableMac)).to.deep.equal([]);
    expect(['02:00:00:00:00:01', '00:00:00:00:00:01', 'fe:ff:ff:ff:ff:ff'].every(isUsableMac)).to.equal(true);
  });
});

describe('declared MACs of a virtual machine', () => {
  it('are those of every interface, in normal form, each once', () => {
    const vm = aVm({ macs: ['02-00-00-00-00-0A', '0200.0000.000b', '02:00:00:00:00:0a'] });
    expect(macsOf(vm)).to.deep.equal(['02:00:00:00:00:0a', '02:00:00:00:00:0b']);
  });

  it('leave out interfaces that are being unplugged and keep those that are down', () => {
    const interfaces = [
      { name: 'a', macAddress: '02:00:00:00:00:01', state: 'absent' },
      { name: 'b', macAddress: '02:00:00:00:00:02', state: 'down' },
    ];
    expect(macsOf(aVm({ interfaces }))).to.deep.equal(['02:00:00:00:00:02']);
  });

  it('leave out addresses that are malformed or unusable, without failing', () => {
    expect(macsOf(aVm({ macs: ['nonsense', 'ff:ff:ff:ff:ff:ff', '02:00:00:00:00:03'] }))).to.deep.equal(['02:00:00:00:00:03']);
    expect(macsOf({ metadata: { name: 'bare' } })).to.deep.equal([]);
    expect(macsOf(aVm({ interfaces: [{ name: 'automatic' }] }))).to.deep.equal([]);
  });
});
