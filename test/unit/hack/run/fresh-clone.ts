/**
 * A copy of the bootstrap in a folder of its own, with stand-ins for npm and for the tools that npm installs.
 *
 * Owns: the folder. Never: reaches the network or the real node_modules.
 * Invariant: the stand-ins are what the bootstrap finds on PATH, so that its own code runs unchanged.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const REPOSITORY = join(__dirname, '..', '..', '..', '..', '..');

/** Makes what `npm ci` makes as far as the bootstrap looks at it, and counts how often. */
const NPM = `echo "npm $*" >> npm-calls
rm -rf node_modules && cp -r tools node_modules
echo installed`;

/** Writes the results that the reporter would write: the counts of the suite, taken from a file of the test. */
const MOCHA = `for arg in "$@"; do
  case "$arg" in
    --reporter-option=results=*) results="\${arg#--reporter-option=results=}" ;;
    build/test/unit/*) suite=unit ;;
    build/examples/*) suite=examples ;;
    build/test/integration/*) suite=integration ;;
    build/test/e2e/*) suite=e2e ;;
  esac
done
echo "mocha $*" >> tool-calls
if [ -e "$suite-results.json" ]; then cp "$suite-results.json" "$results"; fi
exit "$(cat "$suite-exit" 2>/dev/null || echo 0)"`;

export interface Run {
  readonly exitCode: number | null;
  readonly lines: readonly string[];
}

/** Programs that make files of the repository, in their order, below hack/. */
export const GENERATORS = [
  ...readFileSync(join(REPOSITORY, 'hack/run/steps.mjs'), 'utf8').matchAll(/^ {2}'hack\/(generators\/[a-z-]+)',$/gm),
].map(([, name]) => name!);

export class FreshClone {
  readonly folder = mkdtempSync(join(tmpdir(), 'fresh-clone-'));
  /** Variables beside those of this process. */
  readonly env: Record<string, string> = { KUBECONFIG: '' };

  constructor() {
    for (const path of ['hack/run.mjs', 'hack/run']) cpSync(join(REPOSITORY, path), join(this.folder, path), { recursive: true });
    this.write('package-lock.json', '{}');
    this.tool('path/npm', NPM);
    this.tool('tools/.bin/node', `exec "${process.execPath}" "$@"`);
    for (const name of ['tsc', 'biome']) this.tool(`tools/.bin/${name}`, `echo "${name} $*" >> tool-calls`);
    this.tool('tools/.bin/mocha', MOCHA);
    this.write('hack/bundle.mjs', '');
    for (const name of [...GENERATORS, 'rights/main', 'control-plane/main', 'cluster/main', 'images/main', 'snippets/main']) {
      this.program(name, `require('node:fs').appendFileSync('tool-calls', '${name} ' + process.argv.slice(2).join(' ') + '\\n')`);
    }
    this.results('unit', { passed: 3, failed: 0, skipped: 0 });
    this.results('examples', { passed: 4, failed: 0, skipped: 0 });
    this.results('integration', { passed: 2, failed: 0, skipped: 0 });
  }

  /** A compiled program below hack/, and the source that makes it one. */
  program(name: string, javascript: string): void {
    this.write(`hack/${name}.ts`, '');
    this.write(`build/hack/${name}.js`, javascript);
  }

  /** What the suite reports, its failures by their number; undefined when it crashes before it can. */
  results(
    suite: 'unit' | 'examples' | 'integration',
    counts: { passed: number; failed: number; skipped: number } | undefined,
    exitCode = 0,
  ): void {
    if (counts === undefined) rmSync(join(this.folder, `${suite}-results.json`));
    else this.write(`${suite}-results.json`, JSON.stringify({ ...counts, failures: failuresOf(suite, counts.failed) }));
    this.write(`${suite}-exit`, String(exitCode));
  }

  /** A shell script that can be executed. */
  tool(path: string, script: string): void {
    this.write(path, `#!/bin/sh\n${script}\n`);
    chmodSync(join(this.folder, path), 0o755);
  }

  write(path: string, content: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), content);
  }

  has(path: string): boolean {
    return existsSync(join(this.folder, path));
  }

  /** The lines of a file; none when it does not exist. */
  lines(path: string): string[] {
    return this.has(path) ? readFileSync(join(this.folder, path), 'utf8').trimEnd().split('\n') : [];
  }

  /**
   * Starts a step; its output is collected by {@link ended}. Both its outputs go through one pipe: of two pipes a reader that comes late
   * cannot tell which line was first.
   */
  start(...args: string[]): ChildProcess {
    const path = [join(this.folder, 'path'), process.env['PATH']].join(delimiter);
    return spawn('sh', ['-c', 'exec "$@" 2>&1', 'sh', process.execPath, join(this.folder, 'hack', 'run.mjs'), ...args], {
      env: { ...process.env, ...this.env, PATH: path },
    });
  }

  run(...args: string[]): Promise<Run> {
    return ended(this.start(...args));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Waits for the end of a step. Lines of both outputs, in the order in which they were written. */
export function ended(child: ChildProcess): Promise<Run> {
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, lines: Buffer.concat(chunks).toString('utf8').trimEnd().split('\n') }));
  });
}

/** What the reporter writes of each failure. */
export function failuresOf(suite: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${suite} test ${index + 1}\n    Error: not as expected`);
}
