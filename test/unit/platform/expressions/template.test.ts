import { expect } from 'chai';
import fc from 'fast-check';
import { compileTemplate, ExpressionSyntaxError } from '../../../../src/platform/expressions';
import { scanText } from '../../../../src/platform/expressions/text-parts';
import type { Json } from '../../../../src/platform/json';
import { errorOf, rendered } from './support';

const OPEN = '$' + '{';
const e = (source: string): string => `${OPEN} ${source} }`;

describe('expressions in a document', () => {
  it('give their value, of whatever type, where they are the whole text', async () => {
    const document = { int: e('1 + 1'), list: e('topology.roles'), map: e('{"a": true}'), text: e('"x"'), double: e('0.5') };

    expect(await rendered(document)).to.deep.equal({ int: 2, list: ['worker'], map: { a: true }, text: 'x', double: 0.5 });
  });

  it('are written into the text that they stand in', async () => {
    expect(await rendered({ a: `n=${e('1 + 1')}, ${e('true')} ${e('"x"')}!` })).to.deep.equal({ a: 'n=2, true x!' });
  });

  for (const source of ['0.5', 'topology.roles', '{"a": 1}', 'null', 'optional.none()', 'optional.of("x")', 'b"x"']) {
    it(`are refused inside of a text when they give ${source}`, async () => {
      expect((await errorOf(() => rendered(`a ${e(source)}`))).message).to.contain('allowed there: text, int, bool');
    });
  }

  it('drop the member or the element when they give null or none', async () => {
    const document = { a: e('null'), b: [1, e('optional.none()'), e('2')], c: { d: e('hco.?spec') }, e: null };

    expect(await rendered(document)).to.deep.equal({ b: [1, 2], c: {} });
  });

  it('can be the whole document, and nothing when that is null', async () => {
    expect(await rendered(e('{"kind": "A"}'))).to.deep.equal({ kind: 'A' });
    expect(await rendered(e('null'))).to.equal(undefined);
  });

  it('are refused in keys', () => {
    expect(() => compileTemplate({ [e('"a"')]: 1 })).to.throw(ExpressionSyntaxError, 'keys take no expressions');
  });

  it('are not looked for in what an expression gives', async () => {
    const hco = { spec: { text: e('1 + 1') } };

    expect(await rendered({ a: e('hco.spec.text'), b: `-${e('hco.spec.text')}` }, { hco })).to.deep.equal({
      a: e('1 + 1'),
      b: `-${e('1 + 1')}`,
    });
  });

  it('are literal text after $$', async () => {
    expect(await rendered({ a: `$${OPEN}x}`, b: `$${OPEN}x} ${e('1')}`, $a: '$', c: '$x {y} }' })).to.deep.equal({
      a: `${OPEN}x}`,
      b: `${OPEN}x} 1`,
      $a: '$',
      c: '$x {y} }',
    });
  });

  it('leave templates of Prometheus and of Perses alone', async () => {
    const text = 'Node {{ $labels.node }} has {{ $value | humanize }} of $datasource';

    expect(await rendered({ text })).to.deep.equal({ text });
  });

  it('may have braces in maps and in quotes', async () => {
    const document = {
      map: e('{"a": {"b": "}"}}'),
      quoted: e(`"}{" + '}' + r"\\}" + """ " } """`),
      escaped: e('"\\"}"'),
    };

    expect(await rendered(document)).to.deep.equal({ map: { a: { b: '}' } }, quoted: '}{}\\} " } ', escaped: '"}' });
  });

  it('have to end', () => {
    expect(() => compileTemplate(`a ${OPEN} 1 `)).to.throw(ExpressionSyntaxError, 'no } that closes it');
    expect(() => compileTemplate(`a ${OPEN} "}`)).to.throw(ExpressionSyntaxError, 'no } that closes it');
  });

  it('leave what does not change to be shared, and safe from changes', async () => {
    const template = compileTemplate({ a: { b: [1] } });

    expect(template.constant).to.deep.equal({ a: { b: [1] } });
    expect(Object.isFrozen((template.constant as { a: object }).a)).to.equal(true);
  });

  it('keep the order of members and elements', async () => {
    const value = await rendered({ z: 1, a: e('2'), m: [e('"c"'), 'b', e('"a"')] });

    expect(JSON.stringify(value)).to.equal('{"z":1,"a":2,"m":["c","b","a"]}');
  });

  it('leave every text without $ and { side by side as it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string().filter((text) => !text.includes(OPEN)),
        async (text) => {
          expect(await rendered(text)).to.equal(text);
        },
      ),
    );
  });

  it('give any text back once it is escaped', async () => {
    const pieces = fc.constantFrom('$', '{', '}', OPEN, '"', 'a', '\\', ' ');
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 12 }), async (parts) => {
        const text = parts.join('');
        const escaped = text.replaceAll(OPEN, () => `$${OPEN}`);
        // A $ before the escape would be one more escape.
        fc.pre(!text.includes(`$${OPEN}`));
        expect(await rendered(escaped)).to.equal(text);
      }),
      { numRuns: 500 },
    );
  });

  it('give back any text through an expression, wherever it stands', async () => {
    const literal = (text: string): string => JSON.stringify(text);
    const printable = fc.string({ unit: 'grapheme-ascii', maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(printable, printable, async (text, around) => {
        fc.pre(!around.includes('$'));
        expect(await rendered(e(literal(text)))).to.equal(text);
        expect(await rendered(`${around}${e(literal(text))}${around}`)).to.equal(`${around}${text}${around}`);
      }),
      { numRuns: 300 },
    );
  });

  it('never make the scanner throw anything but a syntax error', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '{', '}', '"', "'", 'r', '\\', 'a') }), (text) => {
        try {
          scanText(text);
        } catch (error) {
          expect(error).to.be.instanceOf(ExpressionSyntaxError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('tell what they read over the whole document', () => {
    const { expressions } = compileTemplate({ a: e('hco.spec.x'), b: [`${e('settings.namespace')}-${e('hardware.gpuPresent')}`] } as Json);

    expect(expressions.flatMap(({ reads }) => [...reads])).to.deep.equal(['hco', 'settings', 'hardware']);
  });
});
