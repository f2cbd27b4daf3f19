import { expect } from 'chai';
import fc from 'fast-check';
import { parseWakeFrame } from '../../../../../src/wol/agent/raw/ethernet-frame';
import {
  filterBytes,
  type Instruction,
  JUMP_IF_EQUAL,
  LOAD_HALF,
  LOAD_WORD,
  PASS_ALL_BYTES,
  RETURN,
  VLAN_TAG_TAKEN_OFF,
  WAKE_FRAME_FILTER,
} from '../../../../../src/wol/agent/raw/kernel-filter';

const ALL = 'ffffffffffff';
const ONE = '020000000001';
const SOURCE = '02ff000000aa';
const DOT1Q = (id: number): string => `8100${(0xe000 | id).toString(16)}`; // priority 7
const DOT1AD = (id: number): string => `88a8${id.toString(16).padStart(4, '0')}`;
const TYPE = '0842';
const frameOf = (...parts: string[]): Buffer => Buffer.from(parts.join(''), 'hex');
const PAYLOAD = 'c0ffee';

describe('Ethernet frame of Wake-on-LAN', () => {
  const accepted: [string, Buffer, number | undefined, number][] = [
    ['to all, untagged', frameOf(ALL, SOURCE, TYPE, PAYLOAD), undefined, 0],
    ['to one machine, untagged', frameOf(ONE, SOURCE, TYPE, PAYLOAD), undefined, 0],
    ['with an 802.1Q tag', frameOf(ALL, SOURCE, DOT1Q(5), TYPE, PAYLOAD), undefined, 5],
    ['with an 802.1ad tag', frameOf(ALL, SOURCE, DOT1AD(4_094), TYPE, PAYLOAD), undefined, 4_094],
    ['with two tags: the outer one', frameOf(ALL, SOURCE, DOT1AD(7), DOT1Q(5), TYPE, PAYLOAD), undefined, 7],
    ['with two 802.1Q tags: the outer one', frameOf(ALL, SOURCE, DOT1Q(7), DOT1Q(5), TYPE, PAYLOAD), undefined, 7],
    ['with a tag that the kernel took off', frameOf(ALL, SOURCE, TYPE, PAYLOAD), 0xe005, 5],
    ['with a tag that the kernel took off in front of another', frameOf(ALL, SOURCE, DOT1Q(5), TYPE, PAYLOAD), 9, 9],
    ['with a tag that carries a priority only', frameOf(ALL, SOURCE, TYPE, PAYLOAD), 0xe000, 0],
  ];
  for (const [form, frame, strippedTag, vlanId] of accepted) {
    it(`${form} is read`, () => {
      const read = parseWakeFrame(frame, strippedTag);
      expect(read).to.deep.include({ source: '02:ff:00:00:00:aa', vlanId });
      expect(Buffer.from(read?.payload ?? []).toString('hex')).to.equal(PAYLOAD);
    });
  }

  const ignored: [string, Buffer, number | undefined][] = [
    ['of another type', frameOf(ALL, SOURCE, '0800', PAYLOAD), undefined],
    ['of another type behind a tag', frameOf(ALL, SOURCE, DOT1Q(5), '0800', PAYLOAD), undefined],
    ['to a multicast group', frameOf('01005e000001', SOURCE, TYPE, PAYLOAD), undefined],
    ['to an IPv6 multicast group', frameOf('333300000001', SOURCE, TYPE, PAYLOAD), undefined],
    ['almost to all', frameOf('fffffffffffe'.replace(/e$/, 'd'), SOURCE, TYPE, PAYLOAD), undefined],
    ['with three tags', frameOf(ALL, SOURCE, DOT1Q(1), DOT1Q(2), DOT1Q(3), TYPE, PAYLOAD), undefined],
    ['with two tags behind one that the kernel took off', frameOf(ALL, SOURCE, DOT1Q(1), DOT1Q(2), TYPE, PAYLOAD), 3],
    ['of 14 bytes', frameOf(ALL, SOURCE, TYPE), undefined],
    ['with a tag and nothing behind its type', frameOf(ALL, SOURCE, DOT1Q(1), TYPE), undefined],
  ];
  for (const [form, frame, strippedTag] of ignored) {
    it(`${form} is ignored`, () => {
      expect(parseWakeFrame(frame, strippedTag)).to.equal(undefined);
    });
  }

  it('is ignored when it is cut off anywhere within its header', () => {
    const whole = frameOf(ALL, SOURCE, DOT1AD(7), DOT1Q(5), TYPE, PAYLOAD);
    for (let length = 0; length <= 22; length++) expect(parseWakeFrame(whole.subarray(0, length)), `${length} bytes`).to.equal(undefined);
    expect(parseWakeFrame(whole.subarray(0, 23))?.payload).to.have.length(1);
  });
});

