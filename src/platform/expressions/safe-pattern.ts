/** Regular expressions of the catalog: written down as literals, and never slow, whatever text they are held against. */
import safeRegex from 'safe-regex2';

/** @returns what is wrong with the pattern; `undefined` = nothing. */
export function patternProblem(pattern: string): string | undefined {
  try {
    new RegExp(pattern);
  } catch {
    return `pattern ${JSON.stringify(pattern)} is no regular expression`;
  }
  if (safeRegex(pattern)) return undefined;
  return `pattern ${JSON.stringify(pattern)} may take very long on some texts: it repeats what is repeated, or has more than 25 repetitions`;
}

const compiled = new Map<string, RegExp>();

/** Matches the whole text. Patterns come from the catalog only, so there are few. */
export function wholeTextPattern(pattern: string): RegExp {
  let expression = compiled.get(pattern);
  if (expression === undefined) {
    expression = new RegExp(`^(?:${pattern})$`);
    compiled.set(pattern, expression);
  }
  return expression;
}
