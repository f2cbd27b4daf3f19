import { expect } from 'chai';
import fc from 'fast-check';
import { lineDiff } from '../../../../hack/generators/line-diff';

describe('line diff', () => {
  it('is empty for equal texts', () => {
    expect(lineDiff('a\nb\n', 'a\nb\n')).to.deep.equal([]);
  });

  it('marks a changed line with what stands there and what belongs there', () => {
    expect(lineDiff('1\n2\n3\n4\n5\n6\n7', '1\n2\n3\nx\n5\n6\n7')).to.deep.equal(['...', '  2', '  3', '- 4', '+ x', '  5', '  6']);
  });

  it('keeps far changes apart', () => {
    const before = Array.from({ length: 20 }, (_, line) => `${line}`);
    const after = before.with(3, 'x').with(16, 'y');

    expect(lineDiff(before.join('\n'), after.join('\n')).filter((line) => line === '...')).to.have.lengthOf(2);
  });

  it('shows an insertion as an insertion and not as a change of everything below it', () => {
    const diff = lineDiff('a\nb\nc', 'a\nnew\nb\nc');

    expect(diff.filter((line) => !line.startsWith(' '))).to.deep.equal(['+ new']);
  });

  it('stops at the longest allowed length and counts the rest', () => {
    const diff = lineDiff('', Array.from({ length: 100 }, (_, line) => `${line}`).join('\n'), 10);

    expect(diff).to.have.lengthOf(11);
    expect(diff.at(-1)).to.equal('... and 91 more lines');
  });

  it('leaves equally many lines on both sides once the marked ones are taken away', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(text, text, (before, after) => {
        const diff = lineDiff(before.join('\n'), after.join('\n'), Number.POSITIVE_INFINITY).filter((line) => line !== '...');
        const removed = diff.filter((line) => line.startsWith('-')).map((line) => line.slice(2));
        const added = diff.filter((line) => line.startsWith('+')).map((line) => line.slice(2));

        expect(before.length - removed.length).to.equal(after.length - added.length);
        expect(removed.length === 0 && added.length === 0).to.equal(before.join('\n') === after.join('\n'));
      }),
    );
  });
});
