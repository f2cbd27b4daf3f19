/**
 * Bundles the compiled command line into the one file that people run, dist/main.js.
 *
 * Owns: dist/. Never: compiles TypeScript; tsc does, because only it emits the decorator metadata that injection needs.
 * Invariant: the result needs no node_modules. Class names are kept: they appear in logs and messages.
 */
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { inRoot } from './run/paths.mjs';

const entry = inRoot('build/src/cli/main.js');
const output = inRoot('dist/main.js');
const { version } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));

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
    alias: { punycode: inRoot('hack/run/punycode.cjs') },
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
