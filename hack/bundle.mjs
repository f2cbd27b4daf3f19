/**
 * Bundles the compiled command line into the one file that people run, dist/main.js.
 *
 * Owns: dist/, and what of the packages goes in. Never: compiles TypeScript; tsc does, because only it emits the decorator metadata that
 * injection needs. Invariant: the result needs no node_modules. Class names are kept: they appear in logs and messages.
 *
 * Every process keeps the text of the whole file in memory, an agent on every node too. What cannot run is therefore replaced by the
 * small files in hack/bundle/, each of which says why it can be.
 */
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { inRoot } from './run/paths.mjs';

const entry = inRoot('build/src/cli/main.js');
const output = inRoot('dist/main.js');
const { version } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));

/** What an import is written as, whose it is, and what takes its place. */
const replacements = [
  { filter: /^@kubernetes\/client-node$/, importer: /./, by: 'hack/bundle/kubernetes-client.mjs' },
  { filter: /^\.\/gen\/index\.js$/, importer: /@kubernetes[/\\]client-node/, by: 'hack/bundle/generated-apis.mjs' },
  { filter: /^(undici|gaxios)$/, importer: /@kubernetes[/\\]client-node|@dot-i[/\\]k8s-operator/, by: 'hack/bundle/not-bundled.mjs' },
];

const replace = {
  name: 'replace',
  setup({ onResolve }) {
    for (const { filter, importer, by } of replacements) {
      onResolve({ filter }, (request) => (importer.test(request.importer) ? { path: inRoot(by) } : undefined));
    }
  },
};

if (existsSync(entry)) {
  await build({
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    keepNames: true,
    // halves the file and the time to load it; names stay, so that stack traces can be read
    minifyWhitespace: true,
    minifySyntax: true,
    plugins: [replace],
    alias: { punycode: inRoot('hack/run/punycode.cjs') },
    // Its native library cannot be bundled; only an agent with --raw-ethernet loads it, see docs/reference/agent.md
    external: ['koffi'],
    define: { STEWARD_VERSION: JSON.stringify(version) },
    sourcemap: true,
    legalComments: 'none',
    banner: { js: '#!/usr/bin/env node' },
    logLevel: 'warning',
  });
  chmodSync(output, 0o755);
} else {
  console.error('cannot bundle build/src/cli/main.js: there is no src/cli/main.ts to compile it from');
  process.exitCode = 1;
}
