import { expect } from 'chai';
import fc from 'fast-check';
import { LineDecoder, LineError } from '../../../../src/framework/watch/line-decoder';

function linesOf(decoder: LineDecoder, ...chunks: (string | Uint8Array)[]): string[] {
  return chunks.flatMap((chunk) => [...decoder.push(Buffer.from(chunk))]);
}

describe('line decoder', () => {
  it('gives the same lines wherever the bytes are cut, also within a character', () => {
    const text = fc.string({ unit: 'grapheme' }).map((line) => line.replace(/[\r\n\u2028\u2029]/g, '').trim());
    fc.assert(
      fc.property(fc.array(text, { maxLength: 8 }), fc.array(fc.nat(200), { maxLength: 10 }), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const borders = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const chunks = borders.slice(1).map((end, i) => bytes.subarray(borders[i], end));
        const decoder = new LineDecoder(1_000_000);
        expect(linesOf(decoder, ...chunks)).to.deep.equal(lines.filter((line) => line !== ''));
        decoder.end();
      }),
    );
  });

  it('takes CR LF for a line end and leaves out blank lines', () => {
    expect(linesOf(new LineDecoder(100), 'a\r\n\n\r\nb\n')).to.deep.equal(['a', 'b']);
  });

  it('allows a line of exactly the limit and refuses one byte more', () => {
    expect(linesOf(new LineDecoder(4), 'abcd\n')).to.deep.equal(['abcd']);
    expect(() => linesOf(new LineDecoder(4), 'ab', 'cde')).to.throw(LineError, 'a line is longer than 4 bytes');
  });

  it('counts bytes, not characters', () => {
    expect(() => linesOf(new LineDecoder(4), 'äöü\n')).to.throw(LineError);
  });

  it('counts every line anew', () => {
    expect(linesOf(new LineDecoder(4), 'abcd\nabcd\nab', 'cd\n')).to.deep.equal(['abcd', 'abcd', 'abcd']);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => linesOf(new LineDecoder(100), Uint8Array.of(0xc3, 0x28, 0x0a))).to.throw(LineError, 'not UTF-8');
  });

  it('says that a stream ended within a line', () => {
    const decoder = new LineDecoder(100);
    linesOf(decoder, 'whole\npart');
    expect(() => decoder.end()).to.throw(LineError, 'ended within a line, after 4 bytes');
  });

  it('hands over the lines before the one that cannot be read', () => {
    const decoder = new LineDecoder(5);
    const seen: string[] = [];
    expect(() => {
      for (const line of decoder.push(Buffer.from('one\ntwo\nlonger\n'))) seen.push(line);
    }).to.throw(LineError);
    expect(seen).to.deep.equal(['one', 'two']);
  });
});
