import { expect } from 'chai';
import { checkEvent } from '../../../../src/wol/protocol/event-check';
import type { WOLEvent } from '../../../../src/wol/protocol/generated/wol-descriptor';

const lowerCase = (text: string): string | undefined => (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text) ? text.toLowerCase() : undefined);

const anEvent = (fields: Partial<WOLEvent> = {}): WOLEvent => ({
  macAddress: '02:00:00:00:00:01',
  nodeName: 'node-a',
  sourceIp: '192.0.2.1',
  sourcePort: 40_000,
  packetSize: 102,
  destPort: 9,
  secureOn: new Uint8Array(),
  transport: 1,
  vlanId: 0,
  interface: '',
  configName: 'home',
  ...fields,
});

describe('checking a wake event', () => {
  it('gives the address in normal form', () => {
    expect(checkEvent(anEvent({ macAddress: '02:00:00:00:00:AB' }), lowerCase)).to.deep.equal({ kind: 'valid', mac: '02:00:00:00:00:ab' });
  });

  for (const [field, wireName, max] of [
    ['macAddress', 'mac_address', 64],
    ['nodeName', 'node_name', 253],
    ['sourceIp', 'source_ip', 64],
    ['interface', 'interface', 64],
    ['configName', 'config_name', 253],
  ] as const) {
    it(`refuses a ${wireName} of ${max + 1} characters as InvalidEvent`, () => {
      expect(checkEvent(anEvent({ [field]: 'x'.repeat(max + 1) }), lowerCase)).to.deep.equal({
        kind: 'refused',
        reason: 'InvalidEvent',
        text: `${wireName} has ${max + 1} characters; allowed: at most ${max}`,
      });
    });

    it(`does not refuse a ${wireName} of ${max} characters as InvalidEvent`, () => {
      const check = checkEvent(anEvent({ [field]: 'x'.repeat(max) }), lowerCase);
      expect(check.kind === 'refused' ? check.reason : check.kind).to.equal(field === 'macAddress' ? 'InvalidMAC' : 'valid');
    });
  }

  for (const length of [0, 1, 2, 3, 4, 5, 6, 7]) {
    it(`takes a password of ${length} bytes as ${[0, 4, 6].includes(length) ? 'valid' : 'InvalidEvent'}`, () => {
      const check = checkEvent(anEvent({ secureOn: new Uint8Array(length) }), lowerCase);
      expect(check.kind === 'refused' ? check.reason : check.kind).to.equal([0, 4, 6].includes(length) ? 'valid' : 'InvalidEvent');
    });
  }

  it('refuses an empty address as InvalidMAC', () => {
    expect(checkEvent(anEvent({ macAddress: '' }), lowerCase)).to.deep.equal({
      kind: 'refused',
      reason: 'InvalidMAC',
      text: 'mac_address is empty; allowed: six hex pairs',
    });
  });

  it('quotes a malformed address on one line with control characters escaped', () => {
    expect(checkEvent(anEvent({ macAddress: 'no\nmac' }), lowerCase)).to.deep.include({
      reason: 'InvalidMAC',
      text: 'mac_address is "no\\nmac"; allowed: six hex pairs',
    });
  });

  it('never refuses for a timestamp', () => {
    for (const timestamp of [undefined, { seconds: 0, nanos: 0 }, { seconds: 9e12, nanos: 0 }, { seconds: -1, nanos: -1 }]) {
      expect(checkEvent(anEvent({ timestamp }), lowerCase).kind).to.equal('valid');
    }
  });
});
