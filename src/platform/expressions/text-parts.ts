/** Finds `${ }` in a text. */
import { ExpressionSyntaxError } from './expression-error';

export type TextPart = { readonly type: 'text'; readonly text: string } | { readonly type: 'expression'; readonly source: string };

/**
 * Splits a text into literal parts and expressions. `$${` stands for a literal `${`.
 *
 * An expression ends at the brace that closes it: braces of maps and braces inside of quotes belong to it.
 * @throws {ExpressionSyntaxError} when an expression does not end.
 */
export function scanText(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let literal = '';
  let position = 0;
  while (position < text.length) {
    if (text.startsWith('$${', position)) {
      literal += '${';
      position += 3;
    } else if (text.startsWith('${', position)) {
      const end = endOfExpression(text, position + 2);
      if (literal !== '') parts.push({ type: 'text', text: literal });
      literal = '';
      parts.push({ type: 'expression', source: text.slice(position + 2, end).trim() });
      position = end + 1;
    } else {
      literal += text[position];
      position += 1;
    }
  }
  if (literal !== '') parts.push({ type: 'text', text: literal });
  return parts;
}

const QUOTE = /^([rR]?)("""|'''|"|')/;

/** @returns the position of the closing brace. */
function endOfExpression(text: string, start: number): number {
  let depth = 0;
  let position = start;
  while (position < text.length) {
    const quote = startOfQuote(text, position, start);
    if (quote !== undefined) {
      position = endOfQuote(text, position + quote.length, quote);
      continue;
    }
    const character = text[position];
    if (character === '{') depth += 1;
    if (character === '}') {
      if (depth === 0) return position;
      depth -= 1;
    }
    position += 1;
  }
  throw new ExpressionSyntaxError(text.slice(start), 'there is no } that closes it');
}

interface Quote {
  readonly mark: string;
  readonly isRaw: boolean;
  readonly length: number;
}

function startOfQuote(text: string, position: number, start: number): Quote | undefined {
  const match = QUOTE.exec(text.slice(position, position + 4));
  if (match === null) return undefined;
  const [whole, prefix, mark] = match as unknown as [string, string, string];
  const isWordBefore = position > start && /\w/.test(text[position - 1]!);
  // The r of an identifier that ends right before a quote is no prefix; the quote itself is found at the next position.
  if (prefix !== '' && isWordBefore) return undefined;
  return { mark, isRaw: prefix !== '', length: whole.length };
}

/** @returns the position after the quote. */
function endOfQuote(text: string, start: number, { mark, isRaw }: Quote): number {
  let position = start;
  while (position < text.length) {
    if (text[position] === '\\' && !isRaw) position += 2;
    else if (text.startsWith(mark, position)) return position + mark.length;
    else position += 1;
  }
  return position;
}
