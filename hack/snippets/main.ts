/**
 * Writes the TypeScript of our documents to `build/snippets/`, one module a document, for the compiler to check.
 *
 * Owns: which documents there are, and that folder. Never: compiles; `hack/run/steps.mjs` does, as users would.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { snippetModule } from './snippet-module';

const ROOT = join(__dirname, '..', '..', '..');
const TARGET = join(ROOT, 'build', 'snippets');
/** Documents, and folders of them. */
const SOURCES = ['README.md', 'CONTRIBUTING.md', 'docs', 'examples'];

function documents(path: string): string[] {
  if (!existsSync(join(ROOT, path))) return [];
  if (!statSync(join(ROOT, path)).isDirectory()) return path.endsWith('.md') ? [path] : [];
  return readdirSync(join(ROOT, path)).flatMap((name) => documents(`${path}/${name}`));
}

rmSync(TARGET, { recursive: true, force: true });
for (const path of SOURCES.flatMap(documents)) {
  const module = snippetModule(path, readFileSync(join(ROOT, path), 'utf8'));
  if (module === undefined) continue;
  mkdirSync(join(TARGET, dirname(path)), { recursive: true });
  writeFileSync(join(TARGET, `${path}.ts`), module);
}
