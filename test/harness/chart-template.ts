/**
 * Renders the few template actions that generated chart templates use, for tests without Helm.
 *
 * Owns: `if`/`end` on values, the chart's helpers, the namespace of the release. Never: guesses; an action it does not know is an error.
 */
export interface ChartRelease {
  readonly namespace: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** What `include` gives, by name of the helper. */
  readonly helpers: Readonly<Record<string, string>>;
}

/** @throws {Error} for an action that is unknown, a helper or a value that is not given, and an `if` without `end`. */
export function renderTemplate(template: string, release: ChartRelease): string {
  const shown: boolean[] = [];
  const output: string[] = [];
  for (const line of template.split('\n')) {
    const control = /^\s*\{\{- (?:if (.+)|(end)) \}\}$/.exec(line);
    if (control?.[1] !== undefined) shown.push(isTrue(control[1], release));
    else if (control?.[2] !== undefined) endOf(shown);
    else if (shown.every(Boolean)) output.push(renderLine(line, release));
  }
  if (shown.length > 0) throw new Error(`${shown.length} "if" without "end"`);
  return output.join('\n');
}

function endOf(shown: boolean[]): void {
  if (shown.pop() === undefined) throw new Error('an "end" without "if"');
}

function isTrue(condition: string, release: ChartRelease): boolean {
  const { values } = release;
  if (condition.startsWith('or ')) return [...condition.matchAll(/\(([^()]+)\)/g)].some(([, part = '']) => isTrue(part, release));
  const words = condition.split(' ');
  const paths = words[0] === 'and' ? words.slice(1) : words;
  return paths.every((path) => valueAt(path, values) === true);
}

function valueAt(path: string, values: unknown): unknown {
  if (!path.startsWith('.Values.')) throw new Error(`no value: ${path}`);
  const value = path
    .slice('.Values.'.length)
    .split('.')
    .reduce<unknown>((found, key) => (found as Record<string, unknown> | undefined)?.[key], values);
  if (value === undefined) throw new Error(`the release has no value ${path}`);
  return value;
}

function renderLine(line: string, release: ChartRelease): string {
  const block = /^\s*\{\{- include "([^"]+)" \. \| nindent (\d+) \}\}$/.exec(line);
  if (block !== null) return ' '.repeat(Number(block[2])) + helper(block[1]!, release);
  return line.replace(/\{\{ (.+?) \}\}(?!")/g, (_action, content: string) => inline(content, release));
}

function inline(content: string, release: ChartRelease): string {
  const quoted = /^(.+) \| quote$/.exec(content);
  if (quoted !== null) return JSON.stringify(inline(quoted[1]!, release));
  if (content === '.Release.Namespace') return release.namespace;
  const literal = /^"([^"]*)"$/.exec(content);
  if (literal !== null) return literal[1]!;
  const include = /^include "([^"]+)" \.$/.exec(content);
  if (include !== null) return helper(include[1]!, release);
  throw new Error(`unknown action: ${content}`);
}

function helper(name: string, { helpers }: ChartRelease): string {
  const text = helpers[name];
  if (text === undefined) throw new Error(`the chart has no helper ${name}`);
  return text;
}
