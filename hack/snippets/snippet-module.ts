/**
 * The TypeScript of a document as one module: pure.
 *
 * Owns: what counts as code. Blocks fenced as `ts` do, and so does what stands in a comment `<!-- ts ... -->`, which readers do not see:
 * imports that would be noise, a class around a method. Blocks of one document build on each other.
 * Invariant: every line keeps its number, so that the compiler's messages point into the document.
 */
const OPENINGS: readonly [begin: RegExp, end: RegExp][] = [
  [/^\s*```(?:ts|typescript)\s*$/, /^\s*```\s*$/],
  [/^<!-- ts\s*$/, /^-->\s*$/],
];
const OTHER_FENCE = /^\s*```/;

/**
 * @param path of the document, for messages.
 * @returns `undefined` for a document without TypeScript.
 * @throws {Error} for a block that does not end.
 */
export function snippetModule(path: string, markdown: string): string | undefined {
  const module: string[] = [];
  let block: { readonly end: RegExp; readonly line: number; readonly isCode: boolean } | undefined;
  let hasCode = false;
  for (const [index, line] of markdown.split('\n').entries()) {
    const isEnd = block?.end.test(line) ?? false;
    module.push(block?.isCode && !isEnd ? line : '');
    if (block !== undefined) {
      if (isEnd) block = undefined;
      continue;
    }
    const end = OPENINGS.find(([begin]) => begin.test(line))?.[1];
    if (end !== undefined) block = { end, line: index + 1, isCode: true };
    else if (OTHER_FENCE.test(line)) block = { end: OTHER_FENCE, line: index + 1, isCode: false };
    hasCode ||= end !== undefined;
  }
  if (block !== undefined) throw new Error(`${path}:${block.line}: the block that begins here does not end`);
  return hasCode ? `${module.join('\n')}\nexport {};\n` : undefined;
}
