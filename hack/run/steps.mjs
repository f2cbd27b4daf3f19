/**
 * What each npm script does once the packages are there.
 *
 * Owns: the steps and their order. Never: talks to a cluster; that is up to the programs it starts.
 * Invariant: `test` goes on after a failed gate, so that one run shows everything that is wrong; its end tells all of that again, and its
 * last line counts it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { inRoot, root } from './paths.mjs';
import { interruption, runAloud, runQuietly, toolEnvironment } from './processes.mjs';

/** Longest time for one test suite: several times what it needs on two cores. */
const SUITE_LIMIT_MS = 60 * 60_000;

const suites = {
  // The files of a suite share nothing: an integration test starts its own control planes, on ports of their own.
  unit: ['--parallel', '--jobs=2', 'build/test/unit/**/*.test.js'],
  examples: ['--parallel', '--jobs=2', 'build/examples/**/*.test.js'],
  integration: ['--parallel', '--jobs=2', 'build/test/integration/**/*.test.js'],
  e2e: ['build/test/e2e/**/*.test.js'],
};

/** Names the folder in which integration tests leave what managers have called; see hack/rights. */
const RIGHTS_JOURNAL = 'STEWARD_RIGHTS_JOURNAL';

/** Programs that make files of the repository from others; each takes `--check`. */
const generators = [
  'hack/generators/crd-types',
  'hack/generators/proto',
  'hack/generators/handler-index',
  'hack/generators/option-tables',
  'hack/generators/rbac',
  'hack/generators/platform-assets',
  'hack/generators/platform-events',
  'hack/generators/chart-crds',
  'hack/generators/chart-rights',
  'hack/generators/chart-values',
  'hack/generators/dashboards',
  'hack/generators/olm-bundle',
];

/** Step name to function of its arguments that resolves to the exit code. */
export const steps = new Map([
  ['build', build],
  ['lint', (args) => runAloud('biome', ['check', ...args, '.'])],
  ['format', (args) => runAloud('biome', ['check', '--write', ...args, '.'])],
  ['generate', async (args) => (await compile()) || generate(args)],
  ['test', test],
  ['test:unit', async (args) => (await compile()) || suite('unit', args)],
  ['test:examples', async (args) => (await compile()) || (await compileExamples()) || (await checkSnippets()) || suite('examples', args)],
  ['test:integration', async (args) => (await build()) || (await compileExamples()) || (await controlPlane()) || integration(args)],
  ['example', async (args) => (await compile()) || (await compileExamples()) || program('examples/run', args)],
  ['bundle:validate', async (args) => (await compile()) || program('hack/olm/main', args)],
  ['manifests', async (args) => (await compile()) || program('hack/manifests/main', args)],
  ['images', async (args) => (await build()) || program('hack/images/main', args)],
  ['test:e2e', async (args) => endToEndObstacle() ?? ((await build()) || endToEnd(args))],
  ['update-crds', async (args) => (await compile()) || program('hack/update-crds/main', args)],
  ['verify-crds', async (args) => (await compile()) || program('hack/update-crds/main', ['--verify', ...args])],
  ['demo', async (args) => (await build()) || program('hack/demo/main', args)],
  ['bench', async (args) => (await build()) || program('hack/bench/main', args)],
]);

async function build() {
  return (await compile()) || (await typings()) || bundle();
}

async function compile() {
  removeLeftovers();
  return runQuietly('compile', '', 'tsc', ['-p', '.']);
}

/** The declarations that users of the package compile with. */
function typings() {
  return runQuietly('typings', '', 'tsc', ['-p', 'tsconfig.typings.json']);
}

/** The examples are users: they see the declarations and none of our sources. */
async function compileExamples() {
  return (await typings()) || runQuietly('examples', '', 'tsc', ['-p', 'examples']);
}

/** What stands in our documents compiles as a user's code would. Needs the typings. */
async function checkSnippets() {
  return (await program('hack/snippets/main', [])) || runQuietly('snippets of the documents', '', 'tsc', ['-p', 'hack/snippets']);
}

function bundle() {
  return runQuietly('bundle', '', 'node', ['hack/bundle.mjs']);
}

/** Runs every generator, also after one has failed. */
async function generate(args) {
  let exitCode = 0;
  for (const generator of generators) exitCode = (await program(generator, args)) || exitCode;
  return exitCode;
}

/** The programs that integration tests run against: etcd and the parts of a Kubernetes control plane. */
function controlPlane() {
  return program('hack/control-plane/main', ['build']);
}

/**
 * On real nodes: of this machine, which takes root, a Debian and some minutes the first time, or of the cluster that KUBECONFIG names.
 * No part of `test`, which would take too long with it.
 */
async function endToEnd(args) {
  const [kubeconfig] = kubeconfigs();
  if (kubeconfig !== undefined) return (await program('hack/images/main', [])) || suite('e2e', args, { KUBECONFIG: kubeconfig });
  const nodes = async () => (await controlPlane()) || program('hack/cluster/main', ['build']);
  try {
    return (await nodes()) || (await program('hack/images/main', [])) || (await suite('e2e', args));
  } finally {
    // Also after Ctrl-C, which leaves tests no time to take their nodes away.
    spawnSync('node', ['build/hack/cluster/main.js', 'clean'], { cwd: root, env: toolEnvironment(), stdio: 'inherit' });
  }
}

