import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';

/** Packages that only the manager needs. */
const HEAVY = /node_modules\/(@kubernetes|@dot-i|tsyringe|yaml|fast-json-patch)\//;
const SOURCES = join(__dirname, '..', '..', '..', 'src');

/** The files a fresh process has loaded after the statement. */
function loadedBy(statement: string): string[] {
  const script = `(async () => { ${statement}; console.log(Object.keys(require.cache).join('\\n')); })()`;
  return execFileSync(process.execPath, ['-e', script], { cwd: SOURCES, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .trim()
    .split('\n');
}

describe('what a command loads', () => {
  it('is no Kubernetes client, container or runtime for an agent', () => {
    const files = loadedBy("require('./cli/program'); await import('./wol/agent/run-agent.js')");
    expect(files.some((file) => file.endsWith('run-agent.js'))).to.equal(true);
    expect(files.filter((file) => HEAVY.test(file))).to.deep.equal([]);
  });

  it('is no Kubernetes client, container or runtime to send a packet, nor to tell what doctor is', () => {
    for (const args of [
      "['wake', '02:00:00:00:00:01', '--to', '127.0.0.1', '--dry-run']",
      "['doctor', '--help']",
      "['wake', '--list', '-o', 'none']",
    ]) {
      const files = loadedBy(`await require('./cli/program').main(${args}, {})`);
      expect(files.some((file) => file.endsWith('program.js'))).to.equal(true);
      expect(files.filter((file) => HEAVY.test(file))).to.deep.equal([]);
    }
  });

  it('is the client for a list of what packets wake', () => {
    const files = loadedBy("await require('./cli/program').main(['wake', '--list', '--kubeconfig', '/nonexistent'], {})");
    expect(files.some((file) => file.includes('node_modules/@kubernetes/'))).to.equal(true);
  });

  it('is the whole framework for a manager, so that the test above can fail', () => {
    const files = loadedBy("await import('./cli/run-manager.js')");
    expect(files.some((file) => file.includes('node_modules/@kubernetes/'))).to.equal(true);
    expect(files.some((file) => file.includes('node_modules/tsyringe/'))).to.equal(true);
  });
});
