import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../../harness/steward-cluster';

describe('links between documents', () => {
  for (const path of documents('README.md', 'CONTRIBUTING.md', 'docs', 'examples')) {
    it(`of ${path} lead somewhere`, () => {
      const links = [...readFileSync(join(ROOT, path), 'utf8').matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)].map(([, link]) => link!);
      expect(links.filter((link) => !existsSync(join(ROOT, dirname(path), link)))).to.deep.equal([]);
    });
  }
});

/** Files, and everything written in Markdown below folders. */
function documents(...paths: string[]): string[] {
  return paths.flatMap((path) => {
    if (statSync(join(ROOT, path)).isFile()) return path.endsWith('.md') ? [path] : [];
    return documents(...readdirSync(join(ROOT, path)).map((name) => `${path}/${name}`));
  });
}