/** The files that KUBECONFIG names. */
function kubeconfigs() {
  return (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
}

/** What is wrong with KUBECONFIG for end-to-end tests: `undefined` = it is one file, or not set. */
function kubeconfigMistake() {
  const value = process.env['KUBECONFIG'] ?? '';
  if (value === '') return undefined;
  const files = kubeconfigs();
  const missing = files.filter((file) => !existsSync(file));
  if (files.length === 0) return `is ${JSON.stringify(value)}, which names no file`;
  if (missing.length > 0) return `names ${missing.join(' and ')}, which ${missing.length === 1 ? 'does' : 'do'} not exist`;
  return files.length === 1 ? undefined : `names ${files.length} files; name one ("kubectl config view --flatten" makes one of them)`;
}

/** What end-to-end tests lack, found out before anything is built for them: an exit code, or `undefined` when nothing. */
function endToEndObstacle() {
  const mistake = kubeconfigMistake();
  if (mistake !== undefined) {
    console.error(`KUBECONFIG ${mistake}; unset it to run the tests on nodes of this machine`);
    return 2;
  }
  if (kubeconfigs().length > 0) return undefined;
  const reason =
    process.platform === 'linux'
      ? process.getuid?.() === 0
        ? undefined
        : 'it needs root'
      : `it needs Linux (this is ${process.platform})`;
  if (reason === undefined) return undefined;
  console.error(`Skipping end-to-end tests on a local node: ${reason}. Set KUBECONFIG to run them against your cluster.`);
  return process.env['CI'] || process.env['STEWARD_E2E'] === 'required' ? 1 : 0;
}

/** Runs one of our own programs, named by its source without the extension. */
async function program(source, args) {
  const file = `build/${source}.js`;
  if (existsSync(inRoot(file))) return runAloud('node', ['--enable-source-maps', file, ...args]);
  console.error(`cannot run ${file}: there is no ${source}.ts to compile it from`);
  return 1;
}

async function test(args) {
  if (args.length > 0) {
    console.error(`test takes no arguments (got "${args.join(' ')}"); use test:unit or test:integration for a part of it`);
    return 2;
  }
  const started = performance.now();
  const total = { passed: 0, failed: 0, failures: [] };
  const heading = (title) => console.log(`\n== ${title} (${Math.round((performance.now() - started) / 1_000)} s)`);
  const gate = async (title, run) => {
    if (interruption() !== undefined) return false;
    heading(title);
    const passed = (await run()) === 0;
    if (!passed) add(total, { passed: 0, failed: 1, failures: [title] });
    return passed;
  };
  if (await gate('compile', compile)) {
    const bundled = await gate('bundle', bundle);
    await gate('generated files', () => generate(['--check']));
    await gate('lint', () => runAloud('biome', ['check', '.']));
    heading('unit tests');
    add(total, await countedSuite('unit'));
    if (await gate('compile the examples', compileExamples)) {
      await gate('documents', checkSnippets);
      heading('examples');
      add(total, await countedSuite('examples'));
    }
    if ((await gate('control plane', controlPlane)) && bundled) {
      heading('integration tests');
      const journals = newFolder('rights');
      try {
        const counts = await countedSuite('integration', { [RIGHTS_JOURNAL]: journals });
        add(total, counts);
        if (counts.failed === 0) await gate('rights in use', () => rightsInUse(journals));
      } finally {
        rmSync(journals, { recursive: true });
      }
    }
  }
  if (total.failures.length > 0) {
    heading('what failed');
    for (const failure of total.failures) console.log(failure);
  }
  heading('all done');
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 ? 0 : 1;
}

function add(total, { passed, failed, failures }) {
  total.passed += passed;
  total.failed += failed;
  total.failures.push(...failures);
}

/** Without arguments it is the whole suite, after which every right of the manager must have been used. */
async function integration(args) {
  if (args.length > 0) return suite('integration', args);
  const journals = newFolder('rights');
  try {
    return (await suite('integration', [], { [RIGHTS_JOURNAL]: journals })) || (await rightsInUse(journals));
  } finally {
    rmSync(journals, { recursive: true });
  }
}

/** Compares what managers called during the whole suite with what they may call. */
function rightsInUse(journals) {
  return program('hack/rights/main', [journals]);
}

function newFolder(purpose) {
  return mkdtempSync(join(tmpdir(), `virt-steward-${purpose}-`));
}

function suite(name, args, variables = {}) {
  return runAloud('mocha', [...suites[name], ...args], { limitMs: SUITE_LIMIT_MS, env: { ...toolEnvironment(), ...variables } });
}

/** Runs a suite and counts. A suite that ends badly without a failed test, or without any result, counts as one failure. */
async function countedSuite(name, variables) {
  if (interruption() !== undefined) return { passed: 0, failed: 0, failures: [] };
  const oneFailure = (passed, reason) => {
    console.error(reason);
    return { passed, failed: 1, failures: [reason] };
  };
  const folder = newFolder('test');
  const results = join(folder, 'results.json');
  try {
    const reporter = ['--reporter=hack/run/counting-reporter.cjs', `--reporter-option=results=${results}`];
    const exitCode = await suite(name, reporter, variables);
    if (!existsSync(results)) return oneFailure(0, `the ${name} tests ended without results, exit code ${exitCode}`);
    const { passed, failed, skipped, failures } = JSON.parse(readFileSync(results, 'utf8'));
    if (skipped > 0) console.log(`${skipped} skipped`);
    if (exitCode === 0 || failed > 0) return { passed, failed, failures };
    return oneFailure(passed, `the ${name} tests passed, yet ended with exit code ${exitCode}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Removes what was compiled from sources that are gone, so that a deleted test does not run on. */
function removeLeftovers() {
  if (!existsSync(inRoot('build'))) return;
  for (const entry of readdirSync(inRoot('build'), { recursive: true, withFileTypes: true })) {
    const compiled = join(entry.parentPath ?? entry.path, entry.name);
    const match = /^(.*)\.(?:js|js\.map|d\.ts)$/.exec(compiled.slice(inRoot('build').length));
    if (match !== null && !existsSync(`${root}${match[1]}.ts`)) rmSync(compiled);
  }
}
