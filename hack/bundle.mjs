/**
 * Bundles the compiled command line into dist/: main.js, which people run, and one file for each part that a command loads when it runs.
 *
 * Owns: dist/, and what of the packages goes in. Never: compiles TypeScript; tsc does, because only it emits the decorator metadata that
 * injection needs. Invariant: the result needs no node_modules, except that an agent with --raw-ethernet needs koffi, whose native library
 * cannot be bundled. Class names are kept: they appear in logs and messages.
 *
 * Every process keeps the text of each file that it loads in memory, an agent on every node too. What a command loads with `import()` is
 * therefore a file of its own, with everything it needs in it, and what cannot run is replaced by the small files in hack/bundle/, each of
 * which says why it can be. Two files may hold copies of one class: errors are told apart by their brand (isOperatorError).
 */
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { build } from 'esbuild';
import { inRoot } from './run/paths.mjs';

const entry = inRoot('build/src/cli/main.js');
const output = inRoot('dist');
const { version } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));

/** What an import is written as, whose it is, and what takes its place. */
const replacements = [
  { filter: /^@kubernetes\/client-node$/, importer: /./, by: 'hack/bundle/kubernetes-client.mjs' },
  { filter: /^\.\/gen\/index\.js$/, importer: /@kubernetes[/\\]client-node/, by: 'hack/bundle/generated-apis.mjs' },
  // each of them has a copy of its own, all of one version
  { filter: /^tslib$/, importer: /@peculiar/, by: 'node_modules/@peculiar/x509/node_modules/tslib/tslib.es6.mjs' },
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

/** Compiled files that a command loads when it runs, found while bundling. */
const parts = new Set();

const split = {
  name: 'split',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\// }, ({ path, kind, importer }) => {
      // main.js itself only puts off what an older Node.js could not read.
      if (kind !== 'dynamic-import' || dirname(importer) !== dirname(entry) || importer === entry) return undefined;
      const part = resolve(dirname(importer), path);
      parts.add(part);
      return { path: `./${outputName(part)}`, external: true };
    });
  },
};

/** The part of the agent gets its logger from main.js. */
const withoutLogger = {
  name: 'without-logger',
  setup({ onResolve }) {
    onResolve({ filter: /^winston$/ }, () => ({ path: inRoot('hack/bundle/no-logger.mjs') }));
  },
};

/** Two parts may be called index.js: `cli/main.js` is main.js, `wol/agent/run-agent.js` is wol-agent-run-agent.js. */
function outputName(source) {
  return source === entry ? basename(source) : relative(inRoot('build/src'), source).replaceAll(sep, '-');
}

async function bundle(source) {
  const isAgent = basename(source) === 'run-agent.js';
  const outfile = `${output}/${outputName(source)}`;
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    // node_modules may be a link; where it leads must not get into source maps
    preserveSymlinks: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    // require() instead: Node.js loads the machinery of ES modules, 4 MiB, for the first import() of a process
    supported: { 'dynamic-import': false },
    keepNames: true,
    // halves the file and the time to load it; names stay, so that stack traces can be read
    minifyWhitespace: true,
    minifySyntax: true,
    plugins: [replace, split, ...(isAgent ? [withoutLogger] : [])],
    external: ['koffi'],
    alias: { punycode: inRoot('hack/run/punycode.cjs') },
    define: { STEWARD_VERSION: JSON.stringify(version) },
    sourcemap: true,
    legalComments: 'none',
    banner: source === entry ? { js: '#!/usr/bin/env node' } : {},
    logLevel: 'warning',
  });
  return outfile;
}

/** Parts of an earlier build would be shipped with this one. */
function removeBundles() {
  const names = existsSync(output) ? readdirSync(output) : [];
  for (const name of names) if (/\.js(\.map)?$/.test(name)) rmSync(join(output, name));
}

if (existsSync(entry)) {
  removeBundles();
  chmodSync(await bundle(entry), 0o755);
  await Promise.all([...parts].map(bundle));
} else {
  console.error('cannot bundle build/src/cli/main.js: there is no src/cli/main.ts to compile it from');
  process.exitCode = 1;
}
