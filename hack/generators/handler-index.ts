/**
 * Makes `src/<module>/handlers/index.ts`, the list of a module's handler classes, from the files beside it.
 *
 *     node build/hack/generators/handler-index.js            writes what differs
 *     node build/hack/generators/handler-index.js --check    writes nothing, exits 1 and shows the difference
 *
 * Owns: what counts as a handler: an exported class decorated with `@Handler` or `@Source`. So adding a handler is adding a file.
 * Never: orders handlers by anything but the names of their files, which nothing may depend on.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GENERATED_MARK, type GeneratedFiles } from './generated-files';
import { type Generator, main } from './generator-command';

const SOURCES = 'src';
const INDEX = 'index.ts';
/** Of the formatter, see biome.json. */
const LINE_WIDTH = 140;
/** A decorator at the start of a line, its arguments and further decorators, then the class. */
const HANDLER = /^@(?:Handler|Source)\([\s\S]*?^export class (\w+)/gm;

/** @throws {Error} when a folder of handlers has none. */
export function handlerIndexes(root: string): GeneratedFiles {
  const files = new Map<string, string>();
  for (const module of readdirSync(join(root, SOURCES)).sort()) {
    const folder = `${SOURCES}/${module}/handlers`;
    if (existsSync(join(root, folder))) files.set(`${folder}/${INDEX}`, indexOf(root, module, folder));
  }
  return files;
}

function indexOf(root: string, module: string, folder: string): string {
  const names = readdirSync(join(root, folder)).sort();
  const found = names
    .filter((name) => name.endsWith('.ts') && name !== INDEX)
    .map((name) => ({ name: name.slice(0, -'.ts'.length), classes: handlersIn(readFileSync(join(root, folder, name), 'utf8')) }))
    .filter(({ classes }) => classes.length > 0);
  if (found.length === 0) throw new Error(`${folder} has no class with @Handler() or @Source()`);
  return [
    `// ${GENERATED_MARK}the handlers in ${folder}; DO NOT EDIT.`,
    "import type { HandlerClass } from '../../framework';",
    ...found.map(({ name, classes }) => `import { ${[...classes].sort().join(', ')} } from './${name}';`),
    '',
    `/** All handler classes of the module ${module}. */`,
    ...listOf(
      `export const ${module}Handlers: readonly HandlerClass[] = `,
      found.flatMap(({ classes }) => classes),
    ),
    '',
  ].join('\n');
}

/** As the formatter would write it. */
function listOf(declaration: string, names: readonly string[]): string[] {
  const line = `${declaration}[${names.join(', ')}];`;
  return line.length <= LINE_WIDTH ? [line] : [`${declaration}[`, ...names.map((name) => `  ${name},`), '];'];
}

/** Names of the handler classes, in the order of the source. */
export function handlersIn(source: string): string[] {
  return [...source.matchAll(HANDLER)].map(([, name]) => name!);
}

export const HANDLER_INDEX: Generator = {
  folder: SOURCES,
  isOwn: (path) => /^src\/[^/]+\/handlers\/index\.ts$/.test(path),
  source: `${SOURCES}/*/handlers`,
  files: handlerIndexes,
};

if (require.main === module) main(HANDLER_INDEX);
