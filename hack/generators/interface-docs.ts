/**
 * Reads the options of an interface from its source: name, type, default and what the doc comment says.
 *
 * Owns: the little TypeScript that our option interfaces use. Never: resolves types or inheritance.
 * Assumptions: the source is formatted by our formatter, so that an interface ends with a brace in the first column.
 */

export interface DocumentedOption {
  readonly name: string;
  readonly required: boolean;
  readonly type: string;
  /** Empty when the comment names none. */
  readonly default: string;
  readonly text: string;
}

const MEMBER = /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?^ {2}(?:readonly )?(\w+)(\?)?(\([^)]*\))?: ([\s\S]+?);\n/gm;

/** @throws {Error} when the interface is not there, or one of its members has no doc comment. */
export function optionsOf(source: string, name: string): DocumentedOption[] {
  const start = new RegExp(`^export interface ${name}\\b[^{]*\\{\\n`, 'm').exec(source);
  if (start === null) throw new Error(`there is no interface ${name}`);
  const rest = source.slice(start.index + start[0].length);
  const body = rest.slice(0, rest.indexOf('\n}') + 1);
  return [...body.matchAll(MEMBER)].map(([, comment, member, mark, parameters, result]) => {
    if (comment === undefined) throw new Error(`${name}.${member} has no doc comment`);
    const [text = '', preset = ''] = plain(comment).split(/\s*@default\s+/);
    const type = (parameters === undefined ? result! : `${parameters} => ${result}`).replace(/\s+/g, ' ');
    return { name: member!, required: mark === undefined, type, default: preset, text };
  });
}

/** The comment before a declaration, without tags, on one line; empty when there is none but that of the whole file. */
export function commentBefore(source: string, declaration: string): string {
  const at = source.indexOf(declaration);
  if (at < 0) throw new Error(`there is no "${declaration}"`);
  const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(source.slice(0, at));
  return comment === null || comment.index === 0 ? '' : plain(comment[1]!).replace(/\s*@\w+.*$/, '');
}

function plain(comment: string): string {
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim())
    .join(' ')
    .trim();
}