/** Bytes that come close: the types and addresses that matter, and others. */
const nearFrames = fc
  .tuple(
    fc.constantFrom(ALL, ONE, '01005e000001'),
    fc.array(fc.constantFrom(DOT1Q(5), DOT1AD(6), '8100', '88'), { maxLength: 4 }),
    fc.constantFrom(TYPE, '0800', '08', ''),
    fc.uint8Array({ maxLength: 40 }),
  )
  .map(([to, tags, type, rest]) => Buffer.concat([frameOf(to, SOURCE, ...tags, type), rest]));
const anyBytes = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
const strippedTags = fc.option(fc.integer({ min: 0, max: 0xffff }), { nil: undefined });

describe('Ethernet frames of any bytes', () => {
  it('never make the parser throw, and are accepted exactly when they have the form', () => {
    fc.assert(
      fc.property(fc.oneof(nearFrames, anyBytes), strippedTags, (frame, strippedTag) => {
        const expected = hasTheForm(frame, strippedTag !== undefined);
        expect(parseWakeFrame(frame, strippedTag) !== undefined).to.equal(expected);
      }),
      { numRuns: 20_000 },
    );
  });

  it('pass the filter in the kernel whenever the parser accepts them, and never for another type', () => {
    fc.assert(
      fc.property(fc.oneof(nearFrames, anyBytes), strippedTags, (frame, strippedTag) => {
        const passes = runFilter(WAKE_FRAME_FILTER, frame, strippedTag !== undefined) === PASS_ALL_BYTES;
        const hex = `${ALL}${frame.subarray(6).toString('hex')}`;
        // What is left to the parser: where the frame goes to, and whether it has a payload.
        expect(passes).to.equal(hasTheForm(Buffer.from(`${hex}00`, 'hex'), strippedTag !== undefined) && frame.length >= 14);
      }),
      { numRuns: 20_000 },
    );
  });

  it('meet a filter of 14 instructions of eight bytes that only jumps forward within itself', () => {
    const bytes = filterBytes(WAKE_FRAME_FILTER);
    expect(bytes).to.have.length(14 * 8);
    expect(Buffer.from(bytes.subarray(0, 16)).toString('hex')).to.equal('280000000c000000' + '15000a0042080000');
    for (const [at, { jt, jf }] of WAKE_FRAME_FILTER.entries()) {
      for (const jump of [jt, jf]) expect(jump).to.be.within(0, WAKE_FRAME_FILTER.length - at - 1);
    }
  });
});

/** The specification as a regular expression over the bytes in hex. */
function hasTheForm(frame: Buffer, tagTakenOff: boolean): boolean {
  const mostTags = tagTakenOff ? 1 : 2;
  const form = new RegExp(`^(?:ffffffffffff|(?:[0-9a-f][02468ace])(?:..){5})(?:..){6}(?:(?:8100|88a8)....){0,${mostTags}}0842(?:..)+$`);
  return form.test(frame.toString('hex'));
}

/** Classic BPF, as far as the filter uses it. */
function runFilter(program: readonly Instruction[], frame: Buffer, tagTakenOff: boolean): number {
  let accumulator = 0;
  for (let at = 0; at < program.length; at++) {
    const { code, jt, jf, k } = program[at]!;
    if (code === RETURN) return k;
    if (code === JUMP_IF_EQUAL) {
      at += accumulator === k ? jt : jf;
    } else if (code === LOAD_WORD && k === VLAN_TAG_TAKEN_OFF) {
      accumulator = tagTakenOff ? 1 : 0;
    } else if (code === LOAD_HALF) {
      if (k + 2 > frame.length) return 0;
      accumulator = frame.readUInt16BE(k);
    } else {
      throw new Error(`instruction ${code} is not known`);
    }
  }
  throw new Error('the program has no end');
}
